"""What the OpenAPI document cannot say: the bytes of a component are bytes."""

import schemathesis

schemathesis.serializer.alias("application/wasm", "application/octet-stream")
