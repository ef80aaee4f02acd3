//! Who came with which token a moment ago. Every request asks, and almost always nothing has changed.
//!
//! What changes here is forgotten here at once. What another process changes (a replica, `sopwith user end`) holds from when
//! the memory ends: `serve --remember-ms`, a second unless told otherwise.

use crate::flows::caller::Caller;
use crate::flows::records::{Grant, Kind as _, User};
use crate::store::Write;
use moka::sync::Cache;
use std::time::Duration;

/// Tokens that are remembered at most.
const MOST: u64 = 50_000;

/// See the module header.
pub struct Sessions(Option<Cache<String, Caller>>);

impl Sessions {
    /// Remembers for so long; zero: not at all.
    pub fn new(memory: Duration) -> Self {
        Self((!memory.is_zero()).then(|| Cache::builder().max_capacity(MOST).time_to_live(memory).build()))
    }

    /// Who the token with this hash belongs to, as of a moment ago.
    pub fn get(&self, hash: &str) -> Option<Caller> {
        self.0.as_ref()?.get(hash)
    }

    /// Remembers.
    pub fn put(&self, hash: String, caller: &Caller) {
        if let Some(callers) = &self.0 {
            callers.insert(hash, caller.clone());
        }
    }

    /// Forgets everybody.
    pub fn forget(&self) {
        if let Some(callers) = &self.0 {
            callers.invalidate_all();
        }
    }

    /// Forgets everybody if what was written may change who somebody is or what they may do.
    pub fn heed(&self, writes: &[Write]) {
        let matters = |write: &Write| match write {
            Write::Token(_) | Write::RevokeToken(_) => true,
            Write::Record(record, _) => [User::NAME, Grant::NAME].contains(&record.kind.as_str()),
            _ => false,
        };
        if writes.iter().any(matters) {
            self.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller() -> Caller {
        Caller { tenant: "tnt_one".into(), user: "usr_one".into(), grants: Vec::new() }
    }

    #[test]
    fn what_changes_a_caller_is_heeded() {
        let sessions = Sessions::new(Duration::from_secs(60));
        sessions.put("hash".into(), &caller());
        sessions.heed(&[Write::OutboxDone("x".into())]);
        assert!(sessions.get("hash").is_some() && sessions.get("other").is_none());
        sessions.heed(&[Write::RevokeToken("tok_one".into())]);
        assert!(sessions.get("hash").is_none());
    }

    #[test]
    fn without_memory_everybody_is_looked_up() {
        let sessions = Sessions::new(Duration::ZERO);
        sessions.put("hash".into(), &caller());
        assert!(sessions.get("hash").is_none());
    }
}
