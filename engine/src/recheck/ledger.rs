//! The stream of an account: each entry adds up from the one before, and is what a visit's event, or somebody, says.

use super::{Differs, Rechecked, Recorded};
use crate::decimal::Decimal;
use crate::event::Event;
use crate::ledger::{self, Entry, LedgerEvent};
use crate::visit::VisitEvent;

pub(super) fn recheck<R: Recorded>(recorded: &mut R, stream: &str) -> Result<Rechecked, R::Error> {
    let mut rechecked = Rechecked::default();
    let mut balance = Decimal::default();
    for stored in recorded.events(stream, u64::MAX)? {
        let Some(happened) = LedgerEvent::of(&stored) else {
            rechecked.differ(Some(&stored), Differs::Unreadable { detail: "it is no entry of an account".to_owned() });
            return Ok(rechecked);
        };
        rechecked.judged += 1;
        let entry = happened.entry();
        let after = Decimal::parse(&entry.amount).map(|amount| balance.plus(amount).to_string());
        if after.as_ref() != Some(&entry.balance) || entry.account().stream() != stream {
            rechecked.differ(Some(&stored), Differs::Payloads { payloads: vec!["entry".to_owned()] });
        }
        balance = Decimal::parse(&entry.balance).unwrap_or_default();
        if let LedgerEvent::LedgerPosted { entry, by } = &happened {
            match founded(recorded, entry, &by.event)? {
                Founded::Yes => {}
                Founded::Erased => rechecked.erased.push(stored.header.seq),
                Founded::No => {
                    let (need, event) = (ledger::SOURCE.to_owned(), by.event.clone());
                    rechecked.differ(Some(&stored), Differs::Unfounded { need, event });
                }
            }
        }
    }
    Ok(rechecked)
}

/// Whether an assessment posted an entry.
enum Founded {
    Yes,
    No,
    /// What it posted cannot be seen any more.
    Erased,
}

fn founded<R: Recorded>(recorded: &mut R, entry: &Entry, hash: &str) -> Result<Founded, R::Error> {
    let Some(located) = recorded.find(hash)? else { return Ok(Founded::No) };
    let events = recorded.events(&located.stream, located.seq)?;
    let read = events.last().filter(|last: &&Event| last.hash == hash).map(VisitEvent::of);
    Ok(match read {
        Some(Ok(VisitEvent::Assessed { assessment })) if assessment.ledger.contains(entry) => Founded::Yes,
        Some(Err(crate::visit::Unbuilt::Erased { .. })) => Founded::Erased,
        _ => Founded::No,
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Difference, recheck};
    use crate::canon::CanonicalJson;
    use crate::event::Payload;
    use crate::tests::{Day, HANDOVER, Kept, command};
    use serde_json::{Value, json};
    use std::collections::BTreeSet;

    /// Two visits that draw on one account, one of them twice, one after an adjustment.
    fn a_day() -> Day {
        let mut day = Day::under(&HANDOVER);
        let opening = json!({"record": "adjustment", "ledger": "stock", "account": ["usr_rep", "a"], "amount": "5",
            "user": "usr_boss", "reason": "opening", "received": "2026-03-02T08:00:00+08:00"});
        day.take(&serde_json::from_value(opening).unwrap());
        let give =
            |qty: &str| json!({"step": "give", "answers": {"to": "con_li", "items": [{"lot": "a", "qty": qty}]}});
        for (visit, (task, quantities)) in [("tsk_one", ["3", "2"]), ("tsk_two", ["4", "1"])].into_iter().enumerate() {
            let mut commands = vec![
                ("create", json!({"customer": "cus_one", "origin": "ad_hoc"})),
                ("start", json!({})),
                ("submit", json!({"step": "arrive"})),
            ];
            commands.extend(quantities.map(|qty| ("submit", give(qty))));
            for (index, (verb, body)) in commands.iter().enumerate() {
                let second = i64::try_from(visit * 1000 + index * 60).unwrap();
                let id = format!("cmd_{visit}-{index}");
                day.take(&command(&id, "usr_rep", task, (second, second), verb, body));
            }
        }
        day
    }

    fn streams(record: &Kept) -> BTreeSet<String> {
        record.events.iter().map(|event| event.header.stream.clone()).collect()
    }

    fn differences(record: &mut Kept) -> Vec<Difference> {
        let mut found = Vec::new();
        for stream in streams(record) {
            let Ok(rechecked) = recheck(record, &stream);
            assert_eq!(rechecked.erased, [0; 0], "{stream}");
            found.extend(rechecked.differences);
        }
        found
    }

    #[test]
    fn a_balance_is_judged_again_as_it_was_then() {
        let mut day = a_day();
        let accounts: Vec<String> = streams(&day.record).into_iter().filter(|it| it.starts_with("led_")).collect();
        assert_eq!(accounts.len(), 2);
        assert!(json!(day.record.events).to_string().contains("ledger.below_min"), "somebody took too much");
        assert_eq!(differences(&mut day.record), []);
    }

    #[test]
    fn forged_entries_are_found() {
        let forge = |record: &mut Kept, kind: &str, name: &str, pointer: &str, value: Value| {
            let event = record.events.iter_mut().find(|event| event.header.kind == kind).unwrap();
            let Some(Payload::Kept(kept)) = event.payloads.get_mut(name) else { panic!("no {name}") };
            let mut all = kept.value.value();
            *all.pointer_mut(pointer).unwrap() = value;
            kept.value = CanonicalJson::of(&all).unwrap();
        };
        for (kind, name, pointer, value) in [
            ("ledger_adjusted", "entry", "/amount", json!("50")),
            ("ledger_adjusted", "entry", "/balance", json!("50")),
            ("ledger_adjusted", "entry", "/account/1", json!("b")),
            ("ledger_posted", "entry", "/amount", json!("-1")),
            ("ledger_posted", "by", "/event", json!("0".repeat(64))),
        ] {
            let mut record = a_day().record;
            forge(&mut record, kind, name, pointer, value.clone());
            assert_ne!(differences(&mut record), [], "{kind} {name}{pointer} {value}");
        }
    }
}
