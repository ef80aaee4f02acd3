//! The compiling child as a program of its own, for the tests of this crate; `sopwith` has the same as a hidden command.

use std::process::ExitCode;

fn main() -> ExitCode {
    host_api::compile_child()
}
