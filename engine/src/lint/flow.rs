//! Steps: their ids, the order between them, and what each kind of step may and must have.

use super::{Place, Report};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What only a step that is submitted can have.
const SUBMITTED: [&str; 7] = ["form", "evidence", "checks", "rules", "location", "repeat", "min_seconds"];

pub(super) fn check(root: &Place<'_>, report: &mut Report) {
    let steps = root.items("steps");
    report.duplicates(root.ids("steps", "id"), "step.duplicate");
    let order = order(&steps, report);
    cycles(&steps, &order, report);
    stay(&steps, &order, report);
    for step in &steps {
        kind(step, report);
        report.duplicates(step.ids("checks", "code"), "check.duplicate");
        if let Some(repeat) = step.get("repeat") {
            let bound = |name: &str| repeat.value.get(name).and_then(Value::as_u64);
            if let (Some(min), Some(max)) = (bound("min"), bound("max"))
                && min > max
            {
                report.add(repeat.child("min"), "repeat.min_over_max", json!({ "min": min, "max": max }));
            }
        }
    }
}

/// The steps each step comes after, by position; unknown ones are reported and left out.
fn order(steps: &[Place<'_>], report: &mut Report) -> Vec<BTreeSet<usize>> {
    let mut positions = BTreeMap::new();
    for (at, step) in steps.iter().enumerate() {
        if let Some(id) = step.text("id") {
            positions.entry(id).or_insert(at);
        }
    }
    let mut order = Vec::with_capacity(steps.len());
    for (at, step) in steps.iter().enumerate() {
        let mut after = BTreeSet::new();
        if step.get("after").is_none() {
            after.extend(at.checked_sub(1));
        }
        for named in step.items("after") {
            let Some(id) = named.value.as_str() else { continue };
            match positions.get(id) {
                Some(position) => drop(after.insert(*position)),
                None => {
                    report.add(named.pointer, "step.unknown", json!({ "step": id }));
                    // Taken for the default, so that one slip is one problem.
                    after.extend(at.checked_sub(1));
                }
            }
        }
        order.push(after);
    }
    order
}

/// Names every cycle once, and every step that waits for one.
fn cycles(steps: &[Place<'_>], order: &[BTreeSet<usize>], report: &mut Report) {
    // What can be taken in order is not stuck; the rest is in a cycle or waits for one.
    let mut stuck: BTreeSet<usize> = (0..steps.len()).collect();
    while let Some(free) =
        stuck.iter().copied().find(|at| order.get(*at).is_some_and(|after| after.is_disjoint(&stuck)))
    {
        stuck.remove(&free);
    }
    let name = |at: usize| steps.get(at).and_then(|step| step.text("id")).unwrap_or("?");
    let mut named = BTreeSet::new();
    for at in stuck.iter().copied() {
        let Some(step) = steps.get(at) else { continue };
        match way_back(at, order, &stuck) {
            None => report.add(step.pointer.clone(), "step.unreachable", json!({ "step": name(at) })),
            Some(cycle) if cycle.iter().all(|at| named.contains(at)) => {}
            Some(cycle) => {
                let ids: Vec<&str> = cycle.iter().copied().chain([at]).map(name).collect();
                report.add(step.pointer.clone(), "step.cycle", json!({ "steps": ids.join(" → ") }));
                named.extend(cycle);
            }
        }
    }
}

/// The shortest way from `start` over the steps it waits for back to itself.
fn way_back(start: usize, order: &[BTreeSet<usize>], stuck: &BTreeSet<usize>) -> Option<Vec<usize>> {
    let mut came_from = BTreeMap::new();
    let mut pending = VecDeque::from([start]);
    while let Some(at) = pending.pop_front() {
        for to in order.get(at).into_iter().flatten().copied().filter(|to| stuck.contains(to)) {
            if to == start {
                let mut way = vec![at];
                while let Some(before) = way.last().and_then(|last| came_from.get(last)).copied() {
                    way.push(before);
                }
                way.reverse();
                return Some(way);
            }
            if to != start && !came_from.contains_key(&to) {
                came_from.insert(to, at);
                pending.push_back(to);
            }
        }
    }
    None
}

/// One check-in at most, one check-out at most, in that order.
fn stay(steps: &[Place<'_>], order: &[BTreeSet<usize>], report: &mut Report) {
    let of_kind = |kind: &str| -> Vec<usize> {
        steps.iter().enumerate().filter(|(_, step)| step.text("kind") == Some(kind)).map(|(at, _)| at).collect()
    };
    let (check_ins, check_outs) = (of_kind("check_in"), of_kind("check_out"));
    for (kinds, code) in [(&check_ins, "step.second_check_in"), (&check_outs, "step.second_check_out")] {
        for step in kinds.iter().skip(1).filter_map(|at| steps.get(*at)) {
            report.add(step.child("kind"), code, Value::Null);
        }
    }
    for (at, step) in check_outs.iter().filter_map(|at| steps.get(*at).map(|step| (*at, step))) {
        let mut before = BTreeSet::new();
        let mut pending = vec![at];
        while let Some(at) = pending.pop() {
            pending.extend(order.get(at).into_iter().flatten().copied().filter(|to| before.insert(*to)));
        }
        if check_ins.is_empty() {
            report.add(step.child("kind"), "step.check_out_alone", Value::Null);
        } else if !check_ins.iter().any(|at| before.contains(at)) {
            report.add(step.pointer.clone(), "step.check_out_early", Value::Null);
        }
    }
}

fn kind(step: &Place<'_>, report: &mut Report) {
    let missing = |name: &str| step.value.get(name).is_none_or(|value| value.as_array().is_some_and(Vec::is_empty));
    match step.text("kind") {
        Some("brief") => {
            for name in SUBMITTED.into_iter().filter(|name| !missing(name)) {
                report.add(step.child(name), "step.brief_submits", json!({ "member": name }));
            }
        }
        Some("form") if missing("form") => report.add(step.child("form"), "step.form_missing", Value::Null),
        Some(kind @ ("photo" | "signature")) if missing("evidence") => {
            report.add(step.child("evidence"), "step.evidence_missing", json!({ "kind": kind }));
        }
        _ => {}
    }
}
