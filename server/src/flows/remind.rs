//! What time alone does to a task: overdue, or a planned visit that nobody began.

use crate::app::App;
use crate::flows::book::Book;
use crate::flows::once::settle;
use crate::flows::problem::Result;
use engine::task;

/// Marks a task if it is due; false if there was nothing to do.
///
/// # Errors
/// Those of the store.
pub async fn remind(app: &App, tenant: &str, id: &str) -> Result<bool> {
    settle(app, tenant, || async {
        let Some(mut task) = app.store.task(tenant, id).await? else { return Ok(Vec::new()) };
        let now_ms = app.clock.now_ms();
        let events = task::due(&task, now_ms);
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let before = task.version;
        let mut book = Book::new(tenant, now_ms);
        let tip = app.store.tip(tenant, &task.id).await?;
        book.task_events(&mut task, tip, &events)?;
        book.changed_task(&mut task, before);
        Ok(book.into_writes())
    })
    .await
}
