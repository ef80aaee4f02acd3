//! Who may do what to a visit in which state, whatever the command says in detail.
//!
//! `submit::check` asks before it judges, clients ask to know which buttons to show: one answer for both.

use crate::command::Verb;
use crate::effective::EffectiveSop;
use crate::progress::progress;
use crate::rejection::Rejection;
use crate::visit::{Visit, VisitState};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Whether somebody may use a verb now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AllowedVerb {
    /// As in the URL.
    pub verb: String,
    /// Code of the reason why not; none when it is allowed.
    pub why_not: Option<String>,
}

impl AllowedVerb {
    pub(crate) fn new<T>(verb: &str, answer: Result<T, Rejection>) -> Self {
        Self { verb: verb.to_owned(), why_not: answer.err().map(|rejection| rejection.code) }
    }
}

/// Every verb of a visit that is there, and why `user` may not use it now.
#[must_use]
pub fn allowed(sop: &EffectiveSop, visit: &Visit, user: &str) -> Vec<AllowedVerb> {
    let answer = |verb: Verb| {
        may(sop, visit, user, verb)?;
        if verb == Verb::Complete { complete(sop, visit) } else { Ok(()) }
    };
    let verbs = Verb::ALL.into_iter().filter(|verb| *verb != Verb::Create);
    verbs.map(|verb| AllowedVerb::new(verb.name(), answer(verb))).collect()
}

/// User, pin and state.
///
/// # Errors
/// Why not.
pub(crate) fn may(sop: &EffectiveSop, visit: &Visit, user: &str, verb: Verb) -> Result<(), Rejection> {
    let reviews = matches!(verb, Verb::Return | Verb::Approve | Verb::Reject);
    if reviews && user == visit.user {
        return Err(Rejection::new("review.own_visit", "", &json!({})));
    }
    if !reviews && user != visit.user {
        return Err(Rejection::new("task.not_yours", "", &json!({"user": user})));
    }
    if let Some(pins) = visit.pins().filter(|pins| pins.sop_hash != sop.hash) {
        return Err(Rejection::new("visit.pinned_elsewhere", "", &json!({"sop": pins.sop})));
    }
    let state = match &visit.state {
        VisitState::Planned => State::Planned,
        VisitState::Open(_) => State::Open,
        VisitState::Over(..) => State::Over,
        VisitState::Cancelled => State::Cancelled,
    };
    let possible: &[State] = match verb {
        Verb::Create => return Err(Rejection::new("task.exists", "", &json!({"task": visit.task}))),
        Verb::Start => &[State::Planned],
        Verb::SaveDraft | Verb::Submit | Verb::Skip | Verb::Complete => &[State::Open],
        Verb::Amend => &[State::Open, State::Over],
        Verb::Cancel => &[State::Planned, State::Open],
        Verb::Return | Verb::Approve | Verb::Reject | Verb::Contest => &[State::Over],
    };
    if possible.contains(&state) {
        return if verb == Verb::Cancel { nothing_posted(visit) } else { Ok(()) };
    }
    Err(Rejection::new("task.not_possible", "", &json!({"verb": verb.name(), "state": state})))
}

/// What accounts were posted to has taken place: it must be taken back, by handing the step in again, before the visit can
/// be one that did not.
fn nothing_posted(visit: &Visit) -> Result<(), Rejection> {
    let posted = visit.steps.iter().filter(|(_, record)| !record.posted.is_empty());
    let steps: Vec<&str> = posted.map(|(key, _)| key.as_str()).collect();
    if steps.is_empty() {
        return Ok(());
    }
    Err(Rejection::new("visit.posted", "", &json!({"steps": steps.join(", ")})))
}

/// Nothing that is required is missing.
///
/// # Errors
/// What is missing.
pub(crate) fn complete(sop: &EffectiveSop, visit: &Visit) -> Result<(), Rejection> {
    let missing = progress(sop, visit).missing();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Rejection::new("visit.incomplete", "", &json!({"steps": missing.join(", ")})))
}

/// `VisitState` without what it carries.
#[derive(Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Planned,
    Open,
    Over,
    Cancelled,
}
