//! Plugins on disk: loading a folder of components into the sandbox, and running the engine's calls in it.

use crate::dataset::LoadedDataset;
use anyhow::{Context as _, ensure};
use engine::effective::PluginPin;
use engine::journal::Outside;
use engine::rule::{FailureCode, RuleAnswer, RuleCall, RuleFailure, RuleOutcome};
use engine::sop::Sop;
use host_api::{Compiler, Datasets, Host, HostConfig, Limits, Plugin, Row};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Loaded plugins by name.
pub type Plugins = BTreeMap<String, Arc<Plugin>>;

/// The bytes of components by name.
pub type Components = BTreeMap<String, Vec<u8>>;

/// A sandbox that compiles in a child of this program and keeps compiled code beside the plugins.
///
/// # Errors
/// When the sandbox cannot be set up.
pub fn host(cache: Option<PathBuf>) -> anyhow::Result<Host> {
    let program = std::env::current_exe().context("where this program is")?;
    let cache_key = match &cache {
        Some(folder) => cache_key(folder)?,
        None => [0; 32],
    };
    let compiler = Compiler::Child { program, args: vec!["compile-plugin".into()] };
    Ok(Host::new(HostConfig { cache, cache_key, compiler, limits: Limits::default() })?)
}

/// The key that authenticates cached code: made once, readable by this user only.
fn cache_key(folder: &Path) -> anyhow::Result<[u8; 32]> {
    use std::io::Write as _;
    std::fs::create_dir_all(folder)?;
    let file = folder.join("key");
    if let Ok(bytes) = std::fs::read(&file)
        && let Ok(key) = bytes.try_into()
    {
        return Ok(key);
    }
    let mut key = [0_u8; 32];
    getrandom::fill(&mut key).map_err(|error| anyhow::anyhow!("no random bytes: {error}"))?;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut out = options.open(&file).with_context(|| file.display().to_string())?;
    out.write_all(&key)?;
    out.sync_all()?;
    Ok(key)
}

/// Reads the components an SOP names, `<name>.wasm` in `folder`.
///
/// # Errors
/// When one is missing.
pub fn read_components(sop: &Sop, folder: &Path) -> anyhow::Result<Components> {
    let read = |name: &String| {
        let file = folder.join(format!("{name}.wasm"));
        let bytes = std::fs::read(&file)
            .with_context(|| format!("{}: build the plugins first (`cargo xtask plugins`)", file.display()))?;
        Ok((name.clone(), bytes))
    };
    sop.plugins.keys().map(read).collect()
}

/// Loads the plugins an SOP names.
///
/// # Errors
/// When a component is missing, is refused, or has another name or a version outside the SOP's range.
pub fn load(host: &Host, sop: &Sop, components: &Components) -> anyhow::Result<Plugins> {
    let mut plugins = Plugins::new();
    for (name, range) in &sop.plugins {
        let bytes = components.get(name).with_context(|| format!("plugin `{name}` is missing"))?;
        let plugin = host.load(bytes).with_context(|| format!("plugin `{name}`"))?;
        let manifest = plugin.manifest();
        ensure!(manifest.plugin == *name, "plugin `{name}` calls itself `{}`", manifest.plugin);
        let wanted = semver::VersionReq::parse(range).with_context(|| format!("version range of plugin `{name}`"))?;
        let version = semver::Version::parse(&manifest.version).with_context(|| format!("version of `{name}`"))?;
        ensure!(wanted.matches(&version), "plugin `{name}` is {version}, the SOP wants {range}");
        plugins.insert(name.clone(), plugin);
    }
    Ok(plugins)
}

/// What a run is pinned to.
pub fn pins(plugins: &Plugins) -> BTreeMap<String, PluginPin> {
    let pin = |plugin: &Plugin| PluginPin { hash: plugin.hash().to_owned(), manifest: plugin.manifest().clone() };
    plugins.iter().map(|(name, plugin)| (name.clone(), pin(plugin))).collect()
}

/// The datasets of a run as the sandbox reads them.
pub struct Rows(pub BTreeMap<String, Arc<LoadedDataset>>);

impl Datasets for Rows {
    fn lookup(&self, dataset: &str, key: &str) -> Row {
        let Some(loaded) = self.0.get(dataset) else { return Row::Outside };
        let dataset_hash = loaded.pin.hash.clone();
        match loaded.row(key) {
            Some((json, row_hash)) => Row::Found { json: json.to_owned(), dataset_hash, row_hash },
            None => Row::Absent { dataset_hash },
        }
    }
}

/// The sandbox as the engine's outside: rules run for real, salts are random.
pub struct Sandbox<'a> {
    /// Runs the calls.
    pub host: &'a Host,
    /// By name.
    pub plugins: &'a Plugins,
    /// What they may look up.
    pub rows: Arc<dyn Datasets>,
}

impl Sandbox<'_> {
    /// Runs one call in a pinned plugin.
    pub fn run(&self, call: &RuleCall) -> RuleOutcome {
        let pinned = self.plugins.values().find(|plugin| plugin.hash() == call.plugin_hash);
        match pinned {
            Some(plugin) => self.host.call(plugin, call, &self.rows),
            None => RuleOutcome {
                answer: RuleAnswer::Failed(RuleFailure {
                    code: FailureCode::NoSuchPlugin,
                    detail: call.plugin_hash.clone(),
                }),
                lookups: Vec::new(),
                fuel: 0,
            },
        }
    }
}

impl Outside for Sandbox<'_> {
    fn call(&mut self, call: &RuleCall) -> RuleOutcome {
        self.run(call)
    }

    fn salt(&mut self) -> [u8; 16] {
        // UUIDv4 would lose six bits; a version 7 id is guessable. Plain random bytes are neither.
        let mut salt = [0; 16];
        if getrandom::fill(&mut salt).is_err() {
            // Without random bytes a commitment could be guessed open: better to stop than to write one.
            std::process::abort();
        }
        salt
    }
}
