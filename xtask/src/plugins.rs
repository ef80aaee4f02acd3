//! First-party plugins: every package under plugins/ that is a cdylib, built into `target/plugins/<name>.wasm`; and the one
//! plugin of the SOP that only the tests know.
//!
//! `sopwith plugin build` turns the core module into a component, as it does for a partner.

use crate::run::{Ring, cargo};
use crate::wasm;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds the program and returns its file: as part of the workspace, so that its dependencies have the features that
/// `cargo xtask test` builds them with.
///
/// # Errors
/// It does not compile.
pub fn sopwith(root: &Path, ring: &Ring) -> Result<PathBuf> {
    ring.run(cargo(root).args(["build", "--workspace", "--bin", "sopwith"]))?;
    built_sopwith(root)
}

/// Where the program lies once it is built.
///
/// # Errors
/// Cargo does not name its target folder.
pub fn built_sopwith(root: &Path) -> Result<PathBuf> {
    Ok(wasm::target_folder(root)?.join("debug").join(format!("sopwith{}", std::env::consts::EXE_SUFFIX)))
}

/// Builds the program and all plugins with it; returns the folder of the components.
///
/// # Errors
/// Something does not compile, or a module is refused.
pub fn build(root: &Path, ring: &Ring) -> Result<PathBuf> {
    let sopwith = sopwith(root, ring)?;
    build_with(root, ring, &sopwith)
}

/// Builds all plugins with a program that is there; returns the folder of the components.
///
/// # Errors
/// Something does not compile, or a module is refused.
pub fn build_with(root: &Path, ring: &Ring, sopwith: &Path) -> Result<PathBuf> {
    let folder = wasm::target_folder(root)?.join("plugins");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for name in built(root)? {
        let module = wasm::module(root, ring, &name, "plugin")?;
        let component = folder.join(format!("{name}.wasm"));
        let mut command = Command::new(sopwith);
        ring.run(
            command.args(["plugin", "build", "--module"]).arg(module).arg("--out").arg(component).current_dir(root),
        )?;
    }
    Ok(folder)
}

/// Names of the plugins that are built: the first-party ones and those of tests.
///
/// # Errors
/// Cargo does not describe the workspace.
pub fn built(root: &Path) -> Result<Vec<String>> {
    Ok(names(&wasm::metadata(root)?, root))
}

/// Where plugins are.
const FOLDERS: [&str; 2] = ["plugins", "tests/fourth/plugin"];

/// Packages under `FOLDERS` that are cdylibs, in order of name.
fn names(metadata: &serde_json::Value, root: &Path) -> Vec<String> {
    let lies_there = |manifest: &str| FOLDERS.iter().any(|folder| Path::new(manifest).starts_with(root.join(folder)));
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let plugins = packages.filter(|package| {
        let targets = package["targets"].as_array().into_iter().flatten();
        let cdylib = |kind: &serde_json::Value| kind == "cdylib";
        let is_cdylib = targets.flat_map(|target| target["crate_types"].as_array()).flatten().any(cdylib);
        is_cdylib && package["manifest_path"].as_str().is_some_and(lies_there)
    });
    let mut names: Vec<String> = plugins.filter_map(|package| Some(package["name"].as_str()?.to_owned())).collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn plugins_are_the_cdylibs_under_plugins() {
        let package = |name: &str, manifest: &str, kind: &str| json!({"name": name, "manifest_path": manifest, "targets": [{"crate_types": [kind]}, {"crate_types": ["bin"]}]});
        let metadata = json!({"packages": [
            package("b", "/repo/plugins/b/Cargo.toml", "cdylib"),
            package("sdk", "/repo/plugins/sdk/Cargo.toml", "lib"),
            package("a", "/repo/plugins/a/Cargo.toml", "cdylib"),
            package("engine", "/repo/engine/Cargo.toml", "cdylib"),
            package("c", "/repo/tests/fourth/plugin/Cargo.toml", "cdylib"),
            package("tests", "/repo/tests/Cargo.toml", "cdylib"),
        ]});
        assert_eq!(names(&metadata, Path::new("/repo")), ["a", "b", "c"]);
    }
}
