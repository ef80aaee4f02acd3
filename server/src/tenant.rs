//! `sopwith tenant …`: companies, from the first user to the last row.

use crate::app::{App, new_id, salt};
use crate::backup;
use crate::cli::{TenantCommand, TenantCreateArguments, TenantDeleteArguments, TenantExportArguments};
use crate::clock::Clock;
use crate::flows::once::tenant_event;
use crate::flows::records::{Grant, Kind as _, User};
use crate::flows::tokens;
use crate::serve;
use crate::store::{self, Commit, Committed, Options, Record, Tenant, Write};
use anyhow::{Context as _, bail, ensure};
use engine::task::Role;
use serde::Serialize;
use serde_json::json;
use std::path::Path;

/// Runs the command; false when there is no such company.
///
/// # Errors
/// The database cannot be used, or what is asked cannot be.
pub async fn run(command: &TenantCommand) -> anyhow::Result<bool> {
    match command {
        TenantCommand::Create(arguments) => create(arguments).await,
        TenantCommand::Suspend(arguments) => {
            let store = store::open(&arguments.store.store, &Options::default()).await?;
            said(store.suspend_tenant(&arguments.tenant, !arguments.resume).await?, &arguments.tenant)
        }
        TenantCommand::Export(TenantExportArguments { data, tenant, folder }) => {
            backup::write(data, Some(tenant), folder).await
        }
        TenantCommand::Delete(arguments) => delete(arguments).await,
    }
}

fn said(found: bool, tenant: &str) -> anyhow::Result<bool> {
    if !found {
        println!("there is no {tenant}");
    }
    Ok(found)
}

async fn create(arguments: &TenantCreateArguments) -> anyhow::Result<bool> {
    let TenantCreateArguments { data, tenant, name, user, roles } = arguments;
    ensure!(engine::id::check_id("tnt", tenant), "`{tenant}` is not an id like tnt_acme");
    ensure!(engine::id::check_id("usr", user), "`{user}` is not an id like usr_admin");
    let roles: Vec<Role> = roles
        .iter()
        .map(|role| Role::named(role).with_context(|| format!("`{role}` is not a role")))
        .collect::<anyhow::Result<_>>()?;
    let app = app(&data.store, &data.data).await?;
    let now_ms = app.clock.now_ms();
    let secret = [salt(), salt()].concat().iter().map(|byte| format!("{byte:02x}")).collect();
    let row = Tenant { id: tenant.clone(), name: name.clone(), suspended: false, created_ms: now_ms, secret };
    if !app.store.create_tenant(&row).await? {
        println!("{tenant} is there already");
        return Ok(false);
    }
    let person = User { name: user.clone(), org_unit: None, languages: Vec::new(), from: None, to: None };
    let mut writes = record(tenant, User::NAME, user, None, &person, now_ms)?;
    for role in roles {
        let grant = Grant { user: user.clone(), role, org_unit: None, from: None, to: None };
        writes.extend(record(tenant, Grant::NAME, &new_id("gra", now_ms), Some(user), &grant, now_ms)?);
    }
    let (text, token) = tokens::make(user, "made with the company", None, now_ms);
    writes.push(Write::Token(token));
    match app.commit(tenant, &Commit { at_ms: now_ms, command: None, writes }).await? {
        Committed::Done { .. } => {}
        Committed::Conflict(conflict) => bail!("{conflict:?}"),
    }
    println!("{text}");
    Ok(true)
}

/// The first revision of a record that nobody inside the company could write yet.
fn record(
    tenant: &str,
    kind: &str,
    id: &str,
    subject: Option<&str>,
    body: &impl Serialize,
    now_ms: i64,
) -> anyhow::Result<Vec<Write>> {
    let body = serde_json::to_value(body)?;
    let record = Record {
        kind: kind.to_owned(),
        id: id.to_owned(),
        revision: 1,
        subject: subject.map(str::to_owned),
        org_unit: None,
        from_ms: None,
        to_ms: None,
        body: body.clone(),
        at_ms: now_ms,
        by: "installation".into(),
    };
    let about = json!({"kind": kind, "id": id, "revision": 1, "by": "installation"});
    let event = tenant_event(tenant, "record_written", [("about", about), ("record", body)]);
    Ok(vec![Write::Record(Box::new(record), None), event])
}

async fn delete(arguments: &TenantDeleteArguments) -> anyhow::Result<bool> {
    let TenantDeleteArguments { data, tenant, confirm } = arguments;
    ensure!(tenant == confirm, "--confirm must repeat the id of the company");
    let app = app(&data.store, &data.data).await?;
    if app.store.tenant(tenant).await?.is_none() {
        return said(false, tenant);
    }
    // Files last: rows without files would be faults, files without rows are only in the way.
    let rows = app.store.delete_tenant(tenant).await?;
    app.evidence.remove_tenant(tenant).context("evidence")?;
    println!("{rows} rows deleted");
    Ok(true)
}

/// The service without its server, for commands that work on the database themselves.
///
/// # Errors
/// The database cannot be opened.
pub async fn app(url: &store::StoreUrl, data: &Path) -> anyhow::Result<App> {
    let store = store::open(url, &Options::default()).await?;
    serve::app(store, Clock::system(), data, 0)
}
