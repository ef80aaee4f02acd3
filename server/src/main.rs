//! The program `sopwith`; what it does is the library's.

use std::process::ExitCode;

fn main() -> ExitCode {
    server::main()
}
