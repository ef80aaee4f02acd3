//! Tenants come, rest and go; a token leads to its tenant.

use super::samples::{
    NOW, commit, event, moved, new_task, org_unit, record, stream, task, tenant, tenant_event, token, write,
};
use super::{Database, ONE, OTHER, on_both};
use crate::store::{Commit, Record, Session, Store, Tenant, Token, Write};
use engine::event::Tip;
use serde_json::{Value, json};

on_both![
    a_tenant_is_made_once,
    a_tenant_is_deleted_whole,
    a_token_opens_its_tenant,
    a_session_is_what_holds_now,
    tokens_end
];

async fn a_tenant_is_made_once(database: &Database) {
    let store = database.open().await;
    assert!(store.is_empty().await.unwrap());
    assert!(store.create_tenant(&tenant(OTHER)).await.unwrap());
    assert!(store.create_tenant(&tenant(ONE)).await.unwrap());
    assert!(!store.create_tenant(&Tenant { name: "Another".to_owned(), ..tenant(ONE) }).await.unwrap());
    assert!(!store.is_empty().await.unwrap());
    assert_eq!(store.tenant(ONE).await.unwrap(), Some(tenant(ONE)));
    assert_eq!(store.tenant("tnt_gone").await.unwrap(), None);
    assert_eq!(store.tenants().await.unwrap(), [tenant(ONE), tenant(OTHER)]);

    assert!(store.suspend_tenant(ONE, true).await.unwrap());
    assert!(store.tenant(ONE).await.unwrap().unwrap().suspended);
    assert!(!store.tenant(OTHER).await.unwrap().unwrap().suspended);
    assert!(store.suspend_tenant(ONE, false).await.unwrap());
    assert_eq!(store.tenant(ONE).await.unwrap(), Some(tenant(ONE)));
    assert!(!store.suspend_tenant("tnt_gone", true).await.unwrap());
}

/// How many rows a tenant has.
async fn rows(store: &dyn Store, tenant: &str) -> u64 {
    store.dump(Some(tenant), &mut |_, _| Ok(())).await.unwrap()
}

/// A row, or several, in every table.
pub(super) async fn one_of_each(store: &dyn Store, tenant: &str) {
    let full = engine::task::Task {
        contacts: vec!["con_1".to_owned()],
        tags: super::samples::set(&["new"]),
        org_unit: Some("org_top".to_owned()),
        score: Some(87.3),
        ..task("tsk_1")
    };
    let version = super::samples::version(crate::store::VersionKind::Dataset, "prices", "2026-03", 1);
    let mut writes = stream(tenant, "vis_1", 2);
    writes.extend([
        tenant_event(tenant),
        Write::Task(Box::new(full), None),
        Write::Record(Box::new(record("customer", "cus_1", 1)), None),
        Write::Record(Box::new(record("customer", "cus_1", 2)), Some(1)),
        Write::Record(Box::new(super::samples::location("loc_1", "cus_1", (30.657, 104.0657))), None),
        org_unit("org_top", None),
        org_unit("org_low", Some("org_top")),
        Write::Version(Box::new(version), None),
        Write::Object { hash: "0b".to_owned(), bytes: vec![0, 255, 10] },
        Write::Token(Token { hash: format!("hash of {tenant}"), ..token("tok_1", "usr_1") }),
        Write::Evidence(super::samples::evidence("aa")),
        Write::Awaits { visit: "vis_1".to_owned(), sha256: super::samples::set(&["aa", "bb"]) },
        Write::CheckIn {
            user: "usr_1".to_owned(),
            visit: "vis_1".to_owned(),
            seq: 1,
            at_ms: NOW,
            device: "dev_1".to_owned(),
        },
        Write::Arrival {
            customer: "cus_1".to_owned(),
            arrival: super::samples::arrival("vis_1", 1, NOW),
            misses: true,
        },
        Write::Staged { import: "imp_1".to_owned(), record: Box::new(record("customer", "cus_1", 3)) },
        Write::Use(super::samples::used("aa", "vis_1", "front", NOW)),
        Write::Photo(super::samples::photo("aa", "vis_1", 0xf0e1, NOW), "e1".to_owned()),
        Write::Text(super::samples::text("aa", "vis_2", NOW), "e2".to_owned()),
        super::history::scored("vis_2", "usr_1", NOW, Some(805)),
        Write::Judged { customer: "cus_1".to_owned(), visit: "vis_1".to_owned(), seq: 2, at_ms: NOW },
        super::findings::findings("vis_2", "tsk_1", vec![super::findings::found("fnd_1")]),
        Write::Outbox { id: "out_1".to_owned(), topic: "reassess".to_owned(), body: json!({"visit": "vis_1"}) },
    ]);
    writes.push(Write::Output(Box::new(super::outputs::output("out_1", "vis_1", NOW))));
    let account = super::outputs::account("stock", &["usr_1", "a"]);
    writes.extend(super::outputs::entry(tenant, &account, &mut engine::ledger::Balance::default(), "5"));
    let command = Some(super::samples::command("usr_1", "cmd_1"));
    super::samples::done(store.commit(tenant, &Commit { command, ..commit(writes) }).await);
    store.erase(tenant, "vis_1", &["note"]).await.unwrap();
}

async fn a_tenant_is_deleted_whole(database: &Database) {
    let store = database.with_tenants().await;
    one_of_each(&*store, ONE).await;
    one_of_each(&*store, OTHER).await;
    let mut tables: Vec<&str> = Vec::new();
    let mut take = |table, _: serde_json::Map<String, Value>| {
        tables.push(table);
        Ok(())
    };
    let before = store.dump(Some(ONE), &mut take).await.unwrap();
    tables.dedup();
    // Nothing is spared because nothing was there.
    assert_eq!(tables.len(), crate::store::tables::TABLES.len(), "{tables:?}");
    assert_eq!(store.delete_tenant(ONE).await.unwrap(), before);
    assert_eq!(rows(&*store, ONE).await, 0);
    assert_eq!(rows(&*store, OTHER).await, before);
    assert_eq!(store.tenant(ONE).await.unwrap(), None);
    assert_eq!(store.session(&format!("hash of {ONE}"), 0).await.unwrap(), None);
    assert!(store.session(&format!("hash of {OTHER}"), 0).await.unwrap().is_some());
    assert_eq!(store.delete_tenant(ONE).await.unwrap(), 0);
    // Work that was on its way finds nobody.
    let late = commit(vec![Write::Event(Box::new(event(ONE, "vis_2", &mut Tip::default())))]);
    assert_eq!(moved(store.commit(ONE, &late).await), ONE);
    assert_eq!(rows(&*store, ONE).await, 0);
    // The id can be had again, and counts from the start.
    assert!(store.create_tenant(&tenant(ONE)).await.unwrap());
    assert_eq!(write(&*store, ONE, vec![new_task("tsk_1")]).await, 1);
}

/// Whose a token is.
async fn opened(store: &dyn Store, hash: &str) -> Option<(String, Token)> {
    store.session(hash, NOW).await.unwrap().map(|session| (session.tenant, session.token))
}

/// What a token opens follows the user's end, the grants' dates and the tenant's rest.
async fn a_session_is_what_holds_now(database: &Database) {
    let store = database.with_tenants().await;
    let mine = token("tok_1", "usr_1");
    let user = Record { to_ms: Some(NOW + 10), ..record("user", "usr_1", 1) };
    let grant = |id: &str, from_ms, to_ms| Record {
        subject: Some("usr_1".to_owned()),
        body: json!({"id": id}),
        from_ms,
        to_ms,
        ..record("grant", id, 1)
    };
    let grants = [grant("gra_1", None, None), grant("gra_2", Some(NOW + 1), None), grant("gra_3", None, Some(NOW + 1))];
    let records = [user].into_iter().chain(grants).map(|record| Write::Record(Box::new(record), None));
    write(&*store, ONE, records.chain([Write::Token(mine.clone())]).collect()).await;
    let at = async |now_ms| store.session(&mine.hash, now_ms).await.unwrap().unwrap();
    let ids = |session: &Session| session.grants.iter().map(|grant| grant["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&at(NOW).await), ["gra_1", "gra_3"]);
    assert_eq!(ids(&at(NOW + 1).await), ["gra_1", "gra_2"]);
    assert!(at(NOW + 9).await.user_is_there && !at(NOW + 10).await.user_is_there);
    // A user of that id elsewhere is another one.
    let theirs = Token { hash: "ff".repeat(32), ..token("tok_1", "usr_1") };
    write(&*store, OTHER, vec![Write::Token(theirs.clone())]).await;
    let session = store.session(&theirs.hash, NOW).await.unwrap().unwrap();
    assert!(!session.user_is_there && session.grants.is_empty() && !session.suspended);
    assert!(store.suspend_tenant(ONE, true).await.unwrap());
    assert!(at(NOW).await.suspended);
}

async fn a_token_opens_its_tenant(database: &Database) {
    let store = database.with_tenants().await;
    let (mine, theirs) = (token("tok_1", "usr_1"), Token { hash: "ff".repeat(32), ..token("tok_1", "usr_1") });
    write(&*store, ONE, vec![Write::Token(mine.clone())]).await;
    write(&*store, OTHER, vec![Write::Token(theirs.clone())]).await;
    assert_eq!(opened(&*store, &mine.hash).await, Some((ONE.to_owned(), mine.clone())));
    assert_eq!(opened(&*store, &theirs.hash).await, Some((OTHER.to_owned(), theirs)));
    assert_eq!(opened(&*store, &"00".repeat(32)).await, None);
    assert_eq!(moved(store.commit(ONE, &commit(vec![Write::Token(mine)])).await), "tok_1");
}

async fn tokens_end(database: &Database) {
    let store = database.with_tenants().await;
    let for_ever = Token { expires_ms: None, ..token("tok_2", "usr_1") };
    let tokens = [token("tok_1", "usr_1"), for_ever.clone(), token("tok_3", "usr_2")];
    write(&*store, ONE, tokens.iter().cloned().map(Write::Token).collect()).await;
    assert_eq!(store.tokens(ONE, "usr_1").await.unwrap(), tokens[..2]);
    assert_eq!(store.tokens(OTHER, "usr_1").await.unwrap(), []);
    write(&*store, ONE, vec![Write::RevokeToken("tok_2".to_owned())]).await;
    // Again, or of nobody: nothing to do.
    let later = Commit { at_ms: NOW + 1, ..commit(vec![Write::RevokeToken("tok_2".to_owned())]) };
    super::samples::done(store.commit(ONE, &later).await);
    write(&*store, OTHER, vec![Write::RevokeToken("tok_1".to_owned())]).await;
    let ended = Token { revoked_ms: Some(NOW), ..for_ever };
    assert_eq!(store.token_by_id(ONE, "tok_2").await.unwrap(), Some(ended.clone()));
    assert_eq!(opened(&*store, &ended.hash).await, Some((ONE.to_owned(), ended)));
    assert_eq!(store.token_by_id(ONE, "tok_1").await.unwrap(), Some(token("tok_1", "usr_1")));
    assert_eq!(store.token_by_id(OTHER, "tok_1").await.unwrap(), None);
}
