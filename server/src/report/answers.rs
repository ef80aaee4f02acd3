//! What was answered in each step, laid out by the form: fields as pairs, lists of objects as tables.
//!
//! Absent marks are said in words. A place that a finding points at names the finding. Personal answers are shown only on
//! demand.

use super::html::Html;
use super::page::Page;
use super::personal::MASK;
use super::words::unit;
use engine::command::{Absent, AbsentCode, Submission};
use engine::form::Place;
use engine::sop::Step;
use engine::visit::StepState;
use serde_json::{Map, Value, json};
use std::cell::RefCell;
use std::collections::BTreeSet;

/// The section.
pub fn section(page: &Page<'_>, html: &mut Html) {
    let answered: Vec<_> = page
        .keys
        .iter()
        .filter_map(|(key, step)| {
            let submission = page.visit.steps.get(key)?.submission.as_ref()?;
            let has_form = step.form.is_some() || !submission.absent.is_empty() || has_members(&submission.answers);
            has_form.then_some((key, *step, submission))
        })
        .collect();
    if answered.is_empty() {
        return;
    }
    html.element("section", &[("class", "answers"), ("aria-labelledby", "answers")], |html| {
        html.leaf("h2", &[("id", "answers")], &page.words.say("answers.title"));
        if !page.report.personal && page.personal.any() {
            html.leaf("p", &[("class", "note")], &page.words.fill("answers.masked", &json!({"mask": MASK})));
        }
        for (key, step, submission) in answered {
            one_step(page, key, step, submission, html);
        }
    });
}

fn has_members(answers: &Value) -> bool {
    answers.as_object().is_some_and(|members| !members.is_empty())
}

fn one_step(page: &Page<'_>, key: &str, step: &Step, submission: &Submission, html: &mut Html) {
    html.element("article", &[("class", "step")], |html| {
        html.element("h3", &[("id", &page.anchor(key))], |html| {
            html.text(&page.step_title(key));
            if let Some(moment) = page.visit.steps.get(key).and_then(|record| record.moment.as_ref()) {
                html.text(" ");
                html.span("when", &page.moment(moment));
            }
            if page.visit.steps.get(key).is_some_and(|record| record.state == StepState::Returned) {
                html.text(" ");
                html.span("tag", &page.words.say("step.returned"));
            }
            page.finding_links(page.pointed_at(key, "").as_slice(), html);
        });
        let Some(form) = &step.form else { return };
        let place = Place::root(form, &page.sop.sop.texts);
        let sheet = Sheet { page, key, submission, said: RefCell::default() };
        match submission.answers.as_ref() {
            Value::Object(members) if !members.is_empty() => sheet.object(&place, members, "", html),
            _ if submission.absent.is_empty() => {
                html.leaf("p", &[("class", "note")], &page.words.say("answers.none"));
            }
            _ => sheet.object(&place, &Map::new(), "", html),
        }
        sheet.unsaid(html);
    });
}

/// The answers of one step being laid out.
struct Sheet<'a> {
    page: &'a Page<'a>,
    key: &'a str,
    submission: &'a Submission,
    /// Absent marks that have been shown where they belong.
    said: RefCell<BTreeSet<String>>,
}

impl Sheet<'_> {
    /// An object: its plain members as pairs, lists and objects below under their titles.
    fn object(&self, place: &Place<'_>, members: &Map<String, Value>, pointer: &str, html: &mut Html) {
        let names = self.names(place, members, pointer);
        let is_plain = |name: &&str| members.get(*name).is_none_or(|value| self.is_plain(value, &below(pointer, name)));
        let (plain, nested): (Vec<&str>, Vec<&str>) = names.iter().map(String::as_str).partition(is_plain);
        if !plain.is_empty() {
            html.element("dl", &[("class", "pairs")], |html| {
                for name in plain {
                    let (member, pointer) = (place.member(name), below(pointer, name));
                    html.element("div", &[], |html| {
                        html.leaf("dt", &[], &member.title(self.page.words.language, name));
                        html.element("dd", &[], |html| self.value(&member, members.get(name), &pointer, html));
                    });
                }
            });
        }
        for name in nested {
            let (member, pointer) = (place.member(name), below(pointer, name));
            html.element("div", &[("class", "nested")], |html| {
                let title = member.title(self.page.words.language, name);
                match members.get(name) {
                    Some(Value::Array(items)) if items.iter().all(Value::is_object) => {
                        self.table(&member, &title, items, &pointer, html);
                    }
                    other => {
                        html.leaf("h4", &[], &title);
                        self.value(&member, other, &pointer, html);
                    }
                }
            });
        }
    }

    /// Members that are answered or marked as absent, in the form's order, then those the form does not name.
    fn names(&self, place: &Place<'_>, members: &Map<String, Value>, pointer: &str) -> Vec<String> {
        let marked: BTreeSet<String> = self
            .submission
            .absent
            .keys()
            .filter_map(|marked| marked.strip_prefix(pointer)?.strip_prefix('/'))
            .filter(|rest| !rest.contains('/'))
            .map(|rest| rest.replace("~1", "/").replace("~0", "~"))
            .collect();
        let is_there = |name: &str| members.contains_key(name) || marked.contains(name);
        let mut names: Vec<String> =
            place.order().into_iter().filter(|name| is_there(name)).map(str::to_owned).collect();
        let others: Vec<String> = members.keys().chain(&marked).filter(|name| !names.contains(name)).cloned().collect();
        names.extend(others);
        names.dedup();
        names
    }

    /// A value that fits into one line; personal data do, since they are masked as a whole.
    fn is_plain(&self, value: &Value, pointer: &str) -> bool {
        match value {
            Value::Array(items) => items.iter().all(|item| !item.is_object() && !item.is_array()),
            Value::Object(_) => self.page.is_masked(self.key, pointer),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
        }
    }

    fn table(&self, place: &Place<'_>, title: &str, items: &[Value], pointer: &str, html: &mut Html) {
        if items.is_empty() {
            html.leaf("h4", &[], title);
            html.element("p", &[("class", "note")], |html| {
                html.text(&self.page.words.say("answers.no_rows"));
                self.mark(pointer, html);
            });
            return;
        }
        let objects: Vec<&Map<String, Value>> = items.iter().filter_map(Value::as_object).collect();
        let mut columns: Vec<String> = Vec::new();
        for (index, object) in objects.iter().enumerate() {
            let row = place.item(index);
            let row_pointer = format!("{pointer}/{index}");
            columns.extend(self.names(&row, object, &row_pointer));
        }
        let used: BTreeSet<String> = columns.into_iter().collect();
        let mut columns: Vec<String> =
            place.item(0).order().into_iter().filter(|name| used.contains(*name)).map(str::to_owned).collect();
        columns.extend(used.iter().filter(|name| !columns.contains(name)).cloned().collect::<Vec<_>>());
        html.element("table", &[], |html| {
            // A table in a cell has the column's title already.
            if !title.is_empty() {
                html.element("caption", &[], |html| {
                    html.text(title);
                    html.span("count", &self.page.words.fill("answers.rows", &json!({"rows": items.len()})));
                    self.mark(pointer, html);
                });
            }
            html.element("thead", &[], |html| {
                html.element("tr", &[], |html| {
                    for name in &columns {
                        let title = place.item(0).member(name).title(self.page.words.language, name);
                        let all_numbers = objects.iter().filter_map(|object| object.get(name)).all(is_amount);
                        let class = if all_numbers { "number" } else { "" };
                        html.leaf("th", &[("scope", "col"), ("class", class)], &title);
                    }
                });
            });
            html.element("tbody", &[], |html| {
                for (index, object) in objects.iter().enumerate() {
                    let pointer = format!("{pointer}/{index}");
                    html.element("tr", &[("class", self.class(&pointer, true))], |html| {
                        for (at, name) in columns.iter().enumerate() {
                            let (member, pointer) = (place.item(index).member(name), below(&pointer, name));
                            let value = object.get(name);
                            let number = value.is_some_and(is_amount);
                            let class = match (self.class(&pointer, false), number) {
                                ("marked", _) => "marked",
                                (_, true) => "number",
                                _ if value.is_some_and(is_short) => "short",
                                _ => "",
                            };
                            html.element("td", &[("class", class)], |html| {
                                self.value(&member, value, &pointer, html);
                                if at == 0 {
                                    self.mark(pointer.rsplit_once('/').map_or("", |(row, _)| row), html);
                                }
                            });
                        }
                    });
                }
            });
        });
    }

    /// The class of a place that a finding points at.
    fn class(&self, pointer: &str, row: bool) -> &'static str {
        match (self.page.pointed_at(self.key, pointer).is_empty(), row) {
            (true, _) => "",
            (false, true) => "marked-row",
            (false, false) => "marked",
        }
    }

    /// Links to the findings about a place.
    fn mark(&self, pointer: &str, html: &mut Html) {
        self.page.finding_links(&self.page.pointed_at(self.key, pointer), html);
    }

    /// One value with its absent mark and findings.
    fn value(&self, place: &Place<'_>, value: Option<&Value>, pointer: &str, html: &mut Html) {
        if let Some(absent) = self.submission.absent.get(pointer) {
            self.said.borrow_mut().insert(pointer.to_owned());
            html.span("absent", &self.absence(absent, pointer));
        }
        match value {
            None if self.submission.absent.contains_key(pointer) => {}
            None => html.span("nothing", "–"),
            Some(_) if self.page.is_masked(self.key, pointer) => {
                html.leaf("span", &[("class", "mask"), ("title", &self.page.words.say("answers.personal"))], MASK);
            }
            Some(value) => self.shown(place, value, pointer, html),
        }
        self.mark(pointer, html);
    }

    fn shown(&self, place: &Place<'_>, value: &Value, pointer: &str, html: &mut Html) {
        let words = &self.page.words;
        match value {
            Value::Null => html.span("nothing", "–"),
            Value::Bool(true) => html.span("yes", &words.say("answers.yes")),
            Value::Bool(false) => html.span("no", &words.say("answers.no")),
            Value::Number(number) => {
                html.text(&place.choice(words.language, value).unwrap_or_else(|| number.to_string()));
                if let Some(unit) = place.unit().map(unit) {
                    html.span("unit", &format!(" {unit}"));
                }
            }
            Value::String(text) => match (place.choice(words.language, value), self.page.report.names.get(text)) {
                (Some(choice), _) => html.text(&choice),
                (None, Some(name)) => {
                    html.text(name);
                    html.text(" ");
                    html.span("code", text);
                }
                (None, None) => {
                    html.span("said", text);
                    if let Some(unit) = place.unit().map(unit) {
                        html.span("unit", &format!(" {unit}"));
                    }
                }
            },
            Value::Array(items) if items.is_empty() => html.span("nothing", &words.say("answers.no_rows")),
            Value::Array(items) if items.iter().all(Value::is_object) => {
                self.table(place, "", items, pointer, html);
            }
            Value::Array(items) => html.element("ul", &[("class", "values")], |html| {
                for (index, item) in items.iter().enumerate() {
                    let pointer = format!("{pointer}/{index}");
                    html.element("li", &[], |html| self.value(&place.item(index), Some(item), &pointer, html));
                }
            }),
            Value::Object(members) => self.object(place, members, pointer, html),
        }
    }

    fn absence(&self, absent: &Absent, pointer: &str) -> String {
        let code = match absent.code {
            AbsentCode::NotApplicable => "absent.not_applicable",
            AbsentCode::Refused => "absent.refused",
            AbsentCode::Unknown => "absent.unknown",
            AbsentCode::Hidden => "absent.hidden",
        };
        let words = &self.page.words;
        let said = words.say(code);
        match &absent.reason {
            Some(_) if self.page.is_masked(self.key, pointer) => said,
            Some(reason) => words.fill("absent.reason", &json!({"absent": said, "reason": reason})),
            None => said,
        }
    }

    /// Absent marks about places that are not there: below a list that was left out, for instance.
    fn unsaid(&self, html: &mut Html) {
        let said = self.said.borrow();
        let unsaid: Vec<_> = self.submission.absent.iter().filter(|(pointer, _)| !said.contains(*pointer)).collect();
        if unsaid.is_empty() {
            return;
        }
        html.element("dl", &[("class", "pairs")], |html| {
            for (pointer, absent) in unsaid {
                html.element("div", &[], |html| {
                    html.leaf("dt", &[("class", "code")], pointer);
                    html.element("dd", &[], |html| html.span("absent", &self.absence(absent, pointer)));
                });
            }
        });
    }
}

/// `pointer` with one more reference token.
fn below(pointer: &str, token: &str) -> String {
    format!("{pointer}/{}", token.replace('~', "~0").replace('/', "~1"))
}

/// A number, or a decimal kept as text as money is.
fn is_amount(value: &Value) -> bool {
    match value {
        Value::Number(_) => true,
        Value::String(text) => {
            let digits = text.bytes().filter(u8::is_ascii_digit).count();
            text.contains('.') && digits > 0 && text.parse::<f64>().is_ok() && digits + 2 >= text.len()
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
    }
}

/// One short word: a date, a code.
fn is_short(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.len() <= 12 && text.bytes().all(|byte| byte.is_ascii_graphic()))
}
