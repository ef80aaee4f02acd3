//! Carrying an overlay over when its template moves: a merge of three, the old template being the common ancestor.
//!
//! Both sides are replayed change by change. Where the template changed nothing that a change touches, the change is taken
//! as it is. Elsewhere there is a conflict: the tenant's side is kept where it can still be made, dropped where it cannot,
//! and both are said with the three values, for a person to decide.

use super::{Change, Overlay, TemplateVersion, apply, apply_one, find, locks, name_of, problem};
use crate::form::below;
use crate::lint::Problem;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// An overlay carried over, and what a person should look at.
#[derive(Clone, Debug, PartialEq)]
pub struct Rebased {
    /// The overlay of the new template; its own version is still the old one.
    pub overlay: Overlay,
    /// In the order of the changes.
    pub conflicts: Vec<Conflict>,
}

/// A change that meets a change of the template.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conflict {
    /// What meets what; `/changes/<n>` of the overlay that was carried over. Its hint is the sentence for people.
    #[serde(flatten)]
    pub problem: Problem,
    /// Whether the change is in the new overlay.
    pub kept: bool,
    /// What the old template has there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// What the new template has there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<Value>,
    /// What the overlay wants there; none if it removes or moves it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlay: Option<Value>,
}

/// Carries `overlay`, which is on `from`, over to `to`.
///
/// # Errors
/// The problems of applying it to `from`.
pub fn rebase(overlay: &Overlay, from: &Value, to: &Value) -> Result<Rebased, Vec<Problem>> {
    apply(from, overlay)?;
    let locks = locks(to);
    let (mut ours, mut theirs) = (from.clone(), to.clone());
    let mut changes = Vec::new();
    let mut conflicts = Vec::new();
    for (index, change) in overlay.changes.iter().enumerate() {
        let (met, wanted) = meet(&ours, &theirs, change);
        let mut met = met.map(|code| (code, Value::Null));
        let mut kept = false;
        if let Some(wanted) = wanted {
            match apply_one(&mut theirs, &locks, &wanted) {
                Ok(_) => {
                    changes.push(wanted);
                    kept = true;
                }
                Err(fault) => {
                    let code = match fault.code {
                        "overlay.nothing" => "overlay.gone",
                        "overlay.locked" => "overlay.now_locked",
                        other => other,
                    };
                    met = Some((code, fault.params));
                }
            }
        }
        if let Some((code, params)) = met {
            let mut found = conflict(change, from, to);
            found.problem.pointer = format!("/changes/{index}");
            found.problem.code = code.to_owned();
            let params = if let Value::Object(members) = params { members } else { Map::new() };
            found.problem.params.extend(params);
            conflicts.push(Conflict { kept, ..found });
        }
        // It could be made on `from`, so it can be made here.
        drop(apply_one(&mut ours, &[], change));
    }
    let text = |member| to.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
    let of = TemplateVersion { sop: text("sop"), version: text("version") };
    Ok(Rebased { overlay: Overlay { of, changes, ..overlay.clone() }, conflicts })
}

/// What a change meets in the new template, and the change to make there; none if there is nothing left to do.
fn meet(ours: &Value, theirs: &Value, change: &Change) -> (Option<&'static str>, Option<Change>) {
    let at = change.at();
    let (before, template) = (find(ours, at), find(theirs, at));
    match change {
        Change::Set { value, .. } => {
            let met = match (before, template) {
                _ if before == template || template == Some(value) => None,
                (_, None) => Some("overlay.gone"),
                (None, Some(_)) => Some("overlay.both_added"),
                (Some(_), Some(_)) => Some("overlay.both_changed"),
            };
            (met, Some(change.clone()))
        }
        Change::Remove { .. } => match template {
            None => (None, None),
            Some(_) if before == template => (None, Some(change.clone())),
            Some(_) => (Some("overlay.both_changed"), Some(change.clone())),
        },
        Change::Add { value, after, before: ahead, .. } => {
            let name = name_of(value).unwrap_or_default();
            let item = below(at, name);
            match find(theirs, &item) {
                Some(there) if there == value => (None, None),
                Some(_) => (Some("overlay.both_added"), Some(Change::Set { at: item, value: value.clone() })),
                None => {
                    let (met, after, before) = anchors(before, template, after.as_ref(), ahead.as_ref(), name);
                    (met, Some(Change::Add { at: at.to_owned(), value: value.clone(), after, before }))
                }
            }
        }
        Change::Move { after, before: ahead, .. } => {
            if template.is_none() {
                return (Some("overlay.gone"), None);
            }
            let (list, name) = at.rsplit_once('/').unwrap_or_default();
            let name = name.replace("~1", "/").replace("~0", "~");
            let (before, template) = (find(ours, list), find(theirs, list));
            let (met, after, ahead) = anchors(before, template, after.as_ref(), ahead.as_ref(), &name);
            let met = met.or_else(|| moved(before, template, &name).then_some("overlay.both_moved"));
            (met, Some(Change::Move { at: at.to_owned(), after, before: ahead }))
        }
    }
}

fn names(list: Option<&Value>) -> Vec<&str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(name_of).collect()
}

/// The anchor of an item in the new list. If it is gone there, the nearest item before it that is not.
fn anchors(
    ours: Option<&Value>,
    theirs: Option<&Value>,
    after: Option<&String>,
    before: Option<&String>,
    item: &str,
) -> (Option<&'static str>, Option<String>, Option<String>) {
    let theirs = names(theirs);
    let Some(anchor) = after.or(before) else { return (None, None, None) };
    if theirs.contains(&anchor.as_str()) {
        return (None, after.cloned(), before.cloned());
    }
    let ours = names(ours);
    let earlier = ours.iter().take_while(|name| *name != anchor).filter(|name| **name != item);
    let nearest = earlier.filter(|name| theirs.contains(*name)).last().map(|name| (*name).to_owned());
    let first = theirs.iter().find(|name| **name != item).map(|name| (*name).to_owned());
    match nearest {
        Some(nearest) => (Some("overlay.anchor_gone"), Some(nearest), None),
        None => (Some("overlay.anchor_gone"), None, first),
    }
}

/// Whether the template put an item elsewhere: both its neighbours, of those in both lists, are others.
fn moved(ours: Option<&Value>, theirs: Option<&Value>, item: &str) -> bool {
    let (ours, theirs) = (names(ours), names(theirs));
    let neighbours = |list: &[&str], other: &[&str]| {
        let common: Vec<String> =
            list.iter().filter(|name| other.contains(*name)).map(|name| (*name).to_owned()).collect();
        let at = common.iter().position(|name| name == item);
        let near = |by: isize| at.and_then(|at| common.get(at.checked_add_signed(by)?).cloned());
        (near(-1), near(1))
    };
    let (was, is) = (neighbours(&ours, &theirs), neighbours(&theirs, &ours));
    was.0 != is.0 && was.1 != is.1
}

/// The values a change and the two templates have at its place.
fn conflict(change: &Change, from: &Value, to: &Value) -> Conflict {
    let (at, overlay) = match change {
        Change::Set { at, value } => (at.clone(), Some(value.clone())),
        Change::Add { at, value, .. } => (below(at, name_of(value).unwrap_or_default()), Some(value.clone())),
        Change::Remove { at } | Change::Move { at, .. } => (at.clone(), None),
    };
    let (before, template) = (find(from, &at).cloned(), find(to, &at).cloned());
    let anchor = match change {
        Change::Add { after, before, .. } | Change::Move { after, before, .. } => after.as_ref().or(before.as_ref()),
        Change::Set { .. } | Change::Remove { .. } => None,
    };
    let params = json!({
        "at": at, "name": anchor,
        "before": short(before.as_ref()), "template": short(template.as_ref()), "overlay": short(overlay.as_ref()),
    });
    Conflict { problem: problem("", "", params), kept: false, before, template, overlay }
}

/// A value in a few words.
fn short(value: Option<&Value>) -> String {
    const LONGEST: usize = 60;
    let Some(value) = value else { return "–".to_owned() };
    let text = value.to_string();
    if text.chars().count() <= LONGEST { text } else { text.chars().take(LONGEST).chain(['…']).collect() }
}
