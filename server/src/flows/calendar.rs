//! Working calendars: what must be so in one, and which one holds where. When a due time has come is the engine's to say.

use crate::app::App;
use crate::flows::people::Calendar;
use crate::flows::problem::{Result, Violation};
use crate::flows::records::current;
use engine::time::working::WorkingDays;
use serde_json::{Value, json};

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// The working days at a customer: of the calendar bound to it, else to the nearest of the org units above (`org_path` is
/// the highest first), else of the one that is bound to nothing. Without any, Monday to Friday.
///
/// # Errors
/// Those of the store.
pub async fn working_days(app: &App, tenant: &str, customer: &str, org_path: &[String]) -> Result<WorkingDays> {
    let calendars = current::<Calendar>(app, tenant, None, app.clock.now_ms()).await?;
    let calendars: Vec<&Calendar> = calendars.iter().map(|(_, calendar)| calendar).collect();
    let bound = |to: &str| calendars.iter().find(|calendar| calendar.bound_to.iter().any(|bound| bound == to));
    let nearest = || org_path.iter().rev().find_map(|unit| bound(unit));
    let everybodys = || calendars.iter().find(|calendar| calendar.bound_to.is_empty());
    let calendar = bound(customer).or_else(nearest).or_else(everybodys);
    Ok(calendar.map(|calendar| worked(calendar)).unwrap_or_default())
}

/// The days of a calendar, each until its last hours end.
fn worked(calendar: &Calendar) -> WorkingDays {
    let until = |hours: &Vec<[String; 2]>| hours.last().map(|[_, to]| to.clone());
    let exceptions = calendar.exceptions.iter().map(|day| (day.date.clone(), until(&day.hours))).collect();
    WorkingDays { weekly: DAYS.map(|day| calendar.weekly.get(day).and_then(until)), exceptions }
}

/// Everything wrong with a calendar.
pub fn problems(calendar: &Calendar) -> Vec<Violation> {
    let mut wrong = Vec::new();
    if engine::time::business_date(0, &calendar.time_zone, "00:00").is_err() {
        wrong.push(Violation::new("/time_zone", "time_zone.unknown", &json!({"zone": calendar.time_zone})));
    }
    for (day, hours) in &calendar.weekly {
        if !DAYS.contains(&day.as_str()) {
            wrong.push(Violation::new("/weekly", "calendar.day", &json!({"day": day})));
        }
        wrong.extend(not_hours(&format!("/weekly/{day}"), hours));
    }
    for (index, exception) in calendar.exceptions.iter().enumerate() {
        let at = format!("/exceptions/{index}");
        if engine::time::parse("date", &format!("{}T00:00:00Z", exception.date)).is_err() {
            wrong.push(Violation::new(&format!("{at}/date"), "calendar.date", &Value::Null));
        }
        wrong.extend(not_hours(&format!("{at}/hours"), &exception.hours));
    }
    wrong
}

/// Hours that do not follow each other, or are no times of day.
fn not_hours(pointer: &str, hours: &[[String; 2]]) -> Vec<Violation> {
    let mut before = String::new();
    let mut wrong = Vec::new();
    for (index, [from, to]) in hours.iter().enumerate() {
        let is_time =
            |text: &String| engine::time::parse("time", &format!("2000-01-01T{text}:00Z")).is_ok() || text == "24:00";
        if !is_time(from) || !is_time(to) || from >= to || *from < before {
            wrong.push(Violation::new(&format!("{pointer}/{index}"), "calendar.hours", &Value::Null));
        }
        before.clone_from(to);
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[track_caller]
    fn check(hours: &[[&str; 2]], wrong: usize) {
        let hours = hours.iter().map(|[from, to]| [(*from).to_owned(), (*to).to_owned()]).collect();
        let calendar = Calendar {
            title: engine::text::Text::default(),
            time_zone: "Asia/Shanghai".into(),
            weekly: BTreeMap::from([("mon".to_owned(), hours)]),
            exceptions: Vec::new(),
            bound_to: Vec::new(),
        };
        assert_eq!(problems(&calendar).len(), wrong);
    }

    #[test]
    fn hours_are_times_of_day_that_follow_each_other() {
        check(&[["08:30", "12:00"], ["13:30", "18:30"]], 0);
        check(&[["13:30", "18:30"], ["08:30", "12:00"]], 1);
        check(&[["18:30", "08:30"]], 1);
        check(&[["8", "9"]], 1);
        check(&[["20:00", "24:00"]], 0);
    }
}
