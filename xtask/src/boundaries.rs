//! Boundaries that only Cargo can tell: which crate of ours may use which, and what the engine's tree must not hold.
//!
//! What can be seen in the text of a file is `tidy.rs`.

use crate::run::{Ring, cargo, output};
use crate::wasm;
use anyhow::{Result, bail};
use serde_json::Value;
use std::path::Path;

/// Our crates, and which of ours each may depend on outside tests. A crate that is missing here may use the SDK only.
const MAY_USE: &[(&str, &[&str])] = &[
    ("engine", &[]),
    ("host-api", &["engine"]),
    ("server", &["engine", "host-api"]),
    ("sopwith-sdk", &[]),
    ("tests", &["engine", "fmcg", "host-api", "server", "sopwith-sdk"]),
    ("xtask", &[]),
];

/// What a pure engine has no use for: IO, time, threads, a runtime.
const NOT_IN_ENGINE: &[&str] = &["tokio", "sqlx", "sqlx-core", "axum", "hyper", "wasmtime", "reqwest", "mio"];

/// What must not be anywhere: C TLS stacks, and RSA with its open timing attack.
const NOWHERE: &[&str] = &["openssl-sys", "openssl", "native-tls", "rsa"];

/// Checks the trees.
///
/// # Errors
/// A crate uses what it must not.
pub fn check(root: &Path, ring: &Ring) -> Result<()> {
    let mut wrong = between_ours(&wasm::metadata(root)?);
    // Every target at once: what only the phone or only Windows would pull in counts too.
    let tree = |arguments: &[&str]| {
        let always = ["tree", "--edges", "normal", "--target", "all", "--prefix", "none", "--format", "{p}"];
        output(cargo(root).args(always).args(arguments))
    };
    let engine = tree(&["--package", "engine"])?;
    let all = tree(&["--workspace"])?;
    let count = |tree: &str| tree.lines().filter(|line| !line.ends_with("(*)")).count();
    wrong.extend(
        among(&engine, NOT_IN_ENGINE)
            .map(|name| format!("the engine's tree holds `{name}`: `cargo tree -p engine -i {name}`")),
    );
    wrong.extend(among(&all, NOWHERE).map(|name| format!("`{name}` is banned: `cargo tree -i {name}`")));
    if !wrong.is_empty() {
        bail!("{}", wrong.join("\n"));
    }
    ring.say(&format!("engine: {} crates in its tree, none of {}", count(&engine), NOT_IN_ENGINE.join(", ")));
    Ok(())
}

/// Names from `banned` that head a line `name v1.2.3 …` of the tree.
fn among<'a>(tree: &'a str, banned: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    banned.iter().copied().filter(|name| tree.lines().any(|line| line.split(' ').next() == Some(name)))
}

/// Dependencies among our own crates that `MAY_USE` does not list.
fn between_ours(metadata: &Value) -> Vec<String> {
    let packages: Vec<&Value> = metadata["packages"].as_array().into_iter().flatten().collect();
    let ours: Vec<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    let mut wrong = Vec::new();
    for package in &packages {
        let Some(name) = package["name"].as_str() else { continue };
        let allowed =
            MAY_USE.iter().find(|(user, _)| *user == name).map_or(&["sopwith-sdk"] as &[&str], |(_, used)| used);
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let Some(used) = dependency["name"].as_str() else { continue };
            let in_tests_only = dependency["kind"] == "dev";
            if !in_tests_only && ours.contains(&used) && !allowed.contains(&used) {
                wrong.push(format!("`{name}` must not depend on `{used}`"));
            }
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn package(name: &str, used: &str, kind: Option<&str>) -> Value {
        json!({"name": name, "dependencies": [{"name": used, "kind": kind}]})
    }

    #[track_caller]
    fn check(name: &str, used: &str, kind: Option<&str>, wrong: usize) {
        let metadata = json!({"packages": [package(name, used, kind), package(used, "serde", None)]});
        assert_eq!(between_ours(&metadata).len(), wrong, "{name} -> {used}");
    }

    #[test]
    fn dependencies_point_one_way() {
        check("host-api", "engine", None, 0);
        check("engine", "host-api", None, 1);
        check("some-plugin", "sopwith-sdk", None, 0);
        check("some-plugin", "engine", None, 1);
        check("sopwith-sdk", "engine", None, 1);
        check("sopwith-sdk", "engine", Some("dev"), 0);
        check("xtask", "engine", Some("build"), 1);
    }

    #[test]
    fn a_banned_crate_is_found_by_its_whole_name() {
        let tree = "engine v0.0.0 (/repo/engine)\ntokio-macros v2.0.0\nrsa v0.9.0 (*)";
        assert_eq!(among(tree, &["tokio", "rsa"]).collect::<Vec<_>>(), ["rsa"]);
    }
}
