//! Working calendars: what must be so in one. When people work is decided where a due time or a point is judged.

use crate::flows::people::Calendar;
use crate::flows::problem::Violation;
use serde_json::{Value, json};

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

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
