//! Events come back byte for byte; erasing one keeps its proof; a changed byte is found.

use super::samples::{draft, stream, write};
use super::{Database, ONE, OTHER, on_both};
use crate::store::{Store, StoredEvent, Write};
use engine::event::{self, Event, Fault, NO_PREVIOUS, Tip, Tips};

on_both![events_come_back, erasing_keeps_the_proof, a_changed_byte_is_found, streams_are_listed];

/// The events that writes were made of.
fn events_of(writes: &[Write]) -> Vec<Event> {
    let event = |write: &Write| match write {
        Write::Event(event) => (**event).clone(),
        _ => panic!("not an event"),
    };
    writes.iter().map(event).collect()
}

async fn stored(store: &dyn Store, stream: &str) -> Vec<StoredEvent> {
    store.events(ONE, stream, 0, 100).await.unwrap()
}

async fn events_come_back(database: &Database) {
    let store = database.with_tenants().await;
    let writes = stream(ONE, "vis_1", 5);
    let events = events_of(&writes);
    write(&*store, ONE, writes).await;
    let back = stored(&*store, "vis_1").await;
    assert_eq!(back.iter().map(|stored| stored.event().unwrap()).collect::<Vec<_>>(), events);
    for (stored, event) in back.iter().zip(&events) {
        let canonical = engine::canon::jcs(&serde_json::to_value(&event.header).unwrap()).unwrap();
        assert_eq!(stored.header.as_bytes(), canonical);
        assert_eq!((stored.stream.as_str(), stored.seq, &stored.hash), ("vis_1", event.header.seq, &event.hash));
        let place = Some(("vis_1".to_owned(), event.header.seq));
        assert_eq!(store.event_by_hash(ONE, &event.hash).await.unwrap(), place);
        assert_eq!(store.event_by_hash(OTHER, &event.hash).await.unwrap(), None);
    }
    let (_, answers) = back[0].payloads["answers"].clone().unwrap();
    assert_eq!(answers, r#"{"count":1.5,"name":"Wang 王"}"#);
    assert_eq!(store.events(ONE, "vis_1", 2, 2).await.unwrap(), back[2..4]);
    assert_eq!(store.events(ONE, "vis_1", 5, 2).await.unwrap(), []);
    assert_eq!(store.events(OTHER, "vis_1", 0, 100).await.unwrap(), []);
    assert_eq!(store.event_by_hash(ONE, NO_PREVIOUS).await.unwrap(), None);

    // An event that tells nothing by commitment has no payload rows.
    let bare = event::Draft { payloads: std::collections::BTreeMap::new(), ..draft("vis_2", "begun") };
    let seal = event::Seal { tenant: ONE, engine: event::ENGINE_HASH, at_ms: 0, tip: &Tip::default() };
    let bare = event::seal(bare, &seal, &mut || [0; 16]).unwrap();
    write(&*store, ONE, vec![Write::Event(Box::new(bare.clone()))]).await;
    assert_eq!(stored(&*store, "vis_2").await[0].event().unwrap(), bare);
}

async fn erasing_keeps_the_proof(database: &Database) {
    let store = database.with_tenants().await;
    write(&*store, ONE, stream(ONE, "vis_1", 3)).await;
    write(&*store, ONE, stream(ONE, "vis_2", 1)).await;
    write(&*store, OTHER, stream(OTHER, "vis_1", 3)).await;
    let untouched =
        [store.events(ONE, "vis_2", 0, 9).await.unwrap(), store.events(OTHER, "vis_1", 0, 9).await.unwrap()];
    assert_eq!(store.erase(ONE, "vis_1", &["answers", "unknown"]).await.unwrap(), 3);
    assert_eq!(store.erase(ONE, "vis_1", &["answers"]).await.unwrap(), 0);
    assert_eq!(store.erase(ONE, "vis_1", &[]).await.unwrap(), 0);
    let mut tips = Tips::default();
    for stored in stored(&*store, "vis_1").await {
        assert_eq!(stored.payloads["answers"], None);
        assert!(stored.payloads["note"].is_some());
        let verification = tips.verify(&stored.event().unwrap());
        assert_eq!((verification.faults, verification.erased), (Vec::new(), vec!["answers".to_owned()]));
    }
    let after = [store.events(ONE, "vis_2", 0, 9).await.unwrap(), store.events(OTHER, "vis_1", 0, 9).await.unwrap()];
    assert_eq!(after, untouched);
}

async fn a_changed_byte_is_found(database: &Database) {
    let store = database.with_tenants().await;
    write(&*store, ONE, stream(ONE, "vis_1", 1)).await;
    let faults = async || {
        let event = stored(&*store, "vis_1").await[0].event().unwrap();
        event::verify(&event, &Tip::default()).faults
    };
    assert_eq!(faults().await, []);
    database.tamper(r#"update payloads set value = '{"count":1.6,"name":"Wang 王"}' where name = 'answers'"#).await;
    assert_eq!(faults().await, [Fault::Commitment { payload: "answers".to_owned() }]);
    database.tamper("delete from payloads where name = 'answers'").await;
    assert_eq!(faults().await, [Fault::Missing { payload: "answers".to_owned() }]);
    database.tamper("update events set header = replace(header, 'noted', 'voted')").await;
    assert!(matches!(&faults().await[..], [Fault::Hash { .. }, Fault::Missing { .. }]));
    database.tamper("update events set header = 'x'").await;
    assert!(stored(&*store, "vis_1").await[0].event().is_err());
}

async fn streams_are_listed(database: &Database) {
    let store = database.with_tenants().await;
    let writes: Vec<Write> = [("vis_2", 2), ("tsk_1", 1), ("vis_1", 3)]
        .into_iter()
        .flat_map(|(name, count)| stream(ONE, name, count))
        .collect();
    let last = events_of(&writes).pop().unwrap();
    write(&*store, ONE, writes).await;
    let streams = store.streams(ONE, None, 10).await.unwrap();
    let ends: Vec<(&str, u64)> = streams.iter().map(|(name, tip)| (name.as_str(), tip.seq)).collect();
    assert_eq!(ends, [("tsk_1", 1), ("vis_1", 3), ("vis_2", 2)]);
    assert_eq!(streams[1].1, Tip::after(&last));
    assert_eq!(store.tip(ONE, "vis_1").await.unwrap(), Tip::after(&last));
    assert_eq!(store.tip(ONE, "vis_9").await.unwrap(), Tip::default());
    assert_eq!(store.streams(ONE, Some("tsk_1"), 1).await.unwrap(), streams[1..2]);
    assert_eq!(store.streams(OTHER, None, 10).await.unwrap(), []);
    assert_eq!(store.tip(OTHER, "vis_1").await.unwrap(), Tip::default());
}
