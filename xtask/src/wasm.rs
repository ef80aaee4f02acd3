//! WebAssembly: the target, guests built for it, and engine.wasm, which must import nothing.
//!
//! The section walker reads as much of a module as that question needs. Judging plugins is `host-api`'s business.

use crate::run::{Ring, cargo, output, same_bytes_everywhere};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What guests and engine.wasm are built for: no WASI, no host.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// Makes sure that the standard library for `TARGET` is there.
///
/// # Errors
/// It is not, and rustup cannot add it.
pub fn target(root: &Path, ring: &Ring) -> Result<()> {
    let libraries =
        output(Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]).current_dir(root))?;
    if Path::new(libraries.trim()).is_dir() {
        return Ok(());
    }
    ring.run(Command::new("rustup").args(["target", "add", TARGET]).current_dir(root))
        .with_context(|| format!("the Rust target {TARGET} is missing; `rustup target add {TARGET}` adds it"))
}

/// Cargo's target folder.
///
/// # Errors
/// Cargo does not say.
pub fn target_folder(root: &Path) -> Result<PathBuf> {
    let metadata = metadata(root)?;
    Ok(metadata["target_directory"].as_str().context("cargo names no target folder")?.into())
}

/// `cargo metadata`, workspace members only.
///
/// # Errors
/// Cargo fails.
pub fn metadata(root: &Path) -> Result<serde_json::Value> {
    Ok(serde_json::from_str(&output(cargo(root).args(["metadata", "--no-deps", "--format-version", "1"]))?)?)
}

/// Builds the library of `package` as a core module, by a profile of Cargo.toml, and returns its file.
///
/// # Errors
/// It does not compile.
pub fn module(root: &Path, ring: &Ring, package: &str, profile: &str) -> Result<PathBuf> {
    target(root, ring)?;
    ring.run(
        cargo(root)
            .args(["build", "--package", package, "--lib", "--target", TARGET, "--profile", profile, "--config"])
            .arg(same_bytes_everywhere(root)?),
    )?;
    Ok(target_folder(root)?.join(TARGET).join(profile).join(format!("{}.wasm", package.replace('-', "_"))))
}

/// Builds `target/engine.wasm` and proves that it imports nothing.
///
/// # Errors
/// It does not compile, or it imports something: then its verdicts could depend on a host.
pub fn engine(root: &Path, ring: &Ring) -> Result<PathBuf> {
    let module = module(root, ring, "engine", "wasm")?;
    let bytes = std::fs::read(&module).with_context(|| format!("cannot read {}", module.display()))?;
    if let Some(import) = first_import(&bytes)? {
        bail!("engine.wasm imports {import}; its import section must be empty");
    }
    let engine = target_folder(root)?.join("engine.wasm");
    std::fs::write(&engine, &bytes).with_context(|| format!("cannot write {}", engine.display()))?;
    ring.say(&format!("engine.wasm: {} kB, no imports", bytes.len() / 1000));
    Ok(engine)
}

/// The first import of a core module, if it has one.
fn first_import(module: &[u8]) -> Result<Option<String>> {
    const IMPORT_SECTION: u8 = 2;
    let mut rest = module.strip_prefix(b"\0asm\x01\0\0\0").context("not a WebAssembly core module")?;
    while let [id, after_id @ ..] = rest {
        let (section, after) = sized(after_id)?;
        rest = after;
        if *id != IMPORT_SECTION {
            continue;
        }
        let (count, imports) = number(section)?;
        if count > 0 {
            let (module, imports) = sized(imports)?;
            let (name, _) = sized(imports)?;
            return Ok(Some(format!("`{}` `{}`", String::from_utf8_lossy(module), String::from_utf8_lossy(name))));
        }
    }
    Ok(None)
}

/// Bytes behind their length, and the rest.
fn sized(bytes: &[u8]) -> Result<(&[u8], &[u8])> {
    let (size, rest) = number(bytes)?;
    rest.split_at_checked(size).context("a WebAssembly section is cut off")
}

/// A LEB128 number, and the rest.
fn number(bytes: &[u8]) -> Result<(usize, &[u8])> {
    let mut value = 0_u64;
    for (at, byte) in bytes.iter().enumerate().take(5) {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Ok((usize::try_from(value)?, bytes.get(at + 1..).unwrap_or_default()));
        }
    }
    bail!("a WebAssembly number does not end")
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &[u8] = b"\0asm\x01\0\0\0";
    /// One function type, then `import "host" "now"` as a function of that type.
    const IMPORTING: &[u8] = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x02\x0c\x01\x04host\x03now\0\0";

    #[test]
    fn a_module_without_imports_has_none() {
        assert_eq!(first_import(EMPTY).unwrap(), None);
        assert_eq!(first_import(&[EMPTY, &[2, 1, 0]].concat()).unwrap(), None, "an import section of no imports");
    }

    #[test]
    fn an_import_is_named() {
        assert_eq!(first_import(IMPORTING).unwrap().unwrap(), "`host` `now`");
    }

    #[test]
    fn what_is_not_a_module_is_refused() {
        assert!(first_import(b"\0asm\x0d\0\x01\0").is_err(), "a component");
        for cut in EMPTY.len() + 1..IMPORTING.len() {
            let cut = IMPORTING.get(..cut).unwrap();
            assert!(!matches!(first_import(cut), Ok(Some(_))), "cut off at {}", cut.len());
        }
        assert!(first_import(&[EMPTY, &[2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]].concat()).is_err());
    }
}
