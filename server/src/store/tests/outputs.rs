//! Records and accounts: found by what they are about and by whom, superseded, erased, and never overtaken.

use super::samples::{NOW, commit, done, moved, org_unit, set, stream, under, write};
use super::{Database, ONE, OTHER, on_both};
use crate::store::{LedgerEntry, LedgerQuery, Output, OutputQuery, OwnOrScope, Scope, Store, Write};
use engine::event::{self, Event, Seal};
use engine::ledger::{Account, AdjustedBy, Balance, LedgerEvent};
use engine::output::OutputRecord;
use serde_json::{Map, json};
use std::collections::BTreeSet;

on_both![
    records_are_found_by_what_they_are_about,
    records_of_a_replaced_submission_no_longer_stand,
    records_go_with_their_visit,
    pages_neither_repeat_nor_skip,
    an_account_adds_up,
    of_two_who_saw_the_same_balance_one_must_look_again,
];

/// A record of a step's first submission.
pub fn output(id: &str, visit: &str, at_ms: i64) -> Output {
    let record = OutputRecord {
        id: id.to_owned(),
        kind: "price".to_owned(),
        visit: visit.to_owned(),
        customer: "cus_1".to_owned(),
        user: "usr_1".to_owned(),
        step: "price".to_owned(),
        output: "price".to_owned(),
        item: 0,
        revision: 1,
        business_date: "2026-03-02".to_owned(),
        fields: Map::from_iter([("price".to_owned(), json!("3.50")), ("tag".to_owned(), json!(null))]),
    };
    let (org_unit, event) = (Some("org_low".to_owned()), "e0".repeat(32));
    Output { record, erased: false, standing: true, org_unit, event, at_ms }
}

pub fn account(ledger: &str, parts: &[&str]) -> Account {
    Account { ledger: ledger.to_owned(), parts: parts.iter().map(|part| (*part).to_owned()).collect() }
}

/// An entry behind `balance`, which moves on: its event and its rows.
pub fn entry(tenant: &str, account: &Account, balance: &mut Balance, amount: &str) -> Vec<Write> {
    let by = AdjustedBy { user: "usr_1".to_owned(), reason: "counted 盘点\0".to_owned() };
    let happened = LedgerEvent::adjusted(account, "{piece}", balance, amount, by).unwrap();
    let seal = Seal { tenant, engine: event::ENGINE_HASH, at_ms: NOW, tip: &balance.tip };
    let sealed: Event = event::seal(happened.draft(), &seal, &mut || [3; 16]).unwrap();
    let (_, after) = engine::ledger::balance_after(&sealed).unwrap();
    *balance = after;
    let row = LedgerEntry {
        entry: happened.entry().clone(),
        version: sealed.header.seq,
        visit: None,
        step: None,
        user: "usr_1".to_owned(),
        reason: Some("counted".to_owned()),
        event: sealed.hash.clone(),
        owner: Some("usr_1".to_owned()),
        org_unit: Some("org_low".to_owned()),
        at_ms: NOW + i64::try_from(sealed.header.seq).unwrap(),
    };
    vec![Write::Event(Box::new(sealed)), Write::Entry(Box::new(row))]
}

/// Every record that stands.
pub fn everything() -> OutputQuery {
    OutputQuery {
        seen: OwnOrScope { user: "usr_9".to_owned(), scope: Some(Scope::Tenant) },
        kind: None,
        customer: None,
        visit: None,
        from: None,
        to: None,
        replaced: false,
        after: None,
        limit: 100,
    }
}

async fn ids(store: &dyn Store, query: OutputQuery) -> Vec<String> {
    store.outputs(ONE, &query).await.unwrap().into_iter().map(|output| output.record.id).collect()
}

fn written(outputs: Vec<Output>) -> Vec<Write> {
    outputs.into_iter().map(|output| Write::Output(Box::new(output))).collect()
}

async fn records_are_found_by_what_they_are_about(database: &Database) {
    let store = database.with_tenants().await;
    write(&*store, ONE, vec![org_unit("org_top", None), org_unit("org_low", Some("org_top")), org_unit("org_b", None)])
        .await;
    let mut other = output("out_2", "vis_2", NOW + 1);
    other.record = OutputRecord {
        kind: "order".to_owned(),
        customer: "cus_2".to_owned(),
        user: "usr_2".to_owned(),
        business_date: "2026-03-03".to_owned(),
        ..other.record
    };
    other.org_unit = Some("org_b".to_owned());
    let one = output("out_1", "vis_1", NOW);
    write(&*store, ONE, written(vec![one.clone(), other])).await;
    assert_eq!(store.outputs(ONE, &OutputQuery { kind: Some("price".into()), ..everything() }).await.unwrap(), [one]);
    assert_eq!(store.outputs(OTHER, &everything()).await.unwrap(), []);
    let some = |text: &str| Some(text.to_owned());
    let first = ["out_1"];
    assert_eq!(ids(&*store, everything()).await, ["out_2", "out_1"]);
    assert_eq!(ids(&*store, OutputQuery { customer: some("cus_1"), ..everything() }).await, first);
    assert_eq!(ids(&*store, OutputQuery { visit: some("vis_1"), ..everything() }).await, first);
    assert_eq!(ids(&*store, OutputQuery { to: some("2026-03-02"), ..everything() }).await, first);
    assert_eq!(ids(&*store, OutputQuery { from: some("2026-03-03"), ..everything() }).await, ["out_2"]);
    assert_eq!(ids(&*store, OutputQuery { kind: some("' or 1 = 1 --\0"), ..everything() }).await, [""; 0]);
    // SCOPE: their own, and what is below their org units.
    let seen = |user: &str, scope: Option<Scope>| OutputQuery {
        seen: OwnOrScope { user: user.to_owned(), scope },
        ..everything()
    };
    assert_eq!(ids(&*store, seen("usr_2", None)).await, ["out_2"]);
    assert_eq!(ids(&*store, seen("usr_9", None)).await, [""; 0]);
    assert_eq!(ids(&*store, seen("usr_9", Some(under(&["org_top"])))).await, first);
    assert_eq!(ids(&*store, seen("usr_2", Some(under(&["org_top"])))).await, ["out_2", "out_1"]);
    assert_eq!(ids(&*store, seen("usr_9", Some(under(&[])))).await, [""; 0]);
}

async fn records_of_a_replaced_submission_no_longer_stand(database: &Database) {
    let store = database.with_tenants().await;
    let handed = |revision| Write::Handed { visit: "vis_1".to_owned(), step: "price".to_owned(), revision };
    let again = |id: &str, step: &str, revision| {
        let mut output = output(id, "vis_1", NOW + i64::from(revision));
        (output.record.step, output.record.revision) = (step.to_owned(), revision);
        output
    };
    write(&*store, ONE, written(vec![again("out_1", "price", 1), again("out_other", "price[a]", 1)])).await;
    let mut writes = vec![handed(2)];
    writes.extend(written(vec![again("out_2", "price", 2)]));
    write(&*store, ONE, writes).await;
    assert_eq!(ids(&*store, everything()).await, ["out_2", "out_other"]);
    let replaced = store.outputs(ONE, &OutputQuery { replaced: true, ..everything() }).await.unwrap();
    let standing: Vec<(&str, bool)> =
        replaced.iter().map(|output| (output.record.id.as_str(), output.standing)).collect();
    assert_eq!(standing, [("out_2", true), ("out_1", false), ("out_other", true)]);
    // Nothing comes in its place.
    write(&*store, ONE, vec![handed(3)]).await;
    assert_eq!(ids(&*store, everything()).await, ["out_other"]);
}

async fn records_go_with_their_visit(database: &Database) {
    let store = database.with_tenants().await;
    write(&*store, ONE, stream(ONE, "vis_1", 1)).await;
    write(&*store, ONE, written(vec![output("out_1", "vis_1", NOW), output("out_2", "vis_2", NOW)])).await;
    store.erase(ONE, "vis_1", &["answers"]).await.unwrap();
    let left: Vec<(bool, bool)> = store
        .outputs(ONE, &everything())
        .await
        .unwrap()
        .iter()
        .map(|output| (output.erased, output.record.fields.is_empty()))
        .collect();
    assert_eq!(left, [(true, true), (false, false)]);
}

async fn pages_neither_repeat_nor_skip(database: &Database) {
    let store = database.with_tenants().await;
    let all: Vec<Output> = (0..7).map(|n: i64| output(&format!("out_{n}"), "vis_1", NOW + n / 3)).collect();
    write(&*store, ONE, written(all)).await;
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = store.outputs(ONE, &OutputQuery { after, limit: 2, ..everything() }).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some((last.at_ms, last.record.id.clone()));
        found.extend(page.into_iter().map(|output| output.record.id));
    }
    assert_eq!(found, ["out_6", "out_3", "out_4", "out_5", "out_0", "out_1", "out_2"]);
}

/// The accounts of a ledger that a user sees.
pub fn ledger<K>(scope: Option<Scope>) -> LedgerQuery<K> {
    let seen = OwnOrScope { user: "usr_1".to_owned(), scope };
    LedgerQuery { seen, ledger: "stock".to_owned(), account: None, after: None, limit: 100 }
}

async fn an_account_adds_up(database: &Database) {
    let store = database.with_tenants().await;
    let (one, two) = (account("stock", &["usr_1", "a\"\\批"]), account("stock", &["usr_1", "b"]));
    let (mut of_one, mut of_two) = (Balance::default(), Balance::default());
    // Two entries of one account in one commit, and another account.
    let mut writes = entry(ONE, &one, &mut of_one, "20");
    writes.extend(entry(ONE, &one, &mut of_one, "-0.5"));
    writes.extend(entry(ONE, &two, &mut of_two, "-3"));
    write(&*store, ONE, writes).await;
    let asked = BTreeSet::from([one.clone(), two.clone(), account("stock", &["nobody"])]);
    let balances = store.balances_of(ONE, &asked).await.unwrap();
    let said: Vec<(&Account, u64, &str, &str)> =
        balances.iter().map(|row| (&row.account, row.version, row.balance.as_str(), row.event.as_str())).collect();
    assert_eq!(said, [(&one, 2, "19.5", of_one.tip.hash.as_str()), (&two, 1, "-3", of_two.tip.hash.as_str())]);
    assert_eq!(store.balances_of(OTHER, &asked).await.unwrap(), []);
    write(&*store, ONE, entry(ONE, &one, &mut of_one, "-19.5")).await;
    let entries = store.entries(ONE, &ledger(None)).await.unwrap();
    let said: Vec<(u64, &str)> = entries.iter().map(|row| (row.version, row.entry.balance.as_str())).collect();
    assert_eq!(said, [(3, "0"), (2, "19.5"), (1, "20"), (1, "-3")]);
    let of_two = LedgerQuery { account: Some(two.clone()), ..ledger(Some(Scope::Tenant)) };
    assert_eq!(store.entries(ONE, &of_two).await.unwrap().len(), 1);
    let after = entries.get(1).map(|row| (row.at_ms, row.entry.account().key(), i64::try_from(row.version).unwrap()));
    let rest = store.entries(ONE, &LedgerQuery { after, ..ledger(None) }).await.unwrap();
    assert_eq!(rest, entries.get(2..).unwrap());
    let listed = store.balances(ONE, &ledger::<String>(None)).await.unwrap();
    assert_eq!(listed.iter().map(|row| row.balance.as_str()).collect::<Vec<_>>(), ["0", "-3"]);
    let second = store.balances(ONE, &LedgerQuery { after: Some(one.key()), ..ledger(None) }).await.unwrap();
    assert_eq!(second.first().map(|row| &row.account), Some(&two));
    let nobody = OwnOrScope { user: "usr_2".to_owned(), scope: Some(Scope::Under(set(&["org_low"]))) };
    assert_eq!(store.balances(ONE, &LedgerQuery { seen: nobody, ..ledger::<String>(None) }).await.unwrap(), []);
}

async fn of_two_who_saw_the_same_balance_one_must_look_again(database: &Database) {
    let store = database.with_tenants().await;
    let account = account("stock", &["usr_1", "a"]);
    // Nobody had posted yet.
    let (mut mine, mut theirs) = (Balance::default(), Balance::default());
    let (first, second) = (entry(ONE, &account, &mut mine, "5"), entry(ONE, &account, &mut theirs, "7"));
    let (first, second) = (commit(first), commit(second));
    let (one, other) = tokio::join!(store.commit(ONE, &first), store.commit(ONE, &second));
    let (winner, loser, mut balance) =
        if matches!(one, Ok(crate::store::Committed::Done { .. })) { (one, other, mine) } else { (other, one, theirs) };
    done(winner);
    assert_eq!(moved(loser), account.stream());
    // Both saw the same entry.
    let mut seen = balance.clone();
    write(&*store, ONE, entry(ONE, &account, &mut balance, "-1")).await;
    assert_eq!(moved(store.commit(ONE, &commit(entry(ONE, &account, &mut seen, "-2"))).await), account.stream());
    let stands = store.balances_of(ONE, &BTreeSet::from([account])).await.unwrap();
    assert_eq!(stands.first().map(|row| row.balance.clone()), Some(balance.amount.to_string()));
    assert_eq!(store.entries(ONE, &ledger(None)).await.unwrap().len(), 2);
}
