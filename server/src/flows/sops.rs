//! SOPs at work: which version applies to whom, and a compiled SOP by what a run is pinned to (PINNED).
//!
//! Compiled SOPs are kept by their pins, bounded; everything behind a hash is immutable, so nothing here can be out of date.

use crate::app::App;
use crate::dataset::LoadedDataset;
use crate::flows::caller::{Caller, grants};
use crate::flows::documents::{Document, Documents};
use crate::flows::installations;
use crate::flows::load;
use crate::flows::overlays::MadeFrom;
use crate::flows::problem::{Problem, Result, Violation};
use crate::flows::records::{self, Kind as _, current};
use crate::plugins::{Plugins, Rows};
use crate::store::{Version, VersionKind, Write};
use engine::canon;
use engine::command::Customer;
use engine::effective::{EffectiveSop, Pins, PluginPin};
use engine::parameters::{self, Slices};
use engine::resolve::{self, PublishedVersion, Resolution, SopAssignment, Who};
use engine::sop::Sop;
use engine::task::Role;
use host_api::{Datasets, Plugin};
use moka::sync::Cache;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Most bytes of datasets kept for SOPs to come; those of kept SOPs are shared, not copied.
const DATASETS: u64 = 256 << 20;
/// An SOP in memory without its document: pins with manifests, and keys.
const OWN_BYTES: usize = 64 << 10;

/// An SOP with everything it needs to judge.
pub struct Loaded {
    /// The document, which others may share.
    pub document: Arc<Document>,
    /// Compiled, with its plugins and datasets.
    pub effective: Arc<EffectiveSop>,
    /// Its plugins.
    pub plugins: Plugins,
    /// Its datasets by name.
    pub datasets: BTreeMap<String, Arc<LoadedDataset>>,
    /// The same, as rules look rows up.
    pub rows: Arc<dyn Datasets>,
}

impl Loaded {
    /// What it takes in memory, estimated: what is its own, and its part of the document, which all that have it take together.
    fn bytes(&self) -> usize {
        self.document.bytes() / Arc::strong_count(&self.document) + OWN_BYTES
    }
}

/// Compiled SOPs and loaded plugins, bounded.
pub struct SopCache {
    documents: Documents,
    /// By tenant and pins; bounded by bytes, as the next.
    sops: Cache<String, Arc<Loaded>>,
    /// The same by what is known before parameters are resolved: tenant, version, plugins, datasets, parameters.
    resolved: Cache<String, Arc<Loaded>>,
    plugins: Cache<String, Arc<Plugin>>,
    /// By tenant, hash and what was declared of it; bounded by bytes.
    datasets: Cache<String, Arc<LoadedDataset>>,
}

impl SopCache {
    /// At most so many bytes of compiled SOPs, estimated, and so many loaded plugins.
    pub fn new(bytes: u64, plugins: u64) -> Self {
        let sops = || {
            let weight = |_: &String, sop: &Arc<Loaded>| u32::try_from(sop.bytes()).unwrap_or(u32::MAX);
            Cache::builder().weigher(weight).max_capacity(bytes).build()
        };
        let weight = |_: &String, dataset: &Arc<LoadedDataset>| u32::try_from(dataset.weight()).unwrap_or(u32::MAX);
        let datasets = Cache::builder().weigher(weight).max_capacity(DATASETS).build();
        Self { documents: Documents::default(), sops: sops(), resolved: sops(), plugins: Cache::new(plugins), datasets }
    }
}

/// What is known of a published SOP beside its document.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SopAbout {
    /// Name for people.
    pub title: engine::text::Text,
    /// Customer types it serves.
    pub customer_types: Vec<String>,
    /// Component hash by plugin name, fixed when it was published.
    pub plugins: BTreeMap<String, String>,
    /// Names of the datasets it looks rows up in.
    pub datasets: Vec<String>,
    /// Slices of its parameters.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub slices: Slices,
    /// The overlay and the template it was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<MadeFrom>,
}

impl SopAbout {
    /// Of a document that is pinned to these plugins.
    pub fn of(sop: &Sop, plugins: BTreeMap<String, String>) -> Self {
        let datasets = sop.datasets.keys().cloned().collect();
        let (title, customer_types) = (sop.title.clone(), sop.customer.types.clone());
        Self { title, customer_types, plugins, datasets, slices: parameters::slices(sop), from: None }
    }
}

/// What is known of a dataset version beside its rows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DatasetAbout {
    /// First business date.
    pub valid_from: Option<String>,
    /// Last business date.
    pub valid_to: Option<String>,
    /// How many rows.
    pub rows: usize,
    /// Encoding of the CSV file it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// Versions that were there before and hold on some of the same days; on those this one is taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overlaps: Vec<String>,
}

/// The SOP a run is pinned to.
///
/// # Errors
/// An object is missing or does not compile any more: a fault of ours.
pub async fn pinned(app: &App, tenant: &str, pins: &Pins) -> Result<Arc<Loaded>> {
    let key = key(&[tenant, &pins.sop_hash], [&pins.plugins, &pins.datasets]);
    if let Some(loaded) = app.sops.sops.get(&key) {
        return Ok(loaded);
    }
    let document = match app.sops.documents.get(&pins.sop_hash) {
        Some(document) => document,
        None => app.sops.documents.compile(&json_object(app, tenant, &pins.sop_hash).await?, None)?,
    };
    let loaded = Arc::new(load(app, tenant, document, &pins.plugins, &pins.datasets).await?);
    if loaded.effective.hash != pins.sop_hash {
        return Err(Problem::internal(format!("SOP {} now has hash {}", pins.sop_hash, loaded.effective.hash)));
    }
    app.sops.sops.insert(key, Arc::clone(&loaded));
    Ok(loaded)
}

/// Texts and hashes by name as one text. Nothing in them holds a line end.
fn key(texts: &[&str], by_name: [&BTreeMap<String, String>; 2]) -> String {
    let mut key = texts.join("\n");
    for hashes in by_name {
        for (name, hash) in hashes {
            key.extend(["\n", name, "=", hash]);
        }
        key.push('\n');
    }
    key
}

/// A document with plugins and datasets by hash.
async fn load(
    app: &App,
    tenant: &str,
    document: Arc<Document>,
    plugins: &BTreeMap<String, String>,
    datasets: &BTreeMap<String, String>,
) -> Result<Loaded> {
    let mut loaded_plugins = Plugins::new();
    for (name, hash) in plugins {
        loaded_plugins.insert(name.clone(), plugin(app, tenant, hash).await?);
    }
    let mut loaded_datasets = BTreeMap::new();
    for hash in datasets.values() {
        let dataset = dataset(app, tenant, hash, &document.datasets).await?;
        loaded_datasets.insert(dataset.name.clone(), dataset);
    }
    let pin = |plugin: &Plugin| PluginPin { hash: plugin.hash().to_owned(), manifest: plugin.manifest().clone() };
    let plugin_pins = loaded_plugins.iter().map(|(name, plugin)| (name.clone(), pin(plugin))).collect();
    let dataset_pins = loaded_datasets.iter().map(|(name, dataset)| (name.clone(), dataset.pin.clone())).collect();
    let effective = Arc::new(document.effective.with(plugin_pins, dataset_pins));
    let rows = Arc::new(Rows(loaded_datasets.clone()));
    Ok(Loaded { document, effective, plugins: loaded_plugins, datasets: loaded_datasets, rows })
}

/// A plugin by hash, compiled (or taken from the code cache).
///
/// # Errors
/// Its object is missing, or the host refuses it now: a fault of ours.
pub async fn plugin(app: &App, tenant: &str, hash: &str) -> Result<Arc<Plugin>> {
    if let Some(plugin) = app.sops.plugins.get(hash) {
        return Ok(plugin);
    }
    let (host, known) = (Arc::clone(&app.host), hash.to_owned());
    let found = tokio::task::spawn_blocking(move || host.find(&known)).await.map_err(Problem::internal)?;
    let plugin = match found {
        Some(plugin) => plugin,
        None => {
            let bytes = object(app, tenant, hash).await?;
            let host = Arc::clone(&app.host);
            let loading = tokio::task::spawn_blocking(move || host.load(&bytes));
            loading.await.map_err(Problem::internal)?.map_err(Problem::internal)?
        }
    };
    app.sops.plugins.insert(hash.to_owned(), Arc::clone(&plugin));
    Ok(plugin)
}

/// A dataset by hash, as an SOP declares it.
///
/// # Errors
/// Its object is missing, or does not fit what is declared: a fault of ours.
pub async fn dataset(app: &App, tenant: &str, hash: &str, declared: &Map<String, Value>) -> Result<Arc<LoadedDataset>> {
    let as_declared = canon::hash_value(&json!(declared)).map_err(Problem::internal)?;
    let key = [tenant, hash, &as_declared].join("\n");
    if let Some(loaded) = app.sops.datasets.get(&key) {
        return Ok(loaded);
    }
    let (bytes, declared) = (object(app, tenant, hash).await?, declared.clone());
    let read = tokio::task::spawn_blocking(move || LoadedDataset::read(bytes, &declared));
    let loaded = Arc::new(read.await.map_err(Problem::internal)?.map_err(Problem::internal)?);
    app.sops.datasets.insert(key, Arc::clone(&loaded));
    Ok(loaded)
}

/// Content by hash that must be there.
///
/// # Errors
/// It is not there: a fault of ours.
pub async fn object(app: &App, tenant: &str, hash: &str) -> Result<Vec<u8>> {
    app.store.object(tenant, hash).await?.ok_or_else(|| Problem::internal(format!("object {hash} is missing")))
}

/// JSON content by hash that must be there.
///
/// # Errors
/// It is not there, or not JSON: a fault of ours.
pub async fn json_object(app: &App, tenant: &str, hash: &str) -> Result<Value> {
    serde_json::from_slice(&object(app, tenant, hash).await?).map_err(Problem::internal)
}

/// All versions of a kind (of one name).
///
/// # Errors
/// Those of the store.
pub async fn all_versions(app: &App, tenant: &str, kind: VersionKind, name: Option<&str>) -> Result<Vec<Version>> {
    const PAGE: u32 = 500;
    let mut all: Vec<Version> = Vec::new();
    loop {
        let last = all.last().map(|version| (version.name.clone(), version.version.clone()));
        let after = last.as_ref().map(|(name, version)| (name.as_str(), version.as_str()));
        let page = app.store.versions(tenant, kind, name, after, PAGE).await?;
        let full = page.len() >= PAGE as usize;
        all.extend(page);
        if !full {
            return Ok(all);
        }
    }
}

/// Which SOP version applies to a user at a customer, and why the others do not.
///
/// # Errors
/// Those of the store.
pub async fn resolve(
    app: &App,
    tenant: &str,
    user: &str,
    customer: &Customer,
    tags: &BTreeSet<String>,
) -> Result<Resolution> {
    let now_ms = app.clock.now_ms();
    let mut assignments: Vec<(String, SopAssignment)> = Vec::new();
    for (record, assignment) in current::<SopAssignment>(app, tenant, None, now_ms).await? {
        assignments.push((record.id, assignment));
    }
    let mut versions = Vec::new();
    for version in all_versions(app, tenant, VersionKind::Sop, None).await? {
        if version.published {
            let about: SopAbout = serde_json::from_value(version.about).map_err(Problem::internal)?;
            versions.push(PublishedVersion {
                sop: version.name,
                version: version.version,
                hash: version.hash,
                customer_types: about.customer_types,
            });
        }
    }
    let roles: BTreeSet<Role> = grants(app, tenant, user, now_ms).await?.into_iter().map(|grant| grant.role).collect();
    let org_path = match app.store.record(tenant, "user", user, None).await?.and_then(|user| user.org_unit) {
        Some(unit) => app.store.org_path(tenant, &unit).await?,
        None => Vec::new(),
    };
    let who = Who { user, roles: &roles, org_path: &org_path };
    Ok(resolve::resolve(&assignments, &versions, &who, customer, tags, now_ms))
}

/// The same, asked by somebody: for themselves or a user they see, at a customer they see. Assignments of org units that are
/// not theirs to see are left out.
///
/// # Errors
/// No such user or customer, or not for this caller (SCOPE).
pub async fn resolve_for(app: &App, caller: &Caller, user: &str, customer: &str) -> Result<Resolution> {
    if user != caller.user {
        records::get::<records::User>(app, caller, user, None).await?;
    }
    records::get::<records::Customer>(app, caller, customer, None).await?;
    let found = load::customer(app, &caller.tenant, customer, app.clock.now_ms()).await?;
    let (customer, tags) = found.ok_or_else(Problem::not_found)?;
    let mut resolution = resolve(app, &caller.tenant, user, &customer, &tags).await?;
    let mut seen = Vec::new();
    for considered in resolution.considered {
        let unit = considered.params.get("org_unit").and_then(Value::as_str);
        if unit.is_none() || caller.covers(app, SopAssignment::READERS, unit).await? {
            seen.push(considered);
        }
    }
    resolution.considered = seen;
    Ok(resolution)
}

/// The effective SOP that won, for a customer, pinned to the plugins it was published with and the datasets of that business
/// date. Its content is kept by [`kept`] when it is first used.
///
/// # Errors
/// The tenant's parameters do not fit, or an object is missing.
pub async fn effective(
    app: &App,
    tenant: &str,
    winner: &resolve::Winner,
    customer: &Customer,
    business_date: &str,
) -> Result<Arc<Loaded>> {
    let version = app
        .store
        .version(tenant, VersionKind::Sop, &winner.sop, &winner.version)
        .await?
        .ok_or_else(|| Problem::internal(format!("{} {} is gone", winner.sop, winner.version)))?;
    let about: SopAbout = serde_json::from_value(version.about).map_err(Problem::internal)?;
    let mut datasets = BTreeMap::new();
    for name in &about.datasets {
        if let Some(hash) = dataset_for(app, tenant, name, business_date).await? {
            datasets.insert(name.clone(), hash);
        }
    }
    let mut own = installations::parameters(app, tenant, &winner.sop, &winner.version).await?;
    own.extend(winner.parameters.clone());
    let overrides = parameters::values(&about.slices, &customer.into(), &own);
    let tuned = serde_json::to_string(&overrides).map_err(Problem::internal)?;
    let before = key(&[tenant, &version.hash, &tuned], [&about.plugins, &datasets]);
    if let Some(loaded) = app.sops.resolved.get(&before) {
        return Ok(loaded);
    }
    let by_version = [version.hash.as_str(), &tuned].join("\n");
    let document = match app.sops.documents.get(&by_version) {
        Some(document) => document,
        None => {
            let document = json_object(app, tenant, &version.hash).await?;
            let sop: Sop = serde_json::from_value(document).map_err(Problem::internal)?;
            let parameters = tuned_parameters(&sop, &overrides);
            let sop = serde_json::to_value(&sop).map_err(Problem::internal)?;
            app.sops.documents.compile(&json!({"sop": sop, "parameters": parameters}), Some(by_version))?
        }
    };
    let loaded = Arc::new(load(app, tenant, document, &about.plugins, &datasets).await?);
    app.sops.sops.insert(key(&[tenant, &loaded.effective.hash], [&about.plugins, &datasets]), Arc::clone(&loaded));
    app.sops.resolved.insert(before, Arc::clone(&loaded));
    Ok(loaded)
}

/// The write that keeps the content of an effective SOP under its hash, where it is not there yet: content once there stays.
///
/// # Errors
/// Those of the store.
pub async fn kept(app: &App, tenant: &str, loaded: &Loaded) -> Result<Option<Write>> {
    let hash = &loaded.effective.hash;
    if app.store.has_object(tenant, hash).await? {
        return Ok(None);
    }
    Ok(Some(Write::Object { hash: hash.clone(), bytes: loaded.document.content.clone() }))
}

/// Defaults with the tenant's values over them, as the engine pins them.
fn tuned_parameters(sop: &Sop, overrides: &Map<String, Value>) -> Map<String, Value> {
    let mut parameters: Map<String, Value> =
        sop.parameters.iter().map(|(name, parameter)| (name.clone(), parameter.default.clone())).collect();
    parameters.extend(overrides.clone());
    parameters
}

/// The newest version of a dataset that holds on a date, else the newest of all.
///
/// # Errors
/// Those of the store.
pub async fn dataset_for(app: &App, tenant: &str, name: &str, date: &str) -> Result<Option<String>> {
    let mut versions = all_versions(app, tenant, VersionKind::Dataset, Some(name)).await?;
    versions.retain(|version| version.published);
    versions.sort_by(|a, b| (b.at_ms, &b.version).cmp(&(a.at_ms, &a.version)));
    let holds = |version: &&Version| {
        let about: DatasetAbout = serde_json::from_value(version.about.clone()).unwrap_or_default();
        about.valid_from.is_none_or(|from| from.as_str() <= date) && about.valid_to.is_none_or(|to| date <= to.as_str())
    };
    Ok(versions.iter().find(holds).or_else(|| versions.first()).map(|version| version.hash.clone()))
}

/// What is wrong with an assignment of an SOP: no such SOP, no such range, parameters out of bounds.
///
/// # Errors
/// Those of the store.
pub async fn assignment_problems(app: &App, tenant: &str, assignment: &SopAssignment) -> Result<Vec<Violation>> {
    let mut wrong = Vec::new();
    let Ok(range) = semver::VersionReq::parse(&assignment.versions) else {
        return Ok(vec![Violation::new("/versions", "version.range", &json!({"range": assignment.versions}))]);
    };
    let versions = all_versions(app, tenant, VersionKind::Sop, Some(&assignment.sop)).await?;
    let fitting = |version: &&Version| {
        version.published && semver::Version::parse(&version.version).is_ok_and(|version| range.matches(&version))
    };
    let Some(newest) =
        versions.iter().filter(fitting).max_by_key(|version| semver::Version::parse(&version.version).ok())
    else {
        let params = json!({"sop": assignment.sop, "range": assignment.versions});
        return Ok(vec![Violation::new("/versions", "sop.no_such_version", &params)]);
    };
    let document = json_object(app, tenant, &newest.hash).await?;
    let sop: Sop = serde_json::from_value(document).map_err(Problem::internal)?;
    for problem in engine::lint::overrides(&sop, &assignment.parameters) {
        let text = engine::text::Text(
            engine::text::LANGUAGES.iter().map(|language| ((*language).to_owned(), problem.hint(language))).collect(),
        );
        wrong.push(Violation { pointer: problem.pointer, code: problem.code, detail: text });
    }
    Ok(wrong)
}
