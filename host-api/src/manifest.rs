//! Reads what a plugin says of itself and holds it against what it exports.

use crate::error::{RefusalCode, Refused};
use engine::rule::{Interface, Manifest, RuleManifest};
use serde_json::Value;
use std::collections::BTreeSet;

/// Longest name of a plugin, rule, code or dataset, bytes.
const NAME_BYTES: usize = 100;

/// The manifest in `text`. Says everything that is wrong at once.
pub(crate) fn read(text: &str, exported: &[Interface]) -> Result<Manifest, Refused> {
    let manifest: Manifest = serde_json::from_str(text).map_err(|error| invalid(error.to_string()))?;
    let mut problems = Vec::new();
    if !is_identifier(&manifest.plugin) {
        problems.push(format!("`{}` is not a plugin name", shorten(&manifest.plugin)));
    }
    if semver::Version::parse(&manifest.version).is_err() {
        problems.push(format!("`{}` is not a semantic version", shorten(&manifest.version)));
    }
    if manifest.rules.is_empty() {
        problems.push("it has no rules".to_owned());
    }
    twice("rule", manifest.rules.iter().map(|rule| rule.id.as_str()), &mut problems);
    twice("dataset", manifest.datasets.iter().map(String::as_str), &mut problems);
    problems.extend(
        manifest
            .datasets
            .iter()
            .filter(|name| !is_identifier(name))
            .map(|name| format!("`{}` is not a dataset name", shorten(name))),
    );
    for rule in &manifest.rules {
        check_rule(rule, exported, &mut problems);
    }
    if problems.is_empty() { Ok(manifest) } else { Err(invalid(problems.join("; "))) }
}

fn check_rule(rule: &RuleManifest, exported: &[Interface], problems: &mut Vec<String>) {
    let id = shorten(&rule.id);
    if !is_identifier(&rule.id) {
        problems.push(format!("`{id}` is not a rule name"));
    }
    if !exported.contains(&rule.interface) {
        let interface = format!("{:?}", rule.interface).to_lowercase();
        problems.push(format!("rule `{id}` is for `{interface}`, which is not exported"));
    }
    if !matches!(rule.config, Value::Object(_) | Value::Bool(_)) {
        problems.push(format!("rule `{id}`: its config is not a JSON Schema"));
    }
    twice(&format!("rule `{id}`: code"), rule.codes.iter().map(|code| code.code.as_str()), problems);
    if rule.codes.iter().any(|code| code.code.is_empty() || code.code.len() > NAME_BYTES) {
        problems.push(format!("rule `{id}`: a code is empty or too long"));
    }
}

fn twice<'a>(what: &str, names: impl Iterator<Item = &'a str>, problems: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    problems.extend(
        names.filter(|name| !seen.insert(*name)).map(|name| format!("{what} `{}` is there twice", shorten(name))),
    );
}

/// Starts with a letter; then letters, digits, `_`, `-` and `.`, all ASCII and lower case.
fn is_identifier(name: &str) -> bool {
    let tail = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-' | b'.');
    name.len() <= NAME_BYTES && name.starts_with(|first: char| first.is_ascii_lowercase()) && name.bytes().all(tail)
}

fn shorten(text: &str) -> String {
    text.chars().take(NAME_BYTES).collect()
}

fn invalid(detail: String) -> Refused {
    Refused::new(RefusalCode::ManifestInvalid, detail.chars().take(1_000).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::error::RefusalCode;
    use engine::rule::Interface;
    use serde_json::json;

    fn refusal(manifest: &serde_json::Value) -> String {
        let refused = read(&manifest.to_string(), &[Interface::Validate]).unwrap_err();
        assert_eq!(refused.code, RefusalCode::ManifestInvalid);
        refused.detail
    }

    #[test]
    fn every_problem_is_named_at_once() {
        let rule = json!({"id": "Bad Id", "interface": "score", "title": {}, "description": {}, "config": 1,
            "codes": [{"code": "a", "message": {}}, {"code": "a", "message": {}}]});
        let manifest =
            json!({"plugin": "Loud", "version": "one", "title": {}, "rules": [rule, rule], "datasets": ["d", "d"]});
        let detail = refusal(&manifest);
        for part in [
            "`Loud` is not a plugin name",
            "`one` is not a semantic version",
            "rule `Bad Id` is there twice",
            "dataset `d` is there twice",
            "`Bad Id` is not a rule name",
            "is for `score`, which is not exported",
            "its config is not a JSON Schema",
            "code `a` is there twice",
        ] {
            assert!(detail.contains(part), "{part:?} is missing in {detail:?}");
        }
    }

    #[test]
    fn a_manifest_without_rules_or_with_unknown_members_is_refused() {
        assert_eq!(refusal(&json!({"plugin": "p", "version": "1.0.0", "title": {}, "rules": []})), "it has no rules");
        assert!(refusal(&json!({"plugin": "p", "colour": 1})).contains("unknown field `colour`"));
    }
}
