//! The table of a simulation: a row a class, a column an SOP, and what was promised.

use super::conduct::Cheat;
use super::judged::{Tallies, Tally};
use comfy_table::{Cell, CellAlignment, Table, presets};
use serde_json::{Value, json};
use std::io::Write as _;

/// The most honest visits that may be held, invalidated or rejected, in per cent.
pub const MOST_FALSE_ALARMS: f64 = 1.0;

/// One SOP's figures.
pub struct Figures {
    /// Name and version.
    pub sop: String,
    /// Its title in the language of the table.
    pub title: String,
    /// By class.
    pub tallies: Tallies,
    /// Classes this SOP gives no chance to.
    pub impossible: Vec<Cheat>,
}

/// All SOPs together.
pub fn together(figures: &[Figures]) -> Tallies {
    let mut all = Tallies::new();
    for (class, tally) in figures.iter().flat_map(|figures| &figures.tallies) {
        all.entry(*class).or_default().add(tally);
    }
    all
}

/// What was promised and is not kept, by class id; `honest` is one of them.
pub fn broken(tallies: &Tallies) -> Vec<&'static str> {
    let mut broken = Vec::new();
    for (class, tally) in tallies {
        let kept = match class {
            None => tally.percent(tally.stopped()).is_none_or(|percent| percent <= MOST_FALSE_ALARMS),
            Some(cheat) => {
                cheat.promise().zip(tally.percent(tally.noticed())).is_none_or(|(promise, percent)| percent >= promise)
            }
        };
        if !kept {
            broken.push(class.map_or("honest", Cheat::id));
        }
    }
    broken
}

/// All figures as data: the same seed gives the same bytes.
pub fn json(seed: u64, figures: &[Figures]) -> Value {
    let classes = |tallies: &Tallies| -> Value { tallies.iter().map(|(class, tally)| row(*class, tally)).collect() };
    let sops: Value = figures
        .iter()
        .map(|one| {
            let impossible: Vec<&str> = one.impossible.iter().map(|cheat| cheat.id()).collect();
            json!({"sop": one.sop, "classes": classes(&one.tallies), "impossible": impossible})
        })
        .collect();
    let all = together(figures);
    json!({"seed": seed, "sops": sops, "classes": classes(&all), "broken": broken(&all)})
}

fn row(class: Option<Cheat>, tally: &Tally) -> Value {
    json!({
        "class": class.map_or("honest", Cheat::id), "visits": tally.visits, "passed": tally.passed,
        "flagged": tally.flagged, "held": tally.held, "invalid": tally.invalid,
        "noticed_percent": tally.percent(tally.noticed()), "stopped_percent": tally.percent(tally.stopped()),
        "promised_percent": class.and_then(Cheat::promise), "codes": tally.codes,
    })
}

/// Prints the table.
///
/// # Errors
/// When standard output is closed.
pub fn print(figures: &[Figures], language: &str) -> anyhow::Result<()> {
    let word = |en: &str, zh: &str| if language == "en" { en.to_owned() } else { zh.to_owned() };
    let mut table = Table::new();
    table.load_preset(presets::UTF8_FULL_CONDENSED);
    let mut header = vec![word("What somebody does", "行为"), word("Visits", "拜访数")];
    header.extend(figures.iter().map(|one| one.title.clone()));
    header.extend([
        word("Noticed %", "发现率 %"),
        word("Stopped %", "拦截率 %"),
        word("Promised", "承诺"),
        word("By", "主要依据"),
    ]);
    table.set_header(header);
    for (class, tally) in together(figures) {
        let title = class.map_or_else(|| word("Honest", "诚实拜访"), |cheat| word(cheat.title().0, cheat.title().1));
        let mut cells = vec![Cell::new(title), number(Some(tally.visits as f64))];
        cells.extend(figures.iter().map(|one| {
            let tally = one.tallies.get(&class);
            percent(tally.and_then(|tally| tally.percent(tally.noticed())))
        }));
        cells.push(percent(tally.percent(tally.noticed())));
        cells.push(percent(tally.percent(tally.stopped())));
        cells.push(Cell::new(promised(class, &tally)));
        cells.push(Cell::new(by(&tally)));
        table.add_row(cells);
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "{table}")?;
    writeln!(
        out,
        "{}",
        word(
            "Noticed: flagged, held, rejected or not counted. Stopped: without those that are only flagged.",
            "发现：被标记、待审、拒绝或判为无效。拦截：不含仅被标记的拜访。"
        )
    )?;
    Ok(())
}

fn promised(class: Option<Cheat>, tally: &Tally) -> String {
    let (promise, kept) = match class {
        None => {
            let stopped = tally.percent(tally.stopped());
            (format!("≤ {MOST_FALSE_ALARMS}"), stopped.is_none_or(|percent| percent <= MOST_FALSE_ALARMS))
        }
        Some(cheat) => {
            let Some(promise) = cheat.promise() else { return String::new() };
            (format!("≥ {promise}"), tally.percent(tally.noticed()).is_none_or(|percent| percent >= promise))
        }
    };
    format!("{promise} {}", if kept { '✓' } else { '✗' })
}

/// The three findings most of them had.
fn by(tally: &Tally) -> String {
    let mut codes: Vec<(&String, &usize)> =
        tally.codes.iter().filter(|(_, count)| **count * 50 > tally.visits).collect();
    codes.sort_by_key(|(code, count)| (std::cmp::Reverse(**count), (*code).clone()));
    let codes: Vec<String> = codes.iter().take(3).map(|(code, count)| format!("{code} {count}")).collect();
    codes.join(", ")
}

fn percent(value: Option<f64>) -> Cell {
    Cell::new(value.map_or_else(|| "–".to_owned(), |value| format!("{value:.1}"))).set_alignment(CellAlignment::Right)
}

fn number(value: Option<f64>) -> Cell {
    Cell::new(value.map_or_else(|| "–".to_owned(), |value| format!("{value:.0}"))).set_alignment(CellAlignment::Right)
}
