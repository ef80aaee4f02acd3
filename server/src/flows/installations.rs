//! Taking over what another tenant publishes: one offered hash, copied under this tenant's own key, with what was granted.
//!
//! From then on it is the tenant's own version like any other: what the publisher does later changes nothing here by itself.

use crate::app::{App, new_id};
use crate::flows::caller::Caller;
use crate::flows::once::{Answer, Asked, Decided, once, settle, tenant_event};
use crate::flows::problem::{Kind, Problem, Result};
use crate::flows::publish::version_writes;
use crate::flows::records;
use crate::flows::records::Kind as _;
use crate::flows::sops::{self, SopAbout};
use crate::store::{Offer, Record, Version, VersionKind, Write};
use async_trait::async_trait;
use engine::rule::Manifest;
use engine::sop::Sop;
use engine::task::Role;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// What can be installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Installable {
    Template,
    Plugin,
}

impl Installable {
    /// The kind of version behind it.
    pub const fn kind(self) -> VersionKind {
        match self {
            Self::Template => VersionKind::Sop,
            Self::Plugin => VersionKind::Plugin,
        }
    }
}

/// What happens when the publisher offers a newer version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UpdatePolicy {
    /// Nothing, until somebody installs it.
    #[default]
    Manual,
    /// It is shown in the catalog as an update.
    Notify,
    /// As `notify`; a patch version may be installed without asking.
    Patch,
}

/// An installation: which offered hash, under which conditions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Installation {
    /// Template or plugin.
    pub kind: Installable,
    /// The tenant that publishes it.
    pub publisher: String,
    /// Its name there.
    pub name: String,
    /// The version.
    pub version: String,
    /// The hash that was looked at: an offer that changed is refused.
    pub hash: String,
    /// The needs of its rules that are granted; all must be.
    #[serde(default)]
    pub granted_needs: BTreeSet<String>,
    /// The tenant's values, for a template.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub parameters: Map<String, Value>,
    /// What happens on a newer version.
    #[serde(default)]
    pub update_policy: UpdatePolicy,
}

#[async_trait]
impl records::Kind for Installation {
    const NAME: &'static str = "installation";
    const PREFIX: &'static str = "ins";
    const READERS: &'static [Role] = &[Role::Admin, Role::Auditor, Role::Partner];
}

/// Something another tenant offers.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CatalogEntry {
    /// Template or plugin.
    pub kind: Installable,
    /// The tenant that publishes it.
    pub publisher: String,
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
    /// Hash.
    pub hash: String,
    /// What its rules need.
    pub needs: BTreeSet<String>,
    /// The version that is installed here, if one is.
    pub installed: Option<String>,
    /// It is newer than what is installed, and its policy asks to be told.
    pub update: bool,
    /// What is known of it.
    #[schema(value_type = Object)]
    pub about: Value,
}

/// Everything offered, by this tenant too, with what the caller's tenant has installed of it.
///
/// # Errors
/// Those of the store.
pub async fn catalog(app: &App, tenant: &str) -> Result<Vec<CatalogEntry>> {
    let installed = records::current::<Installation>(app, tenant, None, app.clock.now_ms()).await?;
    let mut entries = Vec::new();
    for offer in app.store.offers(None).await? {
        let kind = match offer.version.kind {
            VersionKind::Sop => Installable::Template,
            VersionKind::Plugin => Installable::Plugin,
            VersionKind::Dataset => continue,
        };
        let same = |(_, one): &&(Record, Installation)| {
            one.kind == kind && one.publisher == offer.publisher && one.name == offer.version.name
        };
        let newest = installed.iter().filter(same).max_by_key(|(_, one)| number(&one.version));
        let newer = |one: &Installation| number(&offer.version.version) > number(&one.version);
        entries.push(CatalogEntry {
            kind,
            update: newest.is_some_and(|(_, one)| one.update_policy != UpdatePolicy::Manual && newer(one)),
            installed: newest.map(|(_, one)| one.version.clone()),
            publisher: offer.publisher,
            needs: needs(kind, &offer.version.about),
            name: offer.version.name,
            version: offer.version.version,
            hash: offer.version.hash,
            about: offer.version.about,
        });
    }
    Ok(entries)
}

fn number(version: &str) -> Option<semver::Version> {
    semver::Version::parse(version).ok()
}

/// The needs a plugin's manifest declares.
fn needs(kind: Installable, about: &Value) -> BTreeSet<String> {
    let Installable::Plugin = kind else { return BTreeSet::new() };
    let Ok(manifest) = serde_json::from_value::<Manifest>(about.clone()) else { return BTreeSet::new() };
    let declared = manifest.rules.iter().flat_map(|rule| &rule.needs);
    declared.filter_map(|declared| serde_json::to_value(declared.need).ok()?.as_str().map(str::to_owned)).collect()
}

/// Installs an offered version.
///
/// # Errors
/// It is not offered (any more) under that hash; a need is not granted; the version is taken by other content.
pub async fn install(app: &App, caller: &Caller, wanted: &Installation, asked: &Asked) -> Result<Answer> {
    caller.must_cover_tenant(Role::Admin)?;
    once(app, caller, asked, || async {
        let tenant = caller.tenant.as_str();
        let kind = wanted.kind.kind();
        let offers = app.store.offers(Some(kind)).await?;
        let offer = offers.into_iter().find(|offer| {
            offer.publisher == wanted.publisher
                && offer.version.name == wanted.name
                && offer.version.version == wanted.version
                && offer.version.hash == wanted.hash
        });
        let Some(offer) = offer else {
            return Err(Problem::invalid("/hash", "installation.not_offered", &json!({"name": wanted.name})));
        };
        let missing: Vec<String> =
            needs(wanted.kind, &offer.version.about).difference(&wanted.granted_needs).cloned().collect();
        if !missing.is_empty() {
            let params = json!({"needs": missing.join(", ")});
            return Err(Problem::invalid("/granted_needs", "installation.needs", &params));
        }
        let mut writes = Vec::new();
        match app.store.version(tenant, kind, &wanted.name, &wanted.version).await? {
            Some(own) if own.hash == wanted.hash => {}
            Some(_) => {
                let params = json!({"name": wanted.name, "version": wanted.version});
                return Err(Problem::new(Kind::Conflict, "version.published", &params));
            }
            None => writes.extend(copied(app, tenant, &caller.user, &offer).await?),
        }
        let record = row(new_id("ins", app.clock.now_ms()), 1, wanted, app.clock.now_ms(), &caller.user)?;
        writes.extend(record_writes(tenant, &record, None));
        let shown = records::shown::<Installation>(record)?;
        Ok(Decided::new(writes, Answer::done(true, &shown, Some("1".into()))?))
    })
    .await
}

/// A revision of an installation's record.
fn row(id: String, revision: u64, body: &Installation, now_ms: i64, by: &str) -> Result<Record> {
    Ok(Record {
        kind: Installation::NAME.to_owned(),
        id,
        revision,
        subject: None,
        org_unit: None,
        from_ms: None,
        to_ms: None,
        body: serde_json::to_value(body).map_err(Problem::internal)?,
        at_ms: now_ms,
        by: by.to_owned(),
    })
}

fn record_writes(tenant: &str, record: &Record, expected: Option<u64>) -> [Write; 2] {
    let about = json!({"kind": record.kind, "id": record.id, "revision": record.revision, "by": record.by});
    let event = tenant_event(tenant, "record_written", [("about", about), ("record", record.body.clone())]);
    [Write::Record(Box::new(record.clone()), expected), event]
}

/// The offered version as the tenant's own: the same bytes under the same hash. A template is pinned to the tenant's own
/// plugins.
async fn copied(app: &App, tenant: &str, by: &str, offer: &Offer) -> Result<Vec<Write>> {
    let offered = &offer.version;
    let bytes = sops::object(app, &offer.publisher, &offered.hash).await?;
    let about = match offered.kind {
        VersionKind::Sop => {
            let sop: Sop = serde_json::from_slice(&bytes).map_err(Problem::internal)?;
            let plugins = crate::flows::plugins::in_range(app, tenant, &sop.plugins).await?;
            let about = SopAbout::of(&sop, plugins);
            serde_json::to_value(about).map_err(Problem::internal)?
        }
        VersionKind::Plugin | VersionKind::Dataset => offered.about.clone(),
    };
    let version =
        Version { about, offered: false, revision: 1, at_ms: app.clock.now_ms(), by: by.to_owned(), ..offered.clone() };
    version_writes(tenant, &version, None, Some(bytes))
}

/// The tenant's values of a template it installed, newest installation of that version.
///
/// # Errors
/// Those of the store.
pub async fn parameters(app: &App, tenant: &str, sop: &str, version: &str) -> Result<Map<String, Value>> {
    let installed = records::current::<Installation>(app, tenant, None, app.clock.now_ms()).await?;
    let of_this = |(_, one): &&(Record, Installation)| {
        one.kind == Installable::Template && one.name == sop && one.version == version
    };
    let newest = installed.iter().filter(of_this).max_by_key(|(record, _)| record.at_ms);
    Ok(newest.map(|(_, one)| one.parameters.clone()).unwrap_or_default())
}

/// Follows patches of what was installed with the policy `patch`: same major and minor version, no need that was not granted.
/// How many were taken.
///
/// # Errors
/// Those of the store.
pub async fn follow_patches(app: &App, tenant: &str) -> Result<u64> {
    let installed = records::current::<Installation>(app, tenant, None, app.clock.now_ms()).await?;
    let mut taken = 0;
    for (record, one) in installed.into_iter().filter(|(_, one)| one.update_policy == UpdatePolicy::Patch) {
        let Some(now) = number(&one.version) else { continue };
        let offers = app.store.offers(Some(one.kind.kind())).await?;
        let patch = offers
            .into_iter()
            .filter(|offer| offer.publisher == one.publisher && offer.version.name == one.name)
            .filter(|offer| needs(one.kind, &offer.version.about).is_subset(&one.granted_needs))
            .filter_map(|offer| Some((number(&offer.version.version)?, offer)))
            .filter(|(new, _)| (new.major, new.minor) == (now.major, now.minor) && *new > now)
            .max_by(|(a, _), (b, _)| a.cmp(b));
        let Some((_, offer)) = patch else { continue };
        let done = settle(app, tenant, || async {
            let (kind, version) = (one.kind.kind(), &offer.version);
            let mut writes = match app.store.version(tenant, kind, &version.name, &version.version).await? {
                Some(own) if own.hash == version.hash => Vec::new(),
                // The number is taken by something of the tenant's own: a person has to look.
                Some(_) => return Ok(Vec::new()),
                None => copied(app, tenant, "installation", &offer).await?,
            };
            let body = Installation { version: version.version.clone(), hash: version.hash.clone(), ..one.clone() };
            let next = row(record.id.clone(), record.revision + 1, &body, app.clock.now_ms(), "installation")?;
            writes.extend(record_writes(tenant, &next, Some(record.revision)));
            Ok(writes)
        })
        .await?;
        taken += u64::from(done);
    }
    Ok(taken)
}
