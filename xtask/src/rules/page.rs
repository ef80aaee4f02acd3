//! The page: plugins with their rules, then SOPs with what they bind, check and tune. Only Markdown is made here.

use super::cases::Cases;
use super::sops::{Binding, Sop};
use super::{Plugin, list};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;

const HEAD: &str = "\
# Rules

Made by `cargo xtask rules` from the plugins' manifests, their case files and the SOPs in `schemas/`; do not edit. How a rule
is written is [PLUGINS.md](PLUGINS.md), how it is bound is the SOP's business; of an overlay stands what differs from its template.
What is checked in master data, without a visit, stands at the end.

An effect that an SOP does not set follows from the finding's severity: error is `reject`, warning `flag`, info `none`. A weight
that it does not set is the rule's own. Both are shown as they hold in the end. Weights are percent and add up to the risk as
`100 · (1 − ∏(1 − wᵢ/100))`.
";

/// The whole page.
pub fn page(plugins: &[Plugin], sops: &[Sop]) -> String {
    let mut page = String::from(HEAD);
    for plugin in plugins {
        of_plugin(&mut page, plugin, sops);
    }
    for sop in sops {
        let own = of_sop(sop);
        page.push_str(&own);
        for overlay in &sop.overlays {
            page.push_str(&differing(&own, &of_sop(overlay)));
        }
    }
    page
}

/// What of a section another one does not have: rows of tables, and what stands before the first table.
fn differing(own: &str, other: &str) -> String {
    let rows: BTreeSet<&str> = own.lines().collect();
    let mut differing = String::new();
    for (index, block) in other.split("\n### ").enumerate() {
        if index == 0 {
            differing.push_str(block);
            continue;
        }
        let is_row = |line: &&str| line.starts_with("| ") || line.starts_with("|-");
        let (head, body): (Vec<&str>, Vec<&str>) = {
            let (table, rest): (Vec<&str>, Vec<&str>) = block.lines().partition(is_row);
            (rest.into_iter().chain(table.iter().take(2).copied()).collect(), table.into_iter().skip(2).collect())
        };
        let new: Vec<&str> = body.into_iter().filter(|row| !rows.contains(row)).collect();
        if !new.is_empty() {
            line(&mut differing, &format!("\n### {}\n{}", head.join("\n"), new.join("\n")));
        }
    }
    differing
}

fn of_plugin(page: &mut String, plugin: &Plugin, sops: &[Sop]) {
    let manifest = &plugin.manifest;
    let name = plain(&manifest["plugin"]);
    let rules: Vec<&Value> = list(manifest, "rules").collect();
    let cases: usize = plugin.cases.values().map(Cases::count).sum();
    line(page, &format!("\n## Plugin `{name}` {} · {}\n", plain(&manifest["version"]), both(&manifest["title"])));
    line(page, &format!("{} rules, {cases} cases.", rules.len()));
    for rule in rules {
        let id = plain(&rule["id"]);
        line(page, &format!("\n### `{name}/{id}` · {}\n", both(&rule["title"])));
        line(
            page,
            &format!("{}  \n{}\n", language(&rule["description"], "en"), language(&rule["description"], "zh-CN")),
        );
        of_rule(page, rule, &format!("{name}/{id}"), plugin.cases.get(&id), sops);
    }
}

fn of_rule(page: &mut String, rule: &Value, name: &str, cases: Option<&Cases>, sops: &[Sop]) {
    let needs: Vec<String> = list(rule, "needs")
        .map(|need| format!("`{}` ({})", plain(&need["need"]), plain(&need["availability"])))
        .collect();
    let needs = if needs.is_empty() { String::new() } else { format!(" · needs {}", needs.join(", ")) };
    line(page, &format!("- Interface `{}`{needs}", plain(&rule["interface"])));
    let source = rule["source"].as_str().unwrap_or("not said");
    line(page, &format!("- Source: {source}"));
    let bound: Vec<(&Sop, Binding<'_>)> = sops
        .iter()
        .flat_map(|sop| sop.bindings().into_iter().map(move |binding| (sop, binding)))
        .filter(|(_, bound)| bound.binding["rule"].as_str() == Some(name))
        .collect();
    for (sop, bound) in &bound {
        line(page, &format!("- Bound in {} to {}{}", sop.name(), place(bound), terms(bound.binding)));
    }
    if bound.is_empty() {
        line(page, "- Bound in no SOP of `schemas/`");
    }
    let Some(cases) = cases else { return };
    let (accepted, errors) = (names(cases.accepted()), names(cases.errors()));
    line(page, &format!("- Cases: [`{}`](../{}), {} in all", cases.file, cases.file, cases.count()));
    line(page, &format!("  - {} accepted: {accepted}", cases.accepted().count()));
    if cases.errors().next().is_some() {
        line(page, &format!("  - {} without an answer: {errors}", cases.errors().count()));
    }
    if list(rule, "codes").next().is_none() {
        return;
    }
    line(page, "\n| Code | Says | Effect | Weight | Caught by |\n|---|---|---|---|---|");
    for code in list(rule, "codes") {
        let name = plain(&code["code"]);
        let effects = bound.iter().map(|(_, bound)| effect(bound.binding, &name, cases));
        let weights = bound.iter().map(|(_, bound)| weight(bound.binding, &name, cases));
        let (effects, weights) = (distinct(effects), distinct(weights));
        let (n_caught, caught) = (cases.caught(&name).count(), names(cases.caught(&name)));
        line(
            page,
            &format!("| `{name}` | {} | {effects} | {weights} | {n_caught}: {caught} |", both(&code["message"])),
        );
    }
}

fn of_sop(sop: &Sop) -> String {
    let mut section = String::new();
    let page = &mut section;
    line(page, &format!("\n## SOP `{}` · {}\n", sop.name(), both(&sop.document["title"])));
    line(page, &format!("[`{}`](../{})", sop.file, sop.file));
    line(
        page,
        "\n### Rules\n\n| Rule | Bound to | Only when | Config | Effects | Weights | When it gives no answer |\n|---|---|---|---|---|---|---|",
    );
    let policy = sop.document["policy"]["unavailable"].as_str().unwrap_or("flag");
    for bound in sop.bindings() {
        let binding = bound.binding;
        let unavailable = binding["unavailable"].as_str().unwrap_or(policy);
        let cells = [
            code(&plain(&binding["rule"])),
            place(&bound),
            binding["when"].as_str().map(code).unwrap_or_default(),
            pairs(&binding["config"]),
            pairs(&binding["effects"]),
            pairs(&binding["weights"]),
            code(unavailable),
        ];
        line(page, &format!("| {} |", cells.join(" | ")));
    }
    if sop.checks().next().is_some() {
        line(
            page,
            "\n### Checks\n\n| Code | Step | Says | Must hold | Effect | Weight | Accepted | Caught | Met in the recorded day |\n|---|---|---|---|---|---|---|---|---|",
        );
        for (step, check) in sop.checks() {
            let name = plain(&check["code"]);
            let text = &sop.document["texts"][plain(&check["message"])];
            let met: Vec<String> = sop.caught(&name).iter().map(|title| language(title, "en")).collect();
            let cells = [
                code(&name),
                both(&step["title"]),
                both(text),
                code(&plain(&check["that"])),
                code(&plain(&check["effect"])),
                check["weight"].as_u64().unwrap_or_default().to_string(),
                names(sop.cases("check", &name, true)),
                names(sop.cases("check", &name, false)),
                names(met.iter().map(String::as_str)),
            ];
            line(page, &format!("| {} |", cells.join(" | ")));
        }
    }
    let ledgers: Vec<_> = sop.document["ledgers"].as_object().into_iter().flatten().collect();
    if !ledgers.is_empty() {
        line(
            page,
            "\n### Ledgers\n\n| Ledger | | Balance, in | At least | At most | Effect | Weight | Accepted | Caught |\n|---|---|---|---|---|---|---|---|---|",
        );
        for (name, ledger) in ledgers {
            let bound = |bound: &str| {
                let value = ledger.get(bound);
                value
                    .map(|value| code(&value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
                    .unwrap_or_default()
            };
            let cells = [
                code(name),
                both(&ledger["title"]),
                code(&plain(&ledger["unit"])),
                bound("min"),
                bound("max"),
                code(ledger["effect"].as_str().unwrap_or("hold")),
                ledger["weight"].as_u64().unwrap_or_default().to_string(),
                names(sop.cases("ledger", name, true)),
                names(sop.cases("ledger", name, false)),
            ];
            line(page, &format!("| {} |", cells.join(" | ")));
        }
    }
    let parameters = sop.document["parameters"].as_object().into_iter().flatten();
    line(page, "\n### Parameters\n\n| Parameter | | Default | Source |\n|---|---|---|---|");
    for (name, parameter) in parameters {
        let unit = parameter["unit"].as_str().map(|unit| format!(" {unit}")).unwrap_or_default();
        let default = code(&format!("{}{unit}", parameter["default"]));
        let source = cell(&plain(&parameter["source"]));
        line(page, &format!("| `{name}` | {} | {default} | {source} |", both(&parameter["title"])));
    }
    section
}

fn place(bound: &Binding<'_>) -> String {
    match bound.step {
        Some(step) => format!("step `{}`", plain(&step["id"])),
        None => "the visit".to_owned(),
    }
}

/// The condition of a binding, in brackets.
fn terms(binding: &Value) -> String {
    binding["when"].as_str().map(|when| format!(" when {}", code(when))).unwrap_or_default()
}

/// What a finding of this code does there.
fn effect(binding: &Value, name: &str, cases: &Cases) -> String {
    let set = binding["effects"][name].as_str().map(str::to_owned);
    let by_severity = |severity: &str| match severity {
        "error" => "reject",
        "warning" => "flag",
        _ => "none",
    };
    set.map_or_else(
        || distinct(cases.severities(name).into_iter().map(|it| by_severity(it).to_owned())),
        |it| code(&it),
    )
}

fn weight(binding: &Value, name: &str, cases: &Cases) -> String {
    let own = || distinct(cases.weights(name).into_iter().map(|weight| weight.to_string()));
    binding["weights"][name].as_u64().map_or_else(own, |weight| weight.to_string())
}

/// Members of an object, one after the other.
fn pairs(value: &Value) -> String {
    let members = value.as_object().into_iter().flatten();
    let shown = members.map(|(name, value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        code(&format!("{name}: {value}"))
    });
    shown.collect::<Vec<_>>().join(", ")
}

fn distinct(values: impl Iterator<Item = String>) -> String {
    let values: BTreeSet<String> = values.filter(|value| !value.is_empty()).collect();
    if values.is_empty() { "–".to_owned() } else { values.into_iter().collect::<Vec<_>>().join(", ") }
}

/// Sentences, one after the other.
pub fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("“{}”", cell(name))).collect::<Vec<_>>().join(" ")
}

/// A text in both languages.
pub fn both(text: &Value) -> String {
    let (english, chinese) = (language(text, "en"), language(text, "zh-CN"));
    match (english.is_empty(), chinese.is_empty()) {
        (false, false) => format!("{english} · {chinese}"),
        _ => english + &chinese,
    }
}

/// A text in one language.
pub fn language(text: &Value, language: &str) -> String {
    cell(text[language].as_str().unwrap_or_default())
}

/// A text as it is.
pub fn plain(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A text as code.
pub fn code(text: &str) -> String {
    format!("`{}`", cell(text))
}

/// A text that does not end its cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

/// One more line.
pub fn line(page: &mut String, text: &str) {
    // Writing into a text cannot fail.
    let _ = writeln!(page, "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn of_an_overlay_stands_what_its_template_does_not_have() {
        let section = |name: &str, most: u32| {
            format!(
                "\n## {name}\n\n### Rules\n\n| R |\n|---|\n| a |\n\n### Parameters\n\n| P |\n|---|\n| few |\n| {most} |\n"
            )
        };
        let told = differing(&section("SOP", 3), &section("Overlay", 5));
        assert_eq!(
            told.split_whitespace().collect::<Vec<_>>().join(" "),
            "## Overlay ### Parameters | P | |---| | 5 |"
        );
        let (same, other) = (section("SOP", 3), section("Overlay", 3));
        assert_eq!(differing(&same, &other).trim(), "## Overlay");
    }

    #[test]
    fn what_an_sop_sets_counts_before_what_the_rule_says() {
        let file = json!({"cases": [{"name": "a", "expect": {"findings": [
            {"code": "c", "severity": "warning", "weight": 20}, {"code": "c", "severity": "error", "weight": 20}]}}]});
        let cases = Cases::of("f", &file);
        assert_eq!(
            (effect(&json!({}), "c", &cases), weight(&json!({}), "c", &cases)),
            ("flag, reject".into(), "20".into())
        );
        let set = json!({"effects": {"c": "hold"}, "weights": {"c": 0}});
        assert_eq!((effect(&set, "c", &cases), weight(&set, "c", &cases)), ("`hold`".into(), "0".into()));
        assert_eq!(weight(&json!({}), "d", &cases), "–");
    }

    #[test]
    fn no_text_ends_its_cell() {
        assert_eq!(both(&json!({"en": "a|b", "zh-CN": "甲\n乙"})), "a\\|b · 甲 乙");
        assert_eq!(pairs(&json!({"a": 1, "b": "=x || y"})), "`a: 1`, `b: =x \\|\\| y`");
    }
}
