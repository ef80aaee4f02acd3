//! How shared JSON is written and read: as the JSON it is.

use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};
use serde_json::Value;
use std::sync::Arc;

pub(crate) fn serialize<S: Serializer>(value: &Arc<Value>, serializer: S) -> Result<S::Ok, S::Error> {
    value.as_ref().serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<Value>, D::Error> {
    Value::deserialize(deserializer).map(Arc::new)
}
