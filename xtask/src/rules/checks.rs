//! Checks over master data: no visit is judged by them and no SOP binds them, people are told what they find. What they say
//! stands at the head of the engine's case files.

use super::page::{both, code, language, line, names, plain};
use super::{list, read_json};
use anyhow::{Result, ensure};
use serde_json::Value;
use std::path::Path;

/// Their case files.
const FILES: &[&str] = &["engine/src/place/shift_cases.json", "engine/src/place/duplicate_cases.json"];

/// The section of the page.
///
/// # Errors
/// A file cannot be read, or something is found by no case, or no case is accepted.
pub fn section(root: &Path) -> Result<String> {
    let mut page = String::new();
    line(&mut page, "\n## Checks over master data · 主数据检查");
    for file in FILES {
        let check = read_json(&root.join(file))?;
        of_check(&mut page, file, &check)?;
    }
    Ok(page)
}

fn of_check(page: &mut String, file: &str, check: &Value) -> Result<()> {
    let accepted: Vec<&str> =
        list(check, "cases").filter(|case| case["expect"].is_null()).filter_map(|case| case["case"].as_str()).collect();
    ensure!(!accepted.is_empty(), "{file}: no case is accepted");
    let (description, all) = (&check["description"], list(check, "cases").count());
    line(page, &format!("\n### `GET /v1/{}` · {}\n", plain(&check["check"]), both(&check["title"])));
    line(page, &format!("{}  \n{}\n", language(description, "en"), language(description, "zh-CN")));
    line(page, &format!("- Source: {}", plain(&check["source"])));
    line(page, &format!("- Cases: [`{file}`](../{file}), {all} in all"));
    line(page, &format!("  - {} accepted: {}", accepted.len(), names(accepted.iter().copied())));
    line(page, "\n| Finding | Says | Caught by |\n|---|---|---|");
    for (finding, says) in check["finds"].as_object().into_iter().flatten() {
        let caught: Vec<&str> = list(check, "cases")
            .filter(|case| case["expect"].as_object().into_iter().flatten().any(|(_, found)| found == finding.as_str()))
            .filter_map(|case| case["case"].as_str())
            .collect();
        ensure!(!caught.is_empty(), "{file}: nothing catches {finding}");
        let cells = [code(finding), both(says), format!("{}: {}", caught.len(), names(caught.iter().copied()))];
        line(page, &format!("| {} |", cells.join(" | ")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_no_case_finds_or_passes_is_named() {
        let found = json!({"case": "Two.", "expect": {"reason": "near"}});
        let passes = json!({"case": "One.", "expect": null});
        let check = |cases: &[&Value]| json!({"check": "a", "finds": {"near": {"en": "Near."}}, "cases": cases});
        let mut page = String::new();
        assert!(of_check(&mut page, "f", &check(&[&found, &passes])).is_ok());
        assert!(page.contains("1 accepted: “One.”") && page.contains("| `near` | Near. | 1: “Two.” |"), "{page}");
        for (cases, said) in [([&found], "f: no case is accepted"), ([&passes], "f: nothing catches near")] {
            let error = of_check(&mut String::new(), "f", &check(&cases)).map_err(|error| error.to_string());
            assert_eq!(error, Err(said.to_owned()));
        }
    }
}
