//! What a document locks: each lock is on something that is there.

use super::{Place, Report};
use crate::overlay;
use serde_json::json;

pub(super) fn check(root: &Place<'_>, report: &mut Report) {
    for lock in root.items("locked") {
        if let Some(at) = lock.value.as_str()
            && overlay::find(root.value, at).is_none()
        {
            report.add(lock.pointer.clone(), "locked.nothing", json!({ "at": at }));
        }
    }
}
