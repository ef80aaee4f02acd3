//! The readable table of a judged day: one row a visit, why in plain words.

use crate::judge::Trouble;
use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table, Width, presets};
use engine::effective::EffectiveSop;
use engine::event::Event;
use engine::explain::{self, Explanation};
use engine::journal::{Ended, Journal};
use engine::submit::standing_decision;
use engine::text::Text;
use engine::verdict::{Decision, Validity};
use engine::visit::Visit;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Write as _;

/// Widest reasons, in columns.
const WHY_WIDTH: u16 = 74;
/// Most reasons in a row.
const MAX_REASONS: usize = 4;

/// Prints the table and what troubled lines there were.
///
/// # Errors
/// When standard output is closed.
pub fn print(
    sop: &EffectiveSop,
    journal: &Journal<'_>,
    events: &[Event],
    troubles: &[Trouble],
    language: &str,
) -> anyhow::Result<()> {
    let word = |en: &str, zh: &str| {
        let text = Text(BTreeMap::from([("en".to_owned(), en.to_owned()), ("zh-CN".to_owned(), zh.to_owned())]));
        text.get(language).unwrap_or(en).to_owned()
    };
    let label = |key: &str, en: &str, zh: &str| {
        sop.sop.labels.get(key).and_then(|text| text.get(language)).map_or_else(|| word(en, zh), str::to_owned)
    };
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(vec![
        label("visit", "Visit", "拜访"),
        word("Rep", "业务员"),
        label("customer", "Customer", "客户"),
        word("Decision", "判定"),
        word("Validity", "有效性"),
        word("Score", "评分"),
        word("Risk", "风险"),
        word("Why", "原因"),
    ]);
    for visit in journal.visits().values() {
        table.add_row(row(sop, visit, language));
    }
    for (index, alignment) in [(5, CellAlignment::Right), (6, CellAlignment::Right)] {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(alignment);
        }
    }
    if let Some(why) = table.column_mut(7) {
        why.set_constraint(ColumnConstraint::UpperBoundary(Width::Fixed(WHY_WIDTH)));
    }
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(150);

    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{} {} · {}",
        sop.sop.title.get(language).unwrap_or(&sop.sop.sop),
        sop.sop.version,
        &sop.hash.get(..12).unwrap_or_default()
    )?;
    writeln!(out, "{table}")?;
    let quarantined: Vec<&Trouble> =
        troubles.iter().filter(|trouble| matches!(trouble.ended, Ended::Quarantined { .. })).collect();
    writeln!(
        out,
        "{}: {} · {}: {} · {}: {} · {}: {}",
        label("visit", "Visits", "拜访"),
        journal.visits().len(),
        word("events", "事件"),
        events.len(),
        word("refused attempts", "被拒尝试"),
        troubles.len() - quarantined.len(),
        word("quarantined lines", "隔离行"),
        quarantined.len(),
    )?;
    for trouble in quarantined {
        if let Ended::Quarantined { rejection } = &trouble.ended {
            let why = explain::sentence(&rejection.code, &Value::Object(rejection.params.clone()), language);
            writeln!(out, "  {} {}: {} {} {why}", word("line", "行"), trouble.line, rejection.code, rejection.pointer)?;
        }
    }
    Ok(())
}

fn row(sop: &EffectiveSop, visit: &Visit, language: &str) -> Vec<Cell> {
    let explanation = explain::visit(sop, visit, language);
    let decision = standing_decision(visit);
    let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.1}"));
    let decided =
        decision.map_or_else(|| explanation.summary.clone(), |decision| explain::decision(decision, language));
    let mark = match decision {
        Some(Decision::Accepted) => "✓",
        Some(Decision::Flagged) => "⚑",
        Some(Decision::Held) => "⏸",
        Some(Decision::Returned) => "↺",
        Some(Decision::Rejected) => "✗",
        None => "…",
    };
    let validity = visit.verdict().map_or_else(String::new, |verdict| match verdict.validity {
        Validity::Valid => explain::validity(Validity::Valid, language),
        Validity::Invalid => explain::validity(Validity::Invalid, language),
    });
    vec![
        Cell::new(visit.id.trim_start_matches("vis_")),
        Cell::new(visit.user.trim_start_matches("usr_")),
        Cell::new(&visit.customer.name),
        Cell::new(format!("{mark} {decided}")),
        Cell::new(validity),
        Cell::new(number(explanation.score)),
        Cell::new(number(explanation.risk)),
        Cell::new(why(&explanation, language)),
    ]
}

/// Outcome, reasons, refused attempts and caps, one a line.
fn why(explanation: &Explanation, language: &str) -> String {
    let mut reasons: Vec<String> = explanation.outcome.iter().cloned().collect();
    let findings = explanation.findings.iter().map(|line| match line.step.is_empty() {
        true => format!("• [{}] {}", line.effect, line.text),
        false => format!("• [{}] {}: {}", line.effect, line.step, line.text),
    });
    let refused = explanation.refused.iter().flatten().map(|line| {
        let place = if line.step.is_empty() { String::new() } else { format!("{}: ", line.step) };
        format!("↺ {place}{}", line.text)
    });
    let mut lines: Vec<String> = findings.chain(refused).collect();
    let hidden = lines.len().saturating_sub(MAX_REASONS);
    lines.truncate(MAX_REASONS);
    if lines.is_empty() {
        lines.push(explain::sentence("explain.nothing_found", &Value::Null, language));
    }
    reasons.append(&mut lines);
    if hidden > 0 {
        reasons.push(format!("  +{hidden}"));
    }
    reasons.extend(explanation.caps.iter().map(|cap| format!("▼ {cap}")));
    reasons.join("\n")
}
