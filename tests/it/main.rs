//! The single end-to-end test binary. `cargo xtask test` builds what it needs and names it in the environment.

mod bad_input;
mod cases;
mod day;
mod plugin_tools;
mod verify;
