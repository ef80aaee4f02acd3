//! Versions of a plugin that differ for everybody and run the same code: the component with one more custom section.
//!
//! Hashes, files and mappings of such versions differ. The compiler leaves custom sections out, so the machine code is made
//! once, by the real child; for all further versions its output is played back. All else is the way of any plugin.

use anyhow::{Context as _, ensure};
use host_api::Compiler;
use std::path::Path;
use std::process::{Command, Stdio};

/// The version of somebody.
pub fn version_of(wasm: &[u8], who: &str) -> Vec<u8> {
    const NAME: &[u8] = b"bench";
    let size = 1 + NAME.len() + who.len();
    let mut all = wasm.to_vec();
    // Both lengths are below 128, so each is one byte of LEB128.
    all.extend([0, u8::try_from(size).unwrap_or(u8::MAX), u8::try_from(NAME.len()).unwrap_or(u8::MAX)]);
    all.extend(NAME);
    all.extend(who.as_bytes());
    all
}

/// Compiles a component and gives a compiler that says of every version of it what the real one said; it keeps that in
/// `file`.
pub fn played_back(wasm: &[u8], file: &Path) -> anyhow::Result<Compiler> {
    std::fs::write(file, compiled(wasm)?)?;
    Ok(Compiler::Child {
        program: "/bin/sh".into(),
        args: vec!["-c".into(), "cat > /dev/null; exec cat \"$0\"".into(), file.into()],
    })
}

/// What the compiling child says to a component.
fn compiled(wasm: &[u8]) -> anyhow::Result<Vec<u8>> {
    use std::io::Write as _;
    let mut child = Command::new(tests::built("SOPWITH_BIN")?)
        .arg("compile-plugin")
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    child.stdin.take().context("the compiler has no stdin")?.write_all(wasm)?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "the compiler ended with {}", output.status);
    Ok(output.stdout)
}
