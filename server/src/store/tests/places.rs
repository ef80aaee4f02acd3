//! Customers are found by the cells their locations are in, however these were written.

use super::samples::{location, record, write};
use super::{Database, ONE, OTHER, on_both};
use crate::store::database::Base;
use crate::store::{Record, Store, StoreUrl, Write, migrate};
use engine::command::Location;
use engine::place::{Crs, cells};
use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Row as _, Sqlite};

on_both![
    neighbours_are_found,
    an_import_is_found_too,
    many_ranges_are_asked_in_parts,
    what_was_there_before_is_indexed,
    a_dump_without_the_index_gets_one,
];

const HERE: (f64, f64) = (30.657, 104.0657);

fn ranges((lat, lon): (f64, f64), within_m: f64) -> Vec<(String, String)> {
    let there = Location { id: String::new(), lat, lon, crs: Crs::Wgs84, accuracy_m: 0.0, polygon: Vec::new() };
    cells::ranges(&there, within_m)
}

async fn near(store: &dyn Store, tenant: &str, after: Option<&str>, limit: u32) -> Vec<String> {
    store.customers_in(tenant, &ranges(HERE, 100.0), after, limit).await.unwrap().into_iter().collect()
}

fn new(record: Record) -> Write {
    Write::Record(Box::new(record), None)
}

fn at(number: u32, north: f64) -> Record {
    location(&format!("loc_{number}"), &format!("cus_{number}"), (HERE.0 + north, HERE.1))
}

async fn neighbours_are_found(database: &Database) {
    let store = database.with_tenants().await;
    write(&*store, ONE, vec![new(at(1, 0.0)), new(at(2, 0.0008)), new(at(3, -0.0008)), new(at(4, 0.01))]).await;
    let found = ["cus_1", "cus_2", "cus_3"];
    assert_eq!(near(&*store, ONE, None, 10).await, found);
    assert_eq!(near(&*store, ONE, Some("cus_1"), 10).await, found[1..]);
    assert_eq!(near(&*store, ONE, None, 2).await, found[..2]);
    assert_eq!(near(&*store, OTHER, None, 10).await, [""; 0]);
    assert_eq!(store.customers_in(ONE, &[], None, 10).await.unwrap(), [].into());
    // Whoever moves away is still among those who are looked at; the same again is the same.
    write(&*store, ONE, vec![Write::Record(Box::new(Record { revision: 2, ..at(2, 0.01) }), Some(1))]).await;
    write(&*store, ONE, vec![Write::Record(Box::new(Record { revision: 3, ..at(2, 0.0) }), Some(2))]).await;
    assert_eq!(near(&*store, ONE, None, 10).await, found);
    // An unknown system is nowhere; what is no location has no cells; an area is in another grid.
    let mut unknown = at(5, 0.0);
    unknown.body["crs"] = json!("unknown");
    let other = Record { kind: "assignment".to_owned(), id: "asg_1".to_owned(), ..at(6, 0.0) };
    let mut area = at(7, 0.0);
    area.body["polygon"] = json!([[104.065, 30.656], [104.066, 30.656], [104.066, 30.658], [104.065, 30.656]]);
    write(&*store, ONE, vec![new(unknown), new(other), new(area.clone())]).await;
    assert_eq!(near(&*store, ONE, None, 10).await, found);
    let polygon = serde_json::from_value(area.body["polygon"].clone()).unwrap();
    let there = Location { id: String::new(), lat: 0.0, lon: 0.0, crs: Crs::Wgs84, accuracy_m: 0.0, polygon };
    let found = store.customers_in(ONE, &cells::ranges(&there, 0.0), None, 10).await.unwrap();
    assert_eq!(found, ["cus_7".to_owned()].into());
}

async fn an_import_is_found_too(database: &Database) {
    let store = database.with_tenants().await;
    let staged = |record| Write::Staged { import: "imp_1".to_owned(), record: Box::new(record) };
    write(&*store, ONE, vec![staged(at(1, 0.0)), staged(at(2, 0.0005)), staged(at(3, 0.1))]).await;
    write(&*store, ONE, vec![Write::Import { import: "imp_1".to_owned(), records: 3 }]).await;
    assert_eq!(near(&*store, ONE, None, 10).await, ["cus_1", "cus_2"]);
}

async fn many_ranges_are_asked_in_parts(database: &Database) {
    let store = database.with_tenants().await;
    write(&*store, ONE, (1..9).map(|number| new(at(number, f64::from(number) * 0.1))).collect()).await;
    let all: Vec<(String, String)> =
        (1..9).rev().flat_map(|number| ranges((HERE.0 + f64::from(number) * 0.1, HERE.1), 1_000.0)).collect();
    let all: Vec<_> = all.iter().cycle().take(600).cloned().collect();
    let found = store.customers_in(ONE, &all, Some("cus_2"), 4).await.unwrap();
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["cus_3", "cus_4", "cus_5", "cus_6"]);
}

async fn what_was_there_before_is_indexed(database: &Database) {
    let store = database.with_tenants().await;
    // More than are read at once.
    let many = (1..=510).map(|number| new(location(&format!("loc_{number:03}"), "cus_far", (10.0, 10.0))));
    write(&*store, ONE, many.collect()).await;
    write(&*store, ONE, vec![new(location("loc_z", "cus_z", HERE)), new(record("customer", "cus_z", 1))]).await;
    write(&*store, OTHER, vec![new(location("loc_y", "cus_y", HERE))]).await;
    database.tamper("delete from places").await;
    assert_eq!(near(&*store, ONE, None, 10).await, [""; 0]);
    for _ in 0..2 {
        migrate(&database.url).await.unwrap();
        assert_eq!(near(&*store, ONE, None, 10).await, ["cus_z"]);
        assert_eq!(near(&*store, OTHER, None, 10).await, ["cus_y"]);
    }
}

async fn a_dump_without_the_index_gets_one(database: &Database) {
    let store = database.with_tenants().await;
    write(&*store, ONE, vec![new(at(1, 0.0))]).await;
    let mut rows = Vec::new();
    let mut take = |table: &'static str, row| {
        if table != "places" {
            rows.push((table.to_owned(), row));
        }
        Ok(())
    };
    store.dump(None, &mut take).await.unwrap();
    let another = database.another().await;
    let restored = another.open().await;
    restored.restore(&mut rows.into_iter().map(Ok)).await.unwrap();
    assert_eq!(near(&*restored, ONE, None, 10).await, ["cus_1"]);
}

/// However many customers there are, each look-up reads ranges of the key and nothing else.
#[tokio::test]
async fn customers_are_found_by_their_cells() {
    let database = Database::sqlite().await;
    let StoreUrl::Sqlite(path) = &database.url else { panic!("not SQLite") };
    let mut connection = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    let ranges = ranges(HERE, 100.0);
    let sql = Base::<Sqlite>::by_cell(ONE, &ranges, Some("cus_1"), 10);
    let explained = sqlx::AssertSqlSafe(format!("explain query plan {}", sql.sql().as_str()));
    let plan = sqlx::query(explained).fetch_all(&mut connection).await.unwrap();
    let reads: Vec<String> =
        plan.iter().map(|row| row.get::<String, _>("detail")).filter(|detail| detail.contains("places")).collect();
    assert_eq!(reads.len(), ranges.len());
    for read in reads {
        assert_eq!(read, "SEARCH places USING PRIMARY KEY (tenant=? AND cell>? AND cell<?)");
    }
}
