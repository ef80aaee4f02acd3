//! Records that submissions become, as callers see them.

use crate::app::App;
use crate::flows::caller::{Caller, OVERSEES};
use crate::flows::problem::Result;
use crate::store::{Output, OutputQuery, OwnOrScope};
use engine::output::OutputRecord;
use engine::time::format_utc;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// At most so many are shown with a visit.
const SHOWN: u32 = 200;

/// A record, and where it comes from.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct OutputView {
    /// The record; its fields are empty once its visit was erased.
    pub record: OutputRecord,
    /// The submission it comes from stands; else it was replaced.
    pub standing: bool,
    /// Its visit was erased.
    pub erased: bool,
    /// Hash of the event it comes from.
    pub event: String,
    /// When that was written, RFC 3339 UTC.
    pub written_at: String,
}

impl From<Output> for OutputView {
    fn from(output: Output) -> Self {
        let Output { record, erased, standing, event, at_ms, .. } = output;
        Self { record, standing, erased, event, written_at: format_utc(at_ms) }
    }
}

/// What a caller may see of what visits leave: their own, and that of the org units they oversee.
pub fn seen(caller: &Caller) -> OwnOrScope {
    OwnOrScope { user: caller.user.clone(), scope: caller.scope(OVERSEES) }
}

/// A page of records, with the moment each was written.
///
/// # Errors
/// Those of the store.
pub async fn list(app: &App, caller: &Caller, query: &OutputQuery) -> Result<Vec<Output>> {
    Ok(app.store.outputs(&caller.tenant, query).await?)
}

/// What a visit the caller sees has become.
///
/// # Errors
/// Those of the store.
pub async fn of_visit(app: &App, caller: &Caller, visit: &str) -> Result<Vec<OutputView>> {
    let query = OutputQuery {
        seen: seen(caller),
        kind: None,
        customer: None,
        visit: Some(visit.to_owned()),
        from: None,
        to: None,
        replaced: false,
        after: None,
        limit: SHOWN,
    };
    Ok(list(app, caller, &query).await?.into_iter().map(OutputView::from).collect())
}
