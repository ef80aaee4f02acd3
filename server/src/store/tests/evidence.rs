//! Evidence: what is here, what is awaited, who names it.

use super::samples::{evidence, set, used, write};
use super::{Database, ONE, OTHER, on_both};
use crate::store::{Evidence, Write};
use engine::input::Exif;

on_both![evidence_is_here_once, visits_await_evidence, visits_name_evidence];

async fn evidence_is_here_once(database: &Database) {
    let store = database.with_tenants().await;
    write(&*store, ONE, ["cc", "aa", "bb"].map(|sha256| Write::Evidence(evidence(sha256))).into()).await;
    let exif =
        Exif { taken_min_ms: Some(1), lat: Some(31.2304), software: Some("相机".to_owned()), ..Exif::default() };
    let said = Evidence { exif: Some(exif), ..evidence("ee") };
    write(&*store, ONE, vec![Write::Evidence(said.clone())]).await;
    assert_eq!(store.evidence(ONE, "ee").await.unwrap().as_ref(), Some(&said));
    // Who brings it again does not change who brought it.
    write(&*store, ONE, vec![Write::Evidence(Evidence { reported_by: "usr_2".to_owned(), ..evidence("aa") })]).await;
    assert_eq!(store.evidence(ONE, "aa").await.unwrap(), Some(evidence("aa")));
    assert_eq!(store.evidence(ONE, "dd").await.unwrap(), None);
    assert_eq!(store.evidence(OTHER, "aa").await.unwrap(), None);
    let found = store.arrived(ONE, &set(&["aa", "dd", "cc", "ee"])).await.unwrap();
    assert_eq!(
        found,
        [("aa", None), ("cc", None), ("ee", said.exif)].map(|(sha256, exif)| (sha256.to_owned(), exif)).into()
    );
    assert!(store.arrived(ONE, &set(&[])).await.unwrap().is_empty());
    assert!(store.arrived(OTHER, &set(&["aa"])).await.unwrap().is_empty());
    let many: Vec<String> = (0..5000).map(|number| format!("{number:064x}")).collect();
    assert!(store.arrived(ONE, &many.into_iter().collect()).await.unwrap().is_empty());
    assert_eq!(store.all_evidence(ONE, None, 3).await.unwrap(), ["aa", "bb", "cc"].map(evidence));
    assert_eq!(store.all_evidence(ONE, Some("aa"), 1).await.unwrap(), [evidence("bb")]);
    assert_eq!(store.all_evidence(OTHER, None, 10).await.unwrap(), []);
}

async fn visits_await_evidence(database: &Database) {
    let store = database.with_tenants().await;
    let awaits = |visit: &str, sha256: &[&str]| Write::Awaits { visit: visit.to_owned(), sha256: set(sha256) };
    write(&*store, ONE, vec![awaits("vis_2", &["aa", "bb"]), awaits("vis_1", &["aa"])]).await;
    assert_eq!(store.awaiting(ONE, "aa").await.unwrap(), ["vis_1", "vis_2"]);
    assert_eq!(store.awaiting(OTHER, "aa").await.unwrap(), [""; 0]);
    assert_eq!(store.awaiting_what_is_here(ONE, 10).await.unwrap(), []);
    write(&*store, ONE, vec![Write::Evidence(evidence("aa"))]).await;
    let pair = |visit: &str| (visit.to_owned(), "aa".to_owned());
    assert_eq!(store.awaiting_what_is_here(ONE, 10).await.unwrap(), [pair("vis_1"), pair("vis_2")]);
    assert_eq!(store.awaiting_what_is_here(ONE, 1).await.unwrap(), [pair("vis_1")]);
    assert_eq!(store.awaiting_what_is_here(OTHER, 10).await.unwrap(), []);
    write(&*store, ONE, vec![awaits("vis_1", &[]), awaits("vis_2", &["bb", "cc"])]).await;
    assert_eq!(store.awaiting(ONE, "aa").await.unwrap(), [""; 0]);
    assert_eq!(store.awaiting(ONE, "cc").await.unwrap(), ["vis_2"]);
    assert_eq!(store.awaiting_what_is_here(ONE, 10).await.unwrap(), []);
}

async fn visits_name_evidence(database: &Database) {
    let store = database.with_tenants().await;
    let uses = [used("aa", "vis_2", "front", 1), used("aa", "vis_2", "inside", 1), used("bb", "vis_3", "front", 1)];
    write(&*store, ONE, uses.map(Write::Use).into()).await;
    write(&*store, ONE, vec![Write::Awaits { visit: "vis_1".to_owned(), sha256: set(&["aa"]) }]).await;
    assert_eq!(store.visits_using(ONE, "aa").await.unwrap(), ["vis_1", "vis_2"]);
    assert_eq!(store.visits_using(ONE, "cc").await.unwrap(), [""; 0]);
    assert_eq!(store.visits_using(OTHER, "aa").await.unwrap(), [""; 0]);
}
