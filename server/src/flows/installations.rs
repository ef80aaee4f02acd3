//! Taking over what another tenant publishes: one offered hash, copied under this tenant's own key, with what was granted.
//!
//! From then on it is the tenant's own version like any other: what the publisher does later changes nothing here by itself.

use crate::app::{App, new_id};
use crate::flows::caller::Caller;
use crate::flows::once::{Answer, Asked, Decided, once, tenant_event};
use crate::flows::problem::{Kind, Problem, Result};
use crate::flows::publish::version_writes;
use crate::flows::records;
use crate::flows::sops::{self, SopAbout};
use crate::store::{Record, Version, VersionKind, Write};
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
    /// What is known of it.
    #[schema(value_type = Object)]
    pub about: Value,
}

/// Everything offered, by this tenant too.
///
/// # Errors
/// Those of the store.
pub async fn catalog(app: &App) -> Result<Vec<CatalogEntry>> {
    let mut entries = Vec::new();
    for offer in app.store.offers(None).await? {
        let kind = match offer.version.kind {
            VersionKind::Sop => Installable::Template,
            VersionKind::Plugin => Installable::Plugin,
            VersionKind::Dataset => continue,
        };
        entries.push(CatalogEntry {
            kind,
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
            None => writes.extend(copied(app, caller, &offer.publisher, offer.version.clone()).await?),
        }
        let now_ms = app.clock.now_ms();
        let id = new_id("ins", now_ms);
        let body = serde_json::to_value(wanted).map_err(Problem::internal)?;
        let record = Record {
            kind: "installation".into(),
            id: id.clone(),
            revision: 1,
            subject: None,
            org_unit: None,
            from_ms: Some(now_ms),
            to_ms: None,
            body: body.clone(),
            at_ms: now_ms,
            by: caller.user.clone(),
        };
        let about = json!({"kind": "installation", "id": id, "revision": 1, "by": caller.user});
        writes.push(Write::Record(Box::new(record.clone()), None));
        writes.push(tenant_event(tenant, "record_written", [("about", about), ("record", body)]));
        let shown = records::shown::<Installation>(record)?;
        let body = serde_json::to_value(shown).map_err(Problem::internal)?;
        Ok(Decided { writes, answer: Answer::Done { created: true, body, etag: Some("1".into()) } })
    })
    .await
}

/// The offered version as the tenant's own: the same bytes under the same hash. A template is pinned to the tenant's own
/// plugins.
async fn copied(app: &App, caller: &Caller, publisher: &str, offered: Version) -> Result<Vec<Write>> {
    let bytes = sops::object(app, publisher, &offered.hash).await?;
    let about = match offered.kind {
        VersionKind::Sop => {
            let sop: Sop = serde_json::from_slice(&bytes).map_err(Problem::internal)?;
            let plugins = crate::flows::plugins::in_range(app, &caller.tenant, &sop.plugins).await?;
            let about = SopAbout { title: sop.title, customer_types: sop.customer.types, plugins };
            serde_json::to_value(about).map_err(Problem::internal)?
        }
        VersionKind::Plugin | VersionKind::Dataset => offered.about.clone(),
    };
    let version =
        Version { about, offered: false, revision: 1, at_ms: app.clock.now_ms(), by: caller.user.clone(), ..offered };
    version_writes(&caller.tenant, &version, None, Some(bytes))
}
