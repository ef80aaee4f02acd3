//! The sandbox: runs rules, and `engine.wasm`, as WebAssembly with nothing but their arguments. The Rust side of `wit/`.
//!
//! The way of a plugin: [`Host::load`] checks size and shape (`policy`), compiles in a child process that can neither open
//! a file nor a socket (`compile`), keeps the code on disk under a MAC (`cache`), links it against the two imports there
//! are (`imports`), and asks it for its manifest (`plugin`). [`Host::call`] then runs one rule in a store of its own, under
//! fuel, a deadline and the limits of [`Limits`], and checks every word of the answer (`call`, `answer`).
//!
//! PURE: what a rule gets is its arguments and the dataset rows it asks for, and the latter are recorded. The same
//! component, input and rows give the same answer and burn the same fuel.
//!
//! What must not live here: what a finding means, who may install what, where a dataset comes from. wasmtime is named in
//! this crate and in no other, and no type of it is part of the public API.

mod answer;
mod cache;
mod call;
mod code;
mod compile;
mod engine_module;
mod error;
mod failure;
mod host;
mod imports;
mod limits;
mod manifest;
mod plugin;
mod policy;
mod processor;
mod room;
mod runtime;
mod since_v1;
#[doc(hidden)]
pub mod stages;

pub use compile::{Compiler, compile_child};
pub use engine_module::EngineModule;
pub use error::{HostError, RefusalCode, Refused};
pub use host::{Host, HostConfig};
pub use imports::{Datasets, NoDatasets, Row};
pub use limits::{CallLimits, CompileLimits, Limits, Room, ShapeLimits};
pub use plugin::Plugin;
pub use processor::busy;
