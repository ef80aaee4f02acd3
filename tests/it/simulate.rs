//! `sopwith simulate` on a small set: the same seed gives the same figures, what is promised of the surest classes is kept,
//! and what makes the visits never reads what judges them.

use crate::day::sopwith;
use anyhow::Context as _;
use serde_json::Value;
use std::path::Path;

fn figures(file: &Path, seed: &str) -> anyhow::Result<(String, Value)> {
    let plugins = tests::built("SOPWITH_PLUGINS")?;
    let text = |path: &Path| path.to_str().map(str::to_owned).context("utf-8");
    let (file_text, plugins) = (text(file)?, text(&plugins)?);
    let few = ["--honest", "90", "--cheating", "132", "--seed", seed];
    let output = sopwith(&[&["simulate", "--json", &file_text, "--plugins", &plugins] as &[&str], &few].concat())?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    // 1: one of the promises is broken, which so few visits do not decide.
    assert!(matches!(output.status.code(), Some(0 | 1)), "{said}");
    let written = std::fs::read_to_string(file)?;
    let read = serde_json::from_str(&written)?;
    Ok((written, read))
}

fn class<'a>(figures: &'a Value, name: &str) -> anyhow::Result<&'a Value> {
    let classes = figures.get("classes").and_then(Value::as_array).into_iter().flatten();
    let named = |class: &&Value| class.get("class").and_then(Value::as_str) == Some(name);
    classes.into_iter().find(named).with_context(|| format!("no class `{name}`"))
}

fn count(class: &Value, member: &str) -> i64 {
    class.get(member).and_then(Value::as_i64).unwrap_or_default()
}

#[test]
fn the_surest_cheats_are_found_and_honest_people_are_left_alone() -> anyhow::Result<()> {
    let temp = tempfile::tempdir()?;
    let (first, read) = figures(&temp.path().join("first.json"), "7")?;
    let (again, _) = figures(&temp.path().join("again.json"), "7")?;
    assert_eq!(first, again, "the same seed");
    let (other, _) = figures(&temp.path().join("other.json"), "8")?;
    assert_ne!(first, other, "another seed");

    let honest = class(&read, "honest")?;
    assert_eq!(count(honest, "visits"), 90);
    assert!(count(honest, "held") + count(honest, "invalid") <= 3, "{honest}");
    for cheat in ["simulated_position", "teleport", "replayed_positions", "same_photos"] {
        let found = class(&read, cheat)?;
        assert!(count(found, "visits") > 0, "{found}");
        assert_eq!(count(found, "passed"), 0, "{found}");
    }
    // What looks like an honest visit in every way is not found, and the table does not pretend.
    let proxy = class(&read, "proxy")?;
    assert!(count(proxy, "passed") > 0, "{proxy}");
    Ok(())
}

/// The generator must not know what it will be judged by. It asks the engine only what every phone shows.
#[test]
fn what_makes_visits_reads_nothing_of_the_rules() -> anyhow::Result<()> {
    let folder = tests::root().join("server/src/simulate");
    let mut pending = vec![folder];
    let mut read = 0;
    while let Some(path) = pending.pop() {
        for entry in std::fs::read_dir(&path)? {
            let path = entry?.path();
            if path.is_dir() {
                pending.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path)?;
            read += 1;
            for forbidden in [
                ".parameters",
                ".sop.rules",
                "step.rules",
                "config",
                "radius_m",
                "max_accuracy",
                "min_seconds",
                ".weight",
            ] {
                assert!(!text.contains(forbidden), "{}: `{forbidden}`", path.display());
            }
        }
    }
    assert!(read > 10, "{read} files");
    Ok(())
}
