//! What comes after: tasks that left with a step, tasks the verdict made, and what people said about the visit.

use super::html::Html;
use super::page::Page;
use engine::time;
use engine::verdict::SpawnedTask;
use serde_json::json;

/// Tasks that left with a step, and those that follow from the verdict.
pub fn tasks(page: &Page<'_>, html: &mut Html) {
    let at_once = &page.visit.left_at_once;
    let verdict = page.visit.verdict().map(|verdict| verdict.tasks.as_slice()).unwrap_or_default();
    let verdict = verdict.iter().filter(|task| !at_once.contains_key(&task.id));
    let tasks: Vec<&SpawnedTask> = at_once.values().chain(verdict).collect();
    if tasks.is_empty() {
        return;
    }
    let words = &page.words;
    html.element("section", &[("class", "tasks"), ("aria-labelledby", "tasks")], |html| {
        html.leaf("h2", &[("id", "tasks")], &words.say("tasks.title"));
        html.element("ul", &[("class", "plain")], |html| {
            for task in tasks {
                let declared = page.sop.sop.tasks.iter().find(|declared| declared.id == task.entry);
                let kind = words.known(&format!("task.{}", task.kind)).unwrap_or(&task.kind);
                let role = words.known(&format!("role.{}", task.role)).unwrap_or(&task.role);
                let due = time::parse("due", &task.due)
                    .map_or_else(|_| task.due.clone(), |due_ms| page.zone.date_and_minute(due_ms));
                html.element("li", &[], |html| {
                    html.span("tag", kind);
                    html.text(" ");
                    html.leaf("strong", &[], declared.map_or(kind, |declared| words.of(&declared.title)));
                    html.text(" ");
                    html.span("small", &words.fill("tasks.due", &json!({"role": role, "due": due})));
                });
            }
        });
    });
}

/// Comments, in the order they were made.
pub fn comments(page: &Page<'_>, html: &mut Html) {
    if page.report.comments.is_empty() {
        return;
    }
    html.element("section", &[("class", "comments"), ("aria-labelledby", "comments")], |html| {
        html.leaf("h2", &[("id", "comments")], &page.words.say("comments.title"));
        html.element("ul", &[("class", "plain")], |html| {
            for comment in page.report.comments {
                html.element("li", &[], |html| {
                    html.leaf("strong", &[], &comment.user);
                    html.text(" ");
                    html.span("small", &page.zone.date_and_minute(comment.at_ms));
                    html.leaf("p", &[("class", "said")], &comment.text);
                });
            }
        });
    });
}
