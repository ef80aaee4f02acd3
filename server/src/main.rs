//! The program `sopwith`; what it does is the library's.

use std::process::ExitCode;

/// Judging makes and drops many small JSON values on several threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    server::main()
}
