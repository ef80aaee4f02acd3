//! Names the engine by what it is made of: `ENGINE_HASH` is the SHA-256 over its sources and the locked versions of its
//! dependencies, so that native code and engine.wasm of one checkout carry the same hash.
//!
//! What must not go in: anything of the machine or the target. Paths are relative with `/`, files sorted, and Cargo.lock
//! lists the packages of all targets.

use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// Files the engine embeds from outside its folder.
const EMBEDDED: [&str; 1] = ["../schemas/sop.schema.json"];

fn main() -> Result<(), Box<dyn Error>> {
    let mut files = vec!["build.rs".to_owned(), "Cargo.toml".to_owned()];
    files.extend(EMBEDDED.iter().filter(|path| Path::new(path).exists()).map(|path| (*path).to_owned()));
    for path in files.iter().map(String::as_str).chain(["src", "../Cargo.lock"]) {
        println!("cargo::rerun-if-changed={path}");
    }
    walk("src", &mut files)?;
    files.sort_unstable();

    let mut hasher = Sha256::new();
    for path in files {
        let content = fs::read(&path)?;
        // With its length, so that no file can end where another begins.
        hasher.update(format!("{path} {}\n", content.len()));
        hasher.update(content);
    }
    let manifest = fs::read_to_string("Cargo.toml")?;
    let lock = fs::read_to_string("../Cargo.lock")?;
    for line in closure(&lock, &test_only(&manifest)) {
        hasher.update(line);
    }
    let mut hash = String::new();
    for byte in hasher.finalize() {
        write!(hash, "{byte:02x}")?;
    }
    println!("cargo::rustc-env=ENGINE_HASH={hash}");
    Ok(())
}

/// Adds every file below `folder`.
fn walk(folder: &str, files: &mut Vec<String>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let path = format!("{folder}/{}", name.to_str().ok_or("a file name is not UTF-8")?);
        if entry.file_type()?.is_dir() { walk(&path, files)? } else { files.push(path) }
    }
    Ok(())
}

/// Dependencies the manifest names for tests and nothing else: they are no part of the engine.
fn test_only(manifest: &str) -> BTreeSet<String> {
    let (mut for_tests, mut for_use) = (BTreeSet::new(), BTreeSet::new());
    let mut section = "";
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            section = line;
        } else if let Some(name) = line.split(['.', '=', ' ']).next().filter(|name| !name.is_empty()) {
            if section == "[dev-dependencies]" {
                for_tests.insert(name.to_owned());
            } else if section.ends_with("dependencies]") {
                for_use.insert(name.to_owned());
            }
        }
    }
    &for_tests - &for_use
}

/// A package of Cargo.lock.
#[derive(Default)]
struct Package {
    name: String,
    version: String,
    checksum: String,
    /// As the lock names them: `name`, or `name version` where two versions are locked.
    dependencies: Vec<String>,
}

/// One line for each package the engine is built from, over all targets, sorted.
fn closure(lock: &str, test_only: &BTreeSet<String>) -> BTreeSet<String> {
    let packages = packages(lock);
    let mut by_name: BTreeMap<&str, Vec<&Package>> = BTreeMap::new();
    for package in &packages {
        by_name.entry(&package.name).or_default().push(package);
    }
    let mut lines = BTreeSet::new();
    let mut waiting: Vec<&Package> = by_name.get("engine").cloned().unwrap_or_default();
    while let Some(package) = waiting.pop() {
        let line = format!("{} {} {}\n", package.name, package.version, package.checksum);
        if !lines.insert(line) {
            continue;
        }
        for dependency in &package.dependencies {
            let mut words = dependency.split(' ');
            let (name, version) = (words.next().unwrap_or_default(), words.next());
            if package.name == "engine" && test_only.contains(name) {
                continue;
            }
            let named = by_name.get(name).into_iter().flatten();
            waiting.extend(named.filter(|package| version.is_none_or(|version| version == package.version)));
        }
    }
    lines
}

/// Reads the few members of Cargo.lock that matter; Cargo writes one member or list item a line.
fn packages(lock: &str) -> Vec<Package> {
    let mut packages: Vec<Package> = Vec::new();
    for line in lock.lines().map(str::trim) {
        if line == "[[package]]" {
            packages.push(Package::default());
        }
        let Some(package) = packages.last_mut() else { continue };
        let text = |rest: &str| rest.trim_matches(['"', ',']).to_owned();
        if let Some(rest) = line.strip_prefix("name = ") {
            package.name = text(rest);
        } else if let Some(rest) = line.strip_prefix("version = ") {
            package.version = text(rest);
        } else if let Some(rest) = line.strip_prefix("checksum = ") {
            package.checksum = text(rest);
        } else if line.starts_with('"') {
            package.dependencies.push(text(line));
        }
    }
    packages
}
