//! The past answers as the engine's own history in memory does.

use super::samples::{NOW, arrival, org_unit, record, set, stream, under, used, write};
use super::{Database, ONE, OTHER, on_both};
use crate::store::{PastEvent, PastScore, PastUse, Record, Scope, Store, Write};
use engine::standing::Scored;

on_both![
    the_check_in_before_and_after,
    the_check_in_of_others_on_a_device,
    the_visit_before,
    scores_of_a_span,
    uses_in_other_visits,
    arrivals_at_a_customer,
    customers_that_are_missed_again_and_again
];

fn check_in(visit: &str, seq: u64, at_ms: i64) -> Write {
    Write::CheckIn { user: "usr_1".to_owned(), visit: visit.to_owned(), seq, at_ms, device: "dev_1".to_owned() }
}

/// Visits with three events each.
async fn visits(store: &dyn Store) {
    for visit in ["vis_1", "vis_2", "vis_3"] {
        write(store, ONE, stream(ONE, visit, 3)).await;
    }
}

async fn place(store: &dyn Store, visit: &str, seq: u64) -> Option<PastEvent> {
    let stored = store.events(ONE, visit, seq - 1, 1).await.unwrap().remove(0);
    Some(PastEvent { visit: visit.to_owned(), seq, hash: stored.hash })
}

async fn the_check_in_before_and_after(database: &Database) {
    let store = database.with_tenants().await;
    visits(&*store).await;
    write(&*store, ONE, vec![check_in("vis_1", 1, NOW), check_in("vis_3", 2, NOW), check_in("vis_2", 1, NOW + 9)])
        .await;
    let last = async |not, before_ms| store.last_check_in(ONE, "usr_1", not, before_ms).await.unwrap();
    let next = async |not, after_ms| store.next_check_in(ONE, "usr_1", not, after_ms).await.unwrap();
    // Of two at the same time the visit with the greater id.
    assert_eq!(last("vis_2", NOW + 9).await, place(&*store, "vis_3", 2).await);
    assert_eq!(last("vis_3", NOW + 8).await, place(&*store, "vis_1", 1).await);
    assert_eq!(last("vis_1", NOW + 9).await, place(&*store, "vis_2", 1).await);
    assert_eq!(last("vis_2", NOW - 1).await, None);
    assert_eq!(next("vis_2", NOW - 1).await, place(&*store, "vis_1", 1).await);
    assert_eq!(next("vis_1", NOW - 1).await, place(&*store, "vis_3", 2).await);
    assert_eq!(next("vis_1", NOW).await, place(&*store, "vis_2", 1).await);
    assert_eq!(next("vis_2", NOW).await, None);
    // Redone later: the earlier one of the visit is gone.
    write(&*store, ONE, vec![check_in("vis_3", 3, NOW + 20)]).await;
    assert_eq!(last("vis_2", NOW + 9).await, place(&*store, "vis_1", 1).await);
    assert_eq!(next("vis_2", NOW + 9).await, place(&*store, "vis_3", 3).await);
    assert_eq!(store.last_check_in(ONE, "usr_2", "vis_2", NOW + 99).await.unwrap(), None);
    assert_eq!(store.last_check_in(OTHER, "usr_1", "vis_2", NOW + 99).await.unwrap(), None);
    assert_eq!(store.next_check_in(OTHER, "usr_1", "vis_2", 0).await.unwrap(), None);
}

async fn the_check_in_of_others_on_a_device(database: &Database) {
    let store = database.with_tenants().await;
    visits(&*store).await;
    let from = |visit: &str, user: &str, device: &str, at_ms: i64| Write::CheckIn {
        user: user.to_owned(),
        visit: visit.to_owned(),
        seq: 1,
        at_ms,
        device: device.to_owned(),
    };
    let all = vec![
        from("vis_1", "usr_1", "dev_1", NOW),
        from("vis_2", "usr_2", "dev_1", NOW + 5),
        from("vis_3", "usr_2", "dev_2", NOW + 9),
    ];
    write(&*store, ONE, all).await;
    let last = async |user, not, before_ms| store.last_on_device(ONE, "dev_1", user, not, before_ms).await.unwrap();
    assert_eq!(last("usr_1", "vis_1", NOW + 9).await, place(&*store, "vis_2", 1).await);
    assert_eq!(last("usr_1", "vis_1", NOW + 4).await, None, "it came later");
    assert_eq!(last("usr_2", "vis_2", NOW + 5).await, place(&*store, "vis_1", 1).await);
    assert_eq!(last("usr_3", "vis_2", NOW + 9).await, place(&*store, "vis_1", 1).await);
    // Redone from another device.
    write(&*store, ONE, vec![from("vis_2", "usr_2", "dev_2", NOW + 6)]).await;
    assert_eq!(last("usr_1", "vis_1", NOW + 9).await, None);
    assert_eq!(store.last_on_device(OTHER, "dev_1", "usr_9", "", i64::MAX).await.unwrap(), None);
}

async fn the_visit_before(database: &Database) {
    let store = database.with_tenants().await;
    visits(&*store).await;
    let judged =
        |visit: &str, seq, at_ms| Write::Judged { customer: "cus_1".to_owned(), visit: visit.to_owned(), seq, at_ms };
    write(&*store, ONE, vec![judged("vis_1", 2, NOW), judged("vis_2", 2, NOW + 1), judged("vis_3", 2, NOW)]).await;
    let previous = async |not, before_ms| store.previous_visit(ONE, "cus_1", not, before_ms).await.unwrap();
    assert_eq!(previous("vis_9", NOW + 1).await, place(&*store, "vis_2", 2).await);
    assert_eq!(previous("vis_2", NOW + 1).await, place(&*store, "vis_3", 2).await);
    assert_eq!(previous("vis_9", NOW).await, place(&*store, "vis_3", 2).await);
    assert_eq!(previous("vis_9", NOW - 1).await, None);
    // Judged again.
    write(&*store, ONE, vec![judged("vis_3", 3, NOW)]).await;
    assert_eq!(previous("vis_2", NOW + 1).await, place(&*store, "vis_3", 3).await);
    assert_eq!(store.previous_visit(ONE, "cus_2", "vis_9", NOW + 1).await.unwrap(), None);
    assert_eq!(store.previous_visit(OTHER, "cus_1", "vis_9", NOW + 1).await.unwrap(), None);
}

pub fn scored(visit: &str, user: &str, at_ms: i64, tenths: Option<i64>) -> Write {
    let parts = [("full".to_owned(), 1.0), ("half".to_owned(), 0.5)].into();
    let scored = Scored { user: user.to_owned(), sop: "sop_1".to_owned(), tenths, parts };
    Write::Scored(PastScore { visit: visit.to_owned(), at_ms, scored })
}

async fn scores_of_a_span(database: &Database) {
    let store = database.with_tenants().await;
    let all = vec![
        scored("vis_1", "usr_1", NOW, Some(805)),
        scored("vis_3", "usr_1", NOW + 1, Some(1000)),
        scored("vis_2", "usr_2", NOW + 1, Some(0)),
        // Nothing applied.
        scored("vis_4", "usr_2", NOW + 1, None),
        scored("vis_5", "usr_2", NOW + 2, Some(1)),
    ];
    write(&*store, ONE, all).await;
    let names = async |between_ms, after: &str, limit| {
        let found = store.scored_visits(ONE, between_ms, after, limit).await.unwrap();
        found.into_iter().map(|past| (past.visit, past.at_ms - NOW)).collect::<Vec<_>>()
    };
    let place = |visit: &str, at_ms| (visit.to_owned(), at_ms);
    let [one, two, three] = [place("vis_1", 0), place("vis_2", 1), place("vis_3", 1)];
    assert_eq!(names((NOW, NOW + 2), "", 10).await, [one.clone(), two.clone(), three.clone()]);
    // Page by page, also within a moment.
    assert_eq!(names((NOW, NOW + 2), "", 2).await, [one, two]);
    assert_eq!(names((NOW + 1, NOW + 2), "vis_2", 2).await, [three]);
    assert_eq!(names((NOW + 1, NOW + 2), "vis_3", 2).await, []);
    let first = store.scored_visits(ONE, (NOW, NOW + 1), "", 10).await.unwrap().remove(0);
    assert_eq!(Write::Scored(first), scored("vis_1", "usr_1", NOW, Some(805)));
    // Judged again, and erased.
    write(&*store, ONE, vec![scored("vis_1", "usr_1", NOW, None)]).await;
    store.erase(ONE, "vis_2", &["verdict"]).await.unwrap();
    assert_eq!(names((NOW, NOW + 9), "", 10).await, [place("vis_3", 1), place("vis_5", 2)]);
    assert_eq!(store.scored_visits(OTHER, (NOW, NOW + 9), "", 10).await.unwrap(), []);
}

async fn uses_in_other_visits(database: &Database) {
    let store = database.with_tenants().await;
    visits(&*store).await;
    let uses = [
        used("bb", "vis_1", "front", NOW),
        used("aa", "vis_2", "front", NOW + 1),
        used("aa", "vis_1", "inside", NOW + 1),
        used("aa", "vis_1", "front", NOW + 1),
        used("aa", "vis_3", "front", NOW),
        used("cc", "vis_1", "front", NOW),
    ];
    write(&*store, ONE, uses.iter().cloned().map(Write::Use).collect()).await;
    // The same use again is the same; in a later submission it is another.
    let later = PastUse { seq: 2, ..uses[0].clone() };
    write(&*store, ONE, vec![Write::Use(uses[0].clone()), Write::Use(later.clone())]).await;
    let found = store.uses(ONE, &set(&["aa", "bb", "dd"]), "vis_2").await.unwrap();
    let expected = [&uses[4], &uses[3], &uses[2], &uses[0], &later];
    assert_eq!(found.iter().map(|(used, _)| used).collect::<Vec<_>>(), expected);
    for (used, hash) in &found {
        assert_eq!(Some(hash.clone()), place(&*store, &used.visit, used.seq).await.map(|place| place.hash));
    }
    assert_eq!(store.uses(ONE, &set(&[]), "vis_2").await.unwrap(), []);
    assert_eq!(store.uses(OTHER, &set(&["aa"]), "vis_9").await.unwrap(), []);
}

fn at(customer: &str, visit: &str, seq: u64, at_ms: i64, misses: bool) -> Write {
    Write::Arrival { customer: customer.to_owned(), arrival: arrival(visit, seq, at_ms), misses }
}

async fn arrivals_at_a_customer(database: &Database) {
    let store = database.with_tenants().await;
    let tries = vec![at("cus_1", "vis_1", 4, NOW + 1, false), at("cus_1", "vis_1", 3, NOW, true)];
    write(&*store, ONE, tries).await;
    write(&*store, ONE, vec![at("cus_1", "vis_2", 3, NOW + 9, true), at("cus_2", "vis_3", 3, NOW, true)]).await;
    // The same again is the same.
    write(&*store, ONE, vec![at("cus_1", "vis_1", 4, NOW + 1, false)]).await;
    let found = store.arrivals(ONE, "cus_1", 10).await.unwrap();
    assert_eq!(found, [arrival("vis_2", 3, NOW + 9), arrival("vis_1", 4, NOW + 1), arrival("vis_1", 3, NOW)]);
    assert_eq!(store.arrivals(ONE, "cus_1", 1).await.unwrap(), [arrival("vis_2", 3, NOW + 9)]);
    assert_eq!(store.arrivals(ONE, "cus_9", 10).await.unwrap(), []);
}

async fn customers_that_are_missed_again_and_again(database: &Database) {
    let store = database.with_tenants().await;
    let customer = |id: &str, unit: Option<&str>| {
        let record = Record { org_unit: unit.map(str::to_owned), ..record("customer", id, 1) };
        Write::Record(Box::new(record), None)
    };
    let company = vec![
        org_unit("org_a", None),
        org_unit("org_b", None),
        customer("cus_1", Some("org_a")),
        customer("cus_2", Some("org_b")),
        customer("cus_3", None),
        customer("cus_4", Some("org_a")),
    ];
    write(&*store, ONE, company).await;
    let missed = ["cus_1", "cus_2", "cus_3", "cus_9"].iter().flat_map(|customer| {
        (0..3).map(move |visit| at(customer, &format!("vis_{}-{visit}", &customer[4..]), 3, NOW, true))
    });
    write(&*store, ONE, missed.collect()).await;
    let found = (0..5).map(|visit| at("cus_4", &format!("vis_4-{visit}"), 3, NOW, visit < 2)).collect();
    write(&*store, ONE, found).await;
    let list = async |scope: &Scope, times, after, limit| {
        store.missed_customers(ONE, scope, times, after, limit).await.unwrap()
    };
    assert_eq!(list(&Scope::Tenant, 3, None, 10).await, ["cus_1", "cus_2", "cus_3"], "and none that is not there");
    assert_eq!(list(&Scope::Tenant, 2, None, 10).await, ["cus_1", "cus_2", "cus_3", "cus_4"]);
    assert_eq!(list(&Scope::Tenant, 3, Some("cus_1"), 1).await, ["cus_2"]);
    assert_eq!(list(&under(&["org_b"]), 3, None, 10).await, ["cus_2", "cus_3"], "what has no unit is everybody's");
}
