//! A visit back from its stored events: findings are read, no rule runs.

use super::{Visit, VisitEvent};
use crate::event::{self, Event, Payload};
use crate::time;

/// Why stored events give no visit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unbuilt {
    /// A payload was erased: what the visit was from there on cannot be known any more.
    #[error("event {seq} was erased")]
    Erased {
        /// Place in the stream.
        seq: u64,
    },
    /// An event is not one of a visit, or not of a form that is known here.
    #[error("event {seq} cannot be read: {detail}")]
    Malformed {
        /// Place in the stream.
        seq: u64,
        /// What is wrong.
        detail: String,
    },
}

impl VisitEvent {
    /// The event back from how it is stored, lifted to today's form. Verify first.
    ///
    /// # Errors
    /// When a payload was erased, or the event is none of a visit.
    pub fn of(stored: &Event) -> Result<Self, Unbuilt> {
        let seq = stored.header.seq;
        let malformed = |detail: String| Unbuilt::Malformed { seq, detail };
        let lifted = event::upcast(stored, &Self::TYPES).map_err(|unreadable| malformed(unreadable.to_string()))?;
        let mut kept = Vec::new();
        for (name, payload) in &lifted.payloads {
            match payload {
                Payload::Kept(payload) => kept.push((name, &payload.value)),
                Payload::Erased(_) => return Err(Unbuilt::Erased { seq }),
            }
        }
        Self::from_payloads(&lifted.header.kind, kept.into_iter()).map_err(|error| malformed(error.to_string()))
    }
}

impl Visit {
    /// The visit that stored events add up to, in order from the first; none without events.
    ///
    /// # Errors
    /// When one of them was erased, or is none of a visit.
    pub fn rebuild<'a>(stored: impl IntoIterator<Item = &'a Event>) -> Result<Option<Self>, Unbuilt> {
        let mut visit: Option<Self> = None;
        for one in stored {
            let event = VisitEvent::of(one)?;
            visit = Self::after(visit, &event, one)?;
        }
        Ok(visit)
    }

    /// The visit after one more event; `stored` is that event as it was stored.
    ///
    /// # Errors
    /// When the first event is not the one that begins a visit, or its time cannot be read.
    pub fn after(before: Option<Self>, event: &VisitEvent, stored: &Event) -> Result<Option<Self>, Unbuilt> {
        let seq = stored.header.seq;
        let malformed = |detail: String| Unbuilt::Malformed { seq, detail };
        let at_ms = time::parse("at", &stored.header.at).map_err(|error| malformed(error.to_string()))?;
        let begun = before.or_else(|| Self::begin(event, at_ms));
        let mut visit = begun.ok_or_else(|| malformed("it does not begin a visit".to_owned()))?;
        visit.apply(event, &stored.hash, at_ms);
        Ok(Some(visit))
    }
}
