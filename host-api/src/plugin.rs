//! A plugin that is ready to run: compiled, linked, asked for its manifest, and found to be what it says.

use crate::code::TrustedCode;
use crate::error::{RefusalCode, Refused};
use crate::failure;
use crate::imports::{State, limit};
use crate::limits::CallLimits;
use crate::manifest;
use crate::runtime::Runtime;
use crate::since_v1::Exports;
use engine::rule::{Interface, Manifest, RuleFailure};
use std::collections::BTreeSet;
use std::sync::Arc;
use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre, Linker};

/// A plugin that is ready to run.
pub struct Plugin {
    pub(crate) runtime: Arc<Runtime>,
    pub(crate) instance: InstancePre<State>,
    pub(crate) exports: Exports,
    pub(crate) datasets: Arc<BTreeSet<String>>,
    pub(crate) hash: Arc<str>,
    manifest: Manifest,
    interfaces: Vec<Interface>,
}

/// A plugin that is linked, and has not said yet what it is.
pub(crate) struct Linked {
    runtime: Arc<Runtime>,
    instance: InstancePre<State>,
    exports: Exports,
    hash: Arc<str>,
}

impl Linked {
    /// Links `code`.
    pub(crate) fn new(
        runtime: &Arc<Runtime>,
        linker: &Linker<State>,
        hash: &str,
        code: &TrustedCode,
    ) -> Result<Self, Refused> {
        let component = code
            .component(runtime.engine())
            .map_err(|error| Refused::new(RefusalCode::CompileFailed, format!("the code cannot be loaded: {error}")))?;
        let instance = linker
            .instantiate_pre(&component)
            .map_err(|error| Refused::new(RefusalCode::LinkFailed, format!("{error:#}")))?;
        let exports = Exports::find(&component)?;
        Ok(Self { runtime: Arc::clone(runtime), instance, exports, hash: Arc::from(hash) })
    }

    /// Asks it for its manifest under `limits`, and looks at the types of the other exports while an instance is there.
    pub(crate) fn describe(&self, limits: &CallLimits) -> Result<String, Refused> {
        let failed = |failure: &RuleFailure| {
            Refused::new(RefusalCode::ManifestFailed, format!("{:?}: {}", failure.code, failure.detail))
        };
        let _permit = self.runtime.permit();
        let (mut store, instance) = instantiate(&self.runtime, &self.instance, State::new(&self.hash, limits), limits);
        let instance = instance.map_err(|failure| failed(&failure))?;
        self.exports.check_types(&mut store, &instance)?;
        let (text,) = self
            .exports
            .describe(&mut store, &instance)
            .and_then(|describe| describe.call(&mut store, ()))
            .map_err(|error| failed(&failure::of_call(&error)))?;
        if text.len() > limits.output_bytes {
            let detail = format!("{} bytes, at most {} are allowed", text.len(), limits.output_bytes);
            return Err(Refused::new(RefusalCode::ManifestInvalid, detail));
        }
        Ok(text)
    }

    /// The plugin, if what it said agrees with what it exports.
    pub(crate) fn with_manifest(self, said: &str) -> Result<Plugin, Refused> {
        let Self { runtime, instance, exports, hash } = self;
        let interfaces = exports.interfaces();
        let manifest = manifest::read(said, &interfaces)?;
        let datasets = Arc::new(manifest.datasets.iter().cloned().collect());
        Ok(Plugin { runtime, instance, exports, datasets, hash, manifest, interfaces })
    }
}

impl Plugin {
    /// SHA-256 of the component, lower-case hex. This is what runs pin.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// What it says of itself.
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The kinds of rules it exports, in the order of [`Interface`]; at least those its manifest has rules for.
    #[must_use]
    pub fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }
}

/// A store of its own for one call, start functions run. The caller has a permit, and keeps it longer than the store.
pub(crate) fn instantiate(
    runtime: &Runtime,
    instance: &InstancePre<State>,
    state: State,
    limits: &CallLimits,
) -> (Store<State>, Result<Instance, RuleFailure>) {
    let mut store = Store::new(runtime.engine(), state);
    let instance = limit(&mut store, limits).and_then(|()| instance.instantiate(&mut store));
    let instance = instance.map_err(|error| failure::of_instantiation(&error));
    (store, instance)
}
