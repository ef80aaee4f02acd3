//! The sandbox as the rest of the program sees it: load a plugin, call a rule.

use crate::cache::Cache;
use crate::call;
use crate::code::{Kind, TrustedCode, hex, sha256, unhex};
use crate::compile::{Compiler, compile};
use crate::engine_module::EngineModule;
use crate::error::{HostError, RefusalCode, Refused};
use crate::failure::failure;
use crate::imports::{Datasets, State, linker};
use crate::limits::Limits;
use crate::plugin::{Linked, Plugin};
use crate::policy;
use crate::runtime::Runtime;
use engine::rule::{FailureCode, RuleAnswer, RuleCall, RuleOutcome};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use wasmtime::component::Linker;

/// What a host is made from.
pub struct HostConfig {
    /// Folder of compiled code; without one every load compiles.
    pub cache: Option<PathBuf>,
    /// Key of the MACs over compiled code. Random, 32 bytes, secret, the same for every process that shares the folder.
    pub cache_key: [u8; 32],
    /// Who compiles.
    pub compiler: Compiler,
    /// What is allowed.
    pub limits: Limits,
}

/// The sandbox. One for each process; it may be shared between threads.
///
/// Calls block the calling thread and need 2 MiB of stack, so a server makes them on threads of their own. Any number of
/// threads may call; those there is no room for wait (`Limits::room`).
pub struct Host {
    pub(crate) runtime: Arc<Runtime>,
    linker: Linker<State>,
    cache: Option<Cache>,
    compiler: Compiler,
    /// One compilation at a time: each may take gigabytes.
    compiling: Mutex<()>,
    pub(crate) limits: Limits,
}

impl Host {
    /// Sets up the runtime and the folder of compiled code.
    ///
    /// # Errors
    /// The runtime does not work on this machine, or the folder cannot be made.
    pub fn new(config: HostConfig) -> Result<Self, HostError> {
        let HostConfig { cache, cache_key, compiler, limits } = config;
        let runtime = Runtime::new(&limits)?;
        let linker = linker(runtime.engine()).map_err(|error| HostError::Runtime(error.to_string()))?;
        let made_by = policy::made_by(runtime.compatibility(), [&limits.plugin, &limits.engine_module]);
        let cache =
            cache.map(|folder| Cache::open(folder, cache_key, made_by, limits.compile.code_bytes)).transpose()?;
        Ok(Self { runtime: Arc::new(runtime), linker, cache, compiler, compiling: Mutex::new(()), limits })
    }

    /// Checks, compiles (or finds compiled), links and describes a plugin. Takes seconds for a large one.
    ///
    /// # Errors
    /// The binary is not a plugin this host will run, and why.
    pub fn load(&self, wasm: &[u8]) -> Result<Arc<Plugin>, Refused> {
        guarded(|| {
            policy::check_size(wasm, &self.limits.plugin)?;
            let hash = sha256(wasm);
            let check = || policy::check_component(wasm, &self.limits.plugin);
            let code = self.code(Kind::Component, wasm, &hash, check)?;
            self.plugin(&hash, &code)
        })
    }

    /// The plugin whose component has this SHA-256, if its code is in the folder: what [`Self::load`] would give, without the
    /// component. The MAC over the code holds the hash.
    #[must_use]
    pub fn find(&self, hash: &str) -> Option<Arc<Plugin>> {
        let hash = unhex(hash)?;
        let code = self.cache.as_ref()?.get(Kind::Component, &hash)?;
        guarded(|| self.plugin(&hash, &code)).ok()
    }

    /// As [`Self::load`] for `engine.wasm`, a core module without imports.
    ///
    /// # Errors
    /// The binary is not an engine this host will run, and why.
    pub fn load_engine(&self, wasm: &[u8]) -> Result<EngineModule, Refused> {
        guarded(|| {
            policy::check_size(wasm, &self.limits.engine_module)?;
            let hash = sha256(wasm);
            let check = || policy::check_engine_module(wasm, &self.limits.engine_module);
            let code = self.code(Kind::Module, wasm, &hash, check)?;
            EngineModule::new(&self.runtime, hex(&hash), &code, &self.limits.engine_call)
        })
    }

    /// Runs one rule. Whatever the guest does, there is an outcome.
    ///
    /// NO-TX: this may take as long as the deadline allows; hold no transaction while it runs.
    #[must_use]
    pub fn call(&self, plugin: &Plugin, call: &RuleCall, datasets: &Arc<dyn Datasets>) -> RuleOutcome {
        let limits = self.limits.of(call.interface);
        let run = || call::run(plugin, call, Arc::clone(datasets), limits);
        catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| {
            tracing::error!(rule = call.rule, plugin = plugin.hash(), "the host panicked while it ran a rule");
            let answer = RuleAnswer::Failed(failure(FailureCode::Trap, "the host failed while it ran the rule"));
            RuleOutcome { answer, lookups: Vec::new(), fuel: 0 }
        })
    }

    /// The plugin that code is of.
    fn plugin(&self, hash: &[u8; 32], code: &TrustedCode) -> Result<Arc<Plugin>, Refused> {
        let linked = Linked::new(&self.runtime, &self.linker, &hex(hash), code)?;
        let said = self.said(&linked, hash)?;
        linked.with_manifest(&said).map(Arc::new)
    }

    /// What a plugin says of itself, from the folder or by asking it: without clock and random it always says the same.
    fn said(&self, linked: &Linked, hash: &[u8; 32]) -> Result<String, Refused> {
        if let Some(said) = self.cache.as_ref().and_then(|cache| cache.manifest(hash)) {
            return Ok(said);
        }
        let said = linked.describe(&self.limits.describe)?;
        if let Some(cache) = &self.cache {
            cache.put_manifest(hash, &said);
        }
        Ok(said)
    }

    /// Machine code from the folder, or from the compiler and then into the folder. What is in the folder was checked
    /// before it was compiled, by the same policy under the same limits, or its MAC would be another.
    fn code(
        &self,
        kind: Kind,
        wasm: &[u8],
        hash: &[u8; 32],
        check: impl FnOnce() -> Result<(), Refused>,
    ) -> Result<TrustedCode, Refused> {
        let cached = || self.cache.as_ref().and_then(|cache| cache.get(kind, hash));
        if let Some(code) = cached() {
            return Ok(code);
        }
        check()?;
        // Nothing is protected but the order, so a panic of another thread spoils nothing.
        let _one_at_a_time = self.compiling.lock().unwrap_or_else(PoisonError::into_inner);
        // The same binary may have been compiled while this thread waited.
        if let Some(code) = cached() {
            return Ok(code);
        }
        let code = compile(&self.compiler, wasm, &self.limits.compile)?;
        if let Some(cache) = &self.cache {
            cache.put(kind, hash, &code);
        }
        // From the folder if it is there now: mapped code costs less than a copy of it.
        Ok(cached().unwrap_or(code))
    }
}

/// A panic in here is a bug of ours or of a library; it must not become the end of the server.
fn guarded<T>(load: impl FnOnce() -> Result<T, Refused>) -> Result<T, Refused> {
    catch_unwind(AssertUnwindSafe(load)).unwrap_or_else(|_| {
        tracing::error!("the host panicked while it loaded a binary");
        Err(Refused::new(RefusalCode::HostFailed, "the host failed while it loaded the binary"))
    })
}
