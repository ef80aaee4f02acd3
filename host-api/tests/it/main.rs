//! The sandbox from outside: guests are written in these files, encoded as components, compiled by the real child, and run.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

mod cache;
mod compile;
mod engine_module;
mod guest;
mod hostile_answers;
mod hostile_binaries;
mod room;
mod rules;
