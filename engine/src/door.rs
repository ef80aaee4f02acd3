//! The JSON door: one request in, one response out, the same bytes natively and in engine.wasm.
//!
//! Rules cannot be called from here; their outcomes come with the request, by rule and visit. A phone shell and the case files
//! both come in through this door, so that there is one path to compare.

use crate::command::{Malformed, Record};
use crate::effective::{DatasetPin, EffectiveSop, PluginPin};
use crate::explain;
use crate::journal::{Ended, Journal, Outside};
use crate::lint;
use crate::progress::progress;
use crate::rejection::Rejection;
use crate::rule::{FailureCode, Manifest, RuleAnswer, RuleCall, RuleFailure, RuleOutcome};
use crate::strokes::{self, Stroke};
use crate::submit::standing_decision;
use crate::{canon, form};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Deepest nesting of a request.
const REQUEST_DEPTH: usize = 96;

#[derive(Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case", deny_unknown_fields)]
enum Request {
    /// What is wrong with a document.
    Lint {
        sop: Value,
        #[serde(default)]
        plugins: BTreeMap<String, Manifest>,
    },
    /// What a phone sends as `phash` of a signature.
    SignatureShape { strokes: Vec<Stroke> },
    /// Judge records, with the outcomes of the rules given.
    Judge {
        sop: Value,
        #[serde(default)]
        plugins: BTreeMap<String, PluginPin>,
        #[serde(default)]
        datasets: BTreeMap<String, DatasetPin>,
        #[serde(default)]
        parameters: Map<String, Value>,
        /// Records as JSON, or raw lines as strings.
        records: Vec<Value>,
        /// Outcomes by rule: of those whose `visit` and `step` fit, the next one not taken yet, at last the last again.
        #[serde(default)]
        outcomes: BTreeMap<String, Vec<Canned>>,
    },
}

/// The outcome a rule is said to have.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Canned {
    #[serde(default)]
    visit: Option<String>,
    #[serde(default)]
    step: Option<String>,
    outcome: RuleOutcome,
    #[serde(skip)]
    taken: bool,
}

/// Answers a request. Never fails: what is wrong is said in the response.
#[must_use]
pub fn respond(request: &[u8]) -> Vec<u8> {
    let response = if form::json_depth_within(request, REQUEST_DEPTH) {
        match serde_json::from_slice::<Request>(request) {
            Ok(Request::Lint { sop, plugins }) => lint_response(&sop, &plugins),
            Ok(Request::SignatureShape { strokes }) => json!({"shape": strokes::shape_hex(&strokes)}),
            Ok(Request::Judge { sop, plugins, datasets, parameters, records, outcomes }) => {
                judge_response(sop, plugins, datasets, &parameters, &records, outcomes)
            }
            Err(error) => json!({"error": {"code": "request.malformed", "detail": error.to_string()}}),
        }
    } else {
        json!({"error": {"code": "request.too_deep"}})
    };
    canon::jcs(&response).unwrap_or_default()
}

fn lint_response(sop: &Value, plugins: &BTreeMap<String, Manifest>) -> Value {
    let bytes = serde_json::to_vec(sop).unwrap_or_default();
    let plugins = Some(plugins).filter(|plugins| !plugins.is_empty());
    let (_, problems) = lint::lint(&bytes, plugins);
    json!({"problems": problems})
}

fn judge_response(
    sop: Value,
    plugins: BTreeMap<String, PluginPin>,
    datasets: BTreeMap<String, DatasetPin>,
    parameters: &Map<String, Value>,
    records: &[Value],
    outcomes: BTreeMap<String, Vec<Canned>>,
) -> Value {
    let sop = match serde_json::from_value(sop) {
        Ok(sop) => sop,
        Err(error) => return json!({"error": {"code": "sop.malformed", "detail": error.to_string()}}),
    };
    let sop = match EffectiveSop::new(sop, plugins, datasets, parameters) {
        Ok(sop) => sop,
        Err(problems) => return json!({"problems": problems}),
    };
    let mut journal = Journal::new(&sop, "tnt_case");
    let mut outside = CannedOutside { outcomes, salts: 0 };
    let mut ended = Vec::new();
    let mut events = Vec::new();
    for record in records {
        let (one, happened) = apply(&mut journal, record, &mut outside);
        ended.push(one);
        events.extend(happened);
    }
    let visits: BTreeMap<&String, Value> = journal
        .visits()
        .iter()
        .map(|(id, visit)| {
            let explained: BTreeMap<&str, _> = crate::text::LANGUAGES
                .iter()
                .map(|language| (*language, explain::visit(&sop, visit, language)))
                .collect();
            let (required, done) = progress(&sop, visit).required();
            let progress = json!({"required": required, "done": done});
            let standing = standing_decision(visit);
            let members = json!({"over": visit.is_over(), "standing": standing, "progress": progress, "verdict": visit.verdict(), "explanation": explained});
            (id, members)
        })
        .collect();
    json!({"ended": ended, "events": events, "visits": visits})
}

fn apply(journal: &mut Journal<'_>, record: &Value, outside: &mut CannedOutside) -> (Ended, Vec<crate::event::Event>) {
    let line = match record {
        Value::String(raw) => raw.clone().into_bytes(),
        record => serde_json::to_vec(record).unwrap_or_default(),
    };
    match Record::from_json(&line) {
        Ok(record) => journal.apply(&record, outside),
        Err(malformed) => journal.quarantine_line(&line, of_malformed(&malformed), outside),
    }
}

/// The rejection a malformed line ends with.
#[must_use]
pub fn of_malformed(malformed: &Malformed) -> Rejection {
    Rejection::new(malformed.code, &malformed.pointer, &json!({"detail": malformed.detail}))
}

/// Outcomes from the request; salts that count up, so that a case gives the same bytes everywhere.
struct CannedOutside {
    outcomes: BTreeMap<String, Vec<Canned>>,
    salts: u128,
}

impl Outside for CannedOutside {
    fn call(&mut self, call: &RuleCall) -> RuleOutcome {
        let input = call.input.value();
        let visit = input.pointer("/visit/id").and_then(Value::as_str);
        let step = input.pointer("/submission/step").and_then(Value::as_str);
        let fits = |canned: &Canned| {
            canned.visit.as_deref().is_none_or(|wanted| Some(wanted) == visit)
                && canned.step.as_deref().is_none_or(|wanted| Some(wanted) == step)
        };
        let missing = || RuleOutcome {
            answer: RuleAnswer::Failed(RuleFailure {
                code: FailureCode::NoSuchPlugin,
                detail: "no outcome given".into(),
            }),
            lookups: Vec::new(),
            fuel: 0,
        };
        let Some(canned) = self.outcomes.get_mut(&call.rule) else { return missing() };
        let next = canned.iter().position(|one| !one.taken && fits(one)).or_else(|| canned.iter().rposition(fits));
        let Some(one) = next.and_then(|index| canned.get_mut(index)) else { return missing() };
        one.taken = true;
        one.outcome.clone()
    }

    fn salt(&mut self) -> [u8; 16] {
        self.salts += 1;
        self.salts.to_be_bytes()
    }
}
