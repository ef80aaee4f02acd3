//! The compiling child: WebAssembly on stdin, machine code on stdout, nothing else.

use super::{FRAME, sandbox};
use crate::runtime;
use std::io::{self, Read, Write};
use std::process::ExitCode;
use wasmparser::Parser;

/// Exit code: the compiler will not compile this; stdout says why.
pub(super) const REFUSED: i32 = 10;

/// Exit code: the process could not give up its rights, so it read nothing.
pub(super) const NO_SANDBOX: i32 = 11;

/// The whole program of the child. It makes its engine, gives up every right it has left, then reads.
///
/// A program that offers itself as [`super::Compiler::Child`] calls this before it does anything else and exits with what
/// it returns.
#[must_use]
pub fn compile_child() -> ExitCode {
    let engine = match runtime::engine() {
        Ok(engine) => engine,
        Err(error) => return refuse(&error.to_string()),
    };
    if sandbox::enter().is_err() {
        return exit(NO_SANDBOX);
    }
    let mut wasm = Vec::new();
    if let Err(error) = io::stdin().lock().read_to_end(&mut wasm) {
        return refuse(&format!("cannot read stdin: {error}"));
    }
    let code =
        if Parser::is_component(&wasm) { engine.precompile_component(&wasm) } else { engine.precompile_module(&wasm) };
    match code.map_err(|error| format!("{error:#}")) {
        Ok(code) => match write(&[FRAME, &code]) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(detail) => refuse(&detail),
    }
}

fn refuse(detail: &str) -> ExitCode {
    match write(&[detail.as_bytes()]) {
        Ok(()) => exit(REFUSED),
        Err(_) => ExitCode::FAILURE,
    }
}

fn write(parts: &[&[u8]]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    parts.iter().try_for_each(|part| stdout.write_all(part))?;
    stdout.flush()
}

fn exit(code: i32) -> ExitCode {
    u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from)
}
