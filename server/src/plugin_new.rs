//! `sopwith plugin new`: a folder with one working rule, its cases and its tests.
//!
//! The files are in `plugin_new/`, with `NAME`, `IDENT` and `SDK` to be filled in.

use crate::cli::NewArguments;
use anyhow::{Context as _, ensure};
use std::path::Path;

/// Where a file goes, and what is in it.
const FILES: [(&str, &str); 4] = [
    ("Cargo.toml", include_str!("plugin_new/Cargo.toml.template")),
    ("src/lib.rs", include_str!("plugin_new/lib.rs.template")),
    ("cases/at_most.json", include_str!("plugin_new/at_most.json")),
    ("README.md", include_str!("plugin_new/README.md")),
];

/// Runs the command.
///
/// # Errors
/// When the name is not one, the folder exists, or a file cannot be written.
pub fn run(arguments: &NewArguments) -> anyhow::Result<bool> {
    let name = &arguments.name;
    let fits = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    ensure!(
        fits && name.starts_with(|first: char| first.is_ascii_lowercase()),
        "`{name}`: use lower-case letters, digits and `-`"
    );
    let folder = Path::new(name);
    ensure!(!folder.exists(), "{} exists already", folder.display());
    let sdk = match &arguments.sdk {
        Some(path) => {
            let path = std::path::absolute(path).with_context(|| path.display().to_string())?;
            format!("{{ path = {:?} }}", path.display().to_string())
        }
        None => "\"0\"".to_owned(),
    };
    for (file, template) in FILES {
        let file = folder.join(file);
        if let Some(parent) = file.parent() {
            std::fs::create_dir_all(parent)?;
        }
        let text = template.replace("NAME", name).replace("IDENT", &name.replace('-', "_")).replace("SDK", &sdk);
        std::fs::write(&file, text).with_context(|| file.display().to_string())?;
        println!("{}", file.display());
    }
    println!(
        "\ncd {name} && cargo test && sopwith plugin build && sopwith plugin test {}.wasm",
        name.replace('-', "_")
    );
    Ok(true)
}
