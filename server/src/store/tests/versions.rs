//! Drafts move, published versions stay, and what is offered is seen by others.

use super::samples::{commit, done, moved, version, write};
use super::{Database, ONE, OTHER, on_both};
use crate::store::{Offer, Version, VersionKind, Write};
use serde_json::json;

on_both![a_draft_moves, what_is_published_stays, versions_are_listed, offers_are_seen_by_others, content_stays];

fn put(version: Version, expected: Option<u64>) -> Write {
    Write::Version(Box::new(version), expected)
}

async fn a_draft_moves(database: &Database) {
    let store = database.with_tenants().await;
    let one = version(VersionKind::Sop, "audit", "1.0.0", 1);
    let two = version(VersionKind::Sop, "audit", "1.0.0", 2);
    write(&*store, ONE, vec![put(one.clone(), None)]).await;
    assert_eq!(store.version(ONE, VersionKind::Sop, "audit", "1.0.0").await.unwrap(), Some(one.clone()));
    assert_eq!(moved(store.commit(ONE, &commit(vec![put(one.clone(), None)])).await), "audit");
    write(&*store, ONE, vec![put(two.clone(), Some(1))]).await;
    assert_eq!(moved(store.commit(ONE, &commit(vec![put(two.clone(), Some(1))])).await), "audit");
    assert_eq!(store.version(ONE, VersionKind::Sop, "audit", "1.0.0").await.unwrap(), Some(two));
    assert_eq!(store.version(ONE, VersionKind::Plugin, "audit", "1.0.0").await.unwrap(), None);
    assert_eq!(store.version(ONE, VersionKind::Sop, "audit", "1.0.1").await.unwrap(), None);
    // A gap is a mistake of ours.
    assert!(
        store.commit(ONE, &commit(vec![put(version(VersionKind::Sop, "audit", "1.0.0", 4), Some(2))])).await.is_err()
    );
}

async fn what_is_published_stays(database: &Database) {
    let store = database.with_tenants().await;
    let draft = version(VersionKind::Plugin, "presence", "1.0.0", 1);
    let published = Version { published: true, revision: 2, ..draft.clone() };
    let offered = Version { offered: true, revision: 3, by: "usr_2".to_owned(), ..published.clone() };
    write(&*store, ONE, vec![put(draft.clone(), None)]).await;
    write(&*store, ONE, vec![put(published.clone(), Some(1))]).await;
    write(&*store, ONE, vec![put(offered.clone(), Some(2))]).await;
    let other_content = Version { hash: "00".repeat(32), revision: 4, ..offered.clone() };
    let other_about = Version { about: json!({}), revision: 4, ..offered.clone() };
    let taken_back = Version { published: false, revision: 4, ..offered.clone() };
    for change in [other_content, other_about, taken_back] {
        assert_eq!(moved(store.commit(ONE, &commit(vec![put(change, Some(3))])).await), "presence");
    }
    assert_eq!(store.version(ONE, VersionKind::Plugin, "presence", "1.0.0").await.unwrap(), Some(offered.clone()));
    done(store.commit(ONE, &commit(vec![put(Version { offered: false, revision: 4, ..offered }, Some(3))])).await);
}

async fn versions_are_listed(database: &Database) {
    let store = database.with_tenants().await;
    let places = [("b", "1.0.0"), ("a", "2.0.0"), ("a", "10.0.0"), ("c", "1.0.0")];
    let writes = places.map(|(name, text)| put(version(VersionKind::Dataset, name, text, 1), None));
    write(&*store, ONE, writes.into()).await;
    write(&*store, ONE, vec![put(version(VersionKind::Sop, "a", "9.0.0", 1), None)]).await;
    let listed = async |name, after, limit| {
        let versions = store.versions(ONE, VersionKind::Dataset, name, after, limit).await.unwrap();
        versions.into_iter().map(|version| format!("{} {}", version.name, version.version)).collect::<Vec<_>>()
    };
    assert_eq!(listed(None, None, 10).await, ["a 10.0.0", "a 2.0.0", "b 1.0.0", "c 1.0.0"]);
    assert_eq!(listed(Some("a"), None, 10).await, ["a 10.0.0", "a 2.0.0"]);
    assert_eq!(listed(None, Some(("a", "10.0.0")), 2).await, ["a 2.0.0", "b 1.0.0"]);
    assert_eq!(listed(Some("a"), Some(("a", "10.0.0")), 2).await, ["a 2.0.0"]);
    assert_eq!(store.versions(OTHER, VersionKind::Dataset, None, None, 10).await.unwrap(), []);
}

async fn offers_are_seen_by_others(database: &Database) {
    let store = database.with_tenants().await;
    let offered = |kind, name| Version { published: true, offered: true, ..version(kind, name, "1.0.0", 1) };
    let sop = offered(VersionKind::Sop, "audit");
    let plugin = offered(VersionKind::Plugin, "presence");
    let own = Version { offered: false, ..offered(VersionKind::Sop, "own") };
    let draft = Version { published: false, ..offered(VersionKind::Sop, "draft") };
    write(&*store, ONE, [&sop, &own, &draft].map(|version| put(version.clone(), None)).into()).await;
    write(&*store, OTHER, vec![put(plugin.clone(), None)]).await;
    let sop = Offer { publisher: ONE.to_owned(), version: sop };
    let plugin = Offer { publisher: OTHER.to_owned(), version: plugin };
    assert_eq!(store.offers(None).await.unwrap(), [sop.clone(), plugin.clone()]);
    assert_eq!(store.offers(Some(VersionKind::Plugin)).await.unwrap(), [plugin]);
    assert_eq!(store.offers(Some(VersionKind::Sop)).await.unwrap(), [sop]);
    assert_eq!(store.offers(Some(VersionKind::Dataset)).await.unwrap(), []);
}

async fn content_stays(database: &Database) {
    let store = database.with_tenants().await;
    let put = |hash: &str, bytes: &[u8]| Write::Object { hash: hash.to_owned(), bytes: bytes.to_vec() };
    let large: Vec<u8> = (0..=255).cycle().take(3_000_000).collect();
    write(&*store, ONE, vec![put("bb", b""), put("aa", &large), put("cc", b"c")]).await;
    write(&*store, ONE, vec![put("aa", b"another")]).await;
    assert_eq!(store.object(ONE, "aa").await.unwrap(), Some(large));
    assert_eq!(store.object(ONE, "bb").await.unwrap(), Some(Vec::new()));
    assert_eq!(store.object(OTHER, "aa").await.unwrap(), None);
    assert_eq!(store.objects(ONE, None, 10).await.unwrap(), ["aa", "bb", "cc"]);
    assert_eq!(store.objects(ONE, Some("aa"), 1).await.unwrap(), ["bb"]);
    assert_eq!(store.objects(OTHER, None, 10).await.unwrap(), [""; 0]);
}
