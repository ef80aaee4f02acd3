//! The readable table of a judged day: one row a visit, why in plain words.

use crate::judge::Trouble;
use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table, Width, presets};
use engine::effective::EffectiveSop;
use engine::explain::{self, Explanation};
use engine::journal::Ended;
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

/// What stands above the table.
pub struct Heading<'a> {
    /// Name, version and the first digits of the hash.
    pub title: String,
    /// The trade's words, in the language of the table.
    pub labels: &'a BTreeMap<String, String>,
}

/// A visit as the table shows it, wherever it was judged.
pub struct Row {
    /// `vis_…`
    pub visit: String,
    /// `usr_…`
    pub user: String,
    /// Name of the customer.
    pub customer: String,
    /// What the client is told.
    pub decision: Option<Decision>,
    /// Whether it counts.
    pub validity: Option<Validity>,
    /// Id of the outcome.
    pub outcome: Option<String>,
    /// Codes of all findings, of refused attempts too.
    pub codes: Vec<String>,
    /// In words.
    pub explanation: Explanation,
}

impl Row {
    /// A visit judged here.
    pub fn of(sop: &EffectiveSop, visit: &Visit, language: &str) -> Self {
        let verdict = visit.verdict();
        let refused =
            visit.refused.iter().flat_map(|refusal| refusal.findings.iter().map(|f| &f.code).chain([&refusal.code]));
        let found = verdict.into_iter().flat_map(|verdict| &verdict.findings).map(|finding| &finding.code);
        Self {
            visit: visit.id.clone(),
            user: visit.user.clone(),
            customer: visit.customer.name.clone(),
            decision: standing_decision(visit),
            validity: verdict.map(|verdict| verdict.validity),
            outcome: verdict.and_then(|verdict| verdict.outcome.clone()),
            codes: found.chain(refused).cloned().collect(),
            explanation: explain::visit(sop, visit, language),
        }
    }
}

fn word(language: &str, en: &str, zh: &str) -> String {
    let text = Text(BTreeMap::from([("en".to_owned(), en.to_owned()), ("zh-CN".to_owned(), zh.to_owned())]));
    text.get(language).unwrap_or(en).to_owned()
}

/// Prints the table.
///
/// # Errors
/// When standard output is closed.
pub fn print(heading: &Heading<'_>, rows: &[Row], language: &str) -> anyhow::Result<()> {
    let word = |en: &str, zh: &str| word(language, en, zh);
    let label = |key: &str, en: &str, zh: &str| heading.labels.get(key).cloned().unwrap_or_else(|| word(en, zh));
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
    for row in rows {
        table.add_row(cells(row, language));
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
    writeln!(out, "{}", heading.title)?;
    writeln!(out, "{table}")?;
    Ok(())
}

/// Prints how many lines a recorded file had, and which of them belong to nothing.
///
/// # Errors
/// When standard output is closed.
pub fn print_lines(visits: usize, events: usize, troubles: &[Trouble], language: &str) -> anyhow::Result<()> {
    let word = |en: &str, zh: &str| word(language, en, zh);
    let mut out = std::io::stdout().lock();
    let quarantined: Vec<&Trouble> =
        troubles.iter().filter(|trouble| matches!(trouble.ended, Ended::Quarantined { .. })).collect();
    writeln!(
        out,
        "{}: {} · {}: {} · {}: {} · {}: {}",
        word("Visits", "拜访"),
        visits,
        word("events", "事件"),
        events,
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

fn cells(row: &Row, language: &str) -> Vec<Cell> {
    let (explanation, decision) = (&row.explanation, row.decision);
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
    let validity = row.validity.map_or_else(String::new, |validity| explain::validity(validity, language));
    vec![
        Cell::new(row.visit.trim_start_matches("vis_")),
        Cell::new(row.user.trim_start_matches("usr_")),
        Cell::new(&row.customer),
        Cell::new(format!("{mark} {decided}")),
        Cell::new(validity),
        Cell::new(number(explanation.score)),
        Cell::new(number(explanation.risk)),
        Cell::new(why(explanation, language)),
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
