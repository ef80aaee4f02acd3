//! Photos and texts that are alike are found, by index, and only those of others.

use super::samples::{NOW, photo, stream, text, write};
use super::{Database, ONE, OTHER, on_both};
use crate::store::database::Base;
use crate::store::{Store, StoreUrl, Write};
use engine::alike::{MAX_DISTANCE, PastPhoto};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Row as _, Sqlite};

on_both![
    photos_within_the_distance_are_found,
    of_a_common_hash_the_newest_are_found,
    the_same_texts_are_found,
    erasing_a_visit_takes_its_texts
];

const HASH: u64 = 0xf0e1_d2c3_b4a5_9687;

fn kept(photo: PastPhoto) -> Write {
    let event = format!("event of {}", photo.visit);
    Write::Photo(photo, event)
}

async fn found(store: &dyn Store, hash: u64, not: &str, between_ms: (i64, i64)) -> Vec<String> {
    let found = store.photos_like(ONE, hash, not, between_ms).await.unwrap();
    found.into_iter().map(|(photo, _)| photo.visit).collect()
}

async fn photos_within_the_distance_are_found(database: &Database) {
    let store = database.with_tenants().await;
    // Up to seven bits, spread over the bands in the hardest ways; and another picture.
    let spreads: [u64; 5] =
        [0x0003_0003_0003_0001, 0x8001_8001_8001_0001, 0x0000_0000_0000_007f, 0x8000_0000_0000_0000, 0];
    for (number, spread) in spreads.into_iter().enumerate() {
        assert!(spread.count_ones() <= MAX_DISTANCE, "{spread:x}");
        let visit = format!("vis_{number}");
        write(&*store, ONE, vec![kept(photo("aa", &visit, HASH ^ spread, NOW + i64::try_from(number).unwrap()))]).await;
    }
    write(&*store, ONE, vec![kept(photo("bb", "vis_other", !HASH, NOW))]).await;
    let all = ["vis_4", "vis_3", "vis_2", "vis_1", "vis_0"];
    assert_eq!(found(&*store, HASH, "", (NOW, NOW + 9)).await, all);
    // Both ends of the span count; the visit that asks does not.
    assert_eq!(found(&*store, HASH, "vis_2", (NOW + 1, NOW + 3)).await, ["vis_3", "vis_1"]);
    let (first, event) = store.photos_like(ONE, HASH, "", (NOW, NOW)).await.unwrap().remove(0);
    assert_eq!((first, event.as_str()), (photo("aa", "vis_0", HASH ^ spreads[0], NOW), "event of vis_0"));
    // The same again is the same.
    write(&*store, ONE, vec![kept(photo("aa", "vis_4", HASH, NOW + 4))]).await;
    assert_eq!(found(&*store, HASH, "", (NOW, NOW + 9)).await, all);
    assert_eq!(store.photos_like(OTHER, HASH, "", (NOW, NOW + 9)).await.unwrap(), []);
    // Hashes are bits, not numbers: the highest is one of them.
    write(&*store, ONE, vec![kept(photo("cc", "vis_black", u64::MAX, NOW))]).await;
    assert_eq!(found(&*store, u64::MAX >> 1, "", (NOW, NOW)).await, ["vis_black"]);
}

async fn of_a_common_hash_the_newest_are_found(database: &Database) {
    let store = database.with_tenants().await;
    let dark = |number: i64| kept(photo("aa", &format!("vis_{number:04}"), 0, NOW + number));
    write(&*store, ONE, (0..600).map(dark).collect()).await;
    let found = found(&*store, 0, "", (NOW, NOW + 1000)).await;
    assert_eq!((found.len(), found[0].as_str(), found[255].as_str()), (256, "vis_0599", "vis_0344"));
}

async fn the_same_texts_are_found(database: &Database) {
    let store = database.with_tenants().await;
    let kept = |hash: &str, visit: &str, at_ms| Write::Text(text(hash, visit, at_ms), format!("event of {visit}"));
    let writes = vec![kept("aa", "vis_1", NOW), kept("aa", "vis_2", NOW + 1), kept("aa", "vis_3", NOW + 2)];
    write(&*store, ONE, [writes, vec![kept("bb", "vis_4", NOW)]].concat()).await;
    let found = async |not: (&str, &str), between_ms| {
        let found = store.same_texts(ONE, "aa", not, between_ms).await.unwrap();
        found.into_iter().map(|(text, event)| (text.visit, event)).collect::<Vec<_>>()
    };
    let place = |visit: &str| (visit.to_owned(), format!("event of {visit}"));
    assert_eq!(found(("", ""), (NOW, NOW + 9)).await, [place("vis_3"), place("vis_2"), place("vis_1")]);
    assert_eq!(found(("vis_3", "cus_1"), (NOW, NOW + 9)).await, [place("vis_2")]);
    assert_eq!(found(("", ""), (NOW + 1, NOW + 1)).await, [place("vis_2")]);
    assert_eq!(store.same_texts(OTHER, "aa", ("", ""), (NOW, NOW + 9)).await.unwrap(), []);
    let (first, _) = store.same_texts(ONE, "bb", ("", ""), (NOW, NOW)).await.unwrap().remove(0);
    assert_eq!(first, text("bb", "vis_4", NOW));
}

async fn erasing_a_visit_takes_its_texts(database: &Database) {
    let store = database.with_tenants().await;
    for tenant in [ONE, OTHER] {
        write(&*store, tenant, stream(tenant, "vis_1", 1)).await;
        let noted = |visit: &str| Write::Text(text("aa", visit, NOW), "e1".to_owned());
        write(&*store, tenant, vec![noted("vis_1"), noted("vis_2"), kept(photo("aa", "vis_1", 7, NOW))]).await;
    }
    assert_eq!(store.erase(ONE, "vis_1", &["answers"]).await.unwrap(), 1);
    let left = async |tenant: &str| {
        let found = store.same_texts(tenant, "aa", ("", ""), (NOW, NOW)).await.unwrap();
        found.into_iter().map(|(text, _)| text.visit).collect::<Vec<_>>()
    };
    assert_eq!(left(ONE).await, ["vis_2"]);
    assert_eq!(left(OTHER).await, ["vis_1", "vis_2"]);
    // A perceptual hash says nothing of people, and what was used once must not be used again.
    assert_eq!(found(&*store, 7, "", (NOW, NOW)).await, ["vis_1"]);
}

/// However many photos there are, each look-up reads ranges of the indexes of bands and nothing else.
#[tokio::test]
async fn photos_are_found_by_their_bands() {
    let database = Database::sqlite().await;
    let StoreUrl::Sqlite(path) = &database.url else { panic!("not SQLite") };
    let mut connection = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    let sql = Base::<Sqlite>::photos_by_band("tnt_one", HASH, "vis_1", (0, NOW));
    let explained = sqlx::AssertSqlSafe(format!("explain query plan {}", sql.sql().as_str()));
    let plan = sqlx::query(explained).fetch_all(&mut connection).await.unwrap();
    let reads: Vec<String> =
        plan.iter().map(|row| row.get::<String, _>("detail")).filter(|detail| detail.contains("photos")).collect();
    assert_eq!(reads.len(), 4 * 17);
    for (number, read) in reads.iter().enumerate() {
        let by = format!("USING INDEX photos_by_band_{0} (tenant=? AND band_{0}=? AND received_ms>? AND", number / 17);
        assert!(read.starts_with("SEARCH photos") && read.contains(&by), "{read}");
    }
}
