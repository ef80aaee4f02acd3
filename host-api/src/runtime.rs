//! How wasmtime is set up, and the thread that counts deadlines.
//!
//! A host has two engines that differ only in where memory comes from: plugins are called often and take theirs from a pool
//! (`room`), `engine.wasm` is called seldom and may be large, so its memory is asked of the system for each call. Code made
//! for one fits the other.
//!
//! The profile leaves out what a rule has no use for: no WASI, no threads, no relaxed SIMD, no 64-bit or several memories, no
//! garbage collection, no exceptions, no async. Parent and compiling child make their engine here, so that
//! the code of one fits the other.

use crate::error::HostError;
use crate::limits::Limits;
use crate::processor::busy;
use crate::room::{self, Permit, Permits};
use sha2::{Digest, Sha256};
use std::hash::{Hash, Hasher};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;
use wasmtime::{Config, Engine, EngineWeak, OptLevel, Store, Strategy, UpdateDeadline, WasmFeatures};

/// How often the epoch moves: the grain of deadlines.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// Stack of a guest. The thread that calls must have room for it and for the host above it: Rust's 2 MiB are enough.
const GUEST_STACK_BYTES: usize = 1 << 20;

/// What the engine accepts. `policy` refuses the rest earlier and says why; this is the second lock.
const FEATURES: WasmFeatures = WasmFeatures::MUTABLE_GLOBAL
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::REFERENCE_TYPES)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::FLOATS)
    .union(WasmFeatures::TAIL_CALL)
    // For engine.wasm alone: `policy` lets no plugin with SIMD through.
    .union(WasmFeatures::SIMD)
    .union(WasmFeatures::COMPONENT_MODEL);

/// An engine without a pool: for the compiling child, and for `engine.wasm`.
pub(crate) fn engine() -> wasmtime::Result<Engine> {
    Engine::new(&config())
}

/// What both engines and the compiling child have in common, so that the code of one fits the others.
fn config() -> Config {
    let mut config = Config::new();
    config
        .strategy(Strategy::Cranelift)
        .cranelift_opt_level(OptLevel::Speed)
        // PURE: a NaN looks the same on every processor.
        .cranelift_nan_canonicalization(true)
        .consume_fuel(true)
        .epoch_interruption(true)
        .max_wasm_stack(GUEST_STACK_BYTES)
        // No backtraces: what a failure says must not depend on where code lies.
        .wasm_backtrace_max_frames(None)
        .generate_address_map(false)
        .wasm_features(WasmFeatures::all().difference(FEATURES), false)
        .wasm_features(FEATURES, true);
    config
}

/// The engine of plugins: with a pool if one is wanted and this machine has the address space for it.
fn plugin_engine(limits: &Limits) -> wasmtime::Result<Engine> {
    if let Some(pool) = room::pool(limits) {
        match Engine::new(config().allocation_strategy(pool)) {
            Ok(engine) => return Ok(engine),
            // The calls cost more then, and their answers are the same.
            Err(error) => {
                tracing::warn!(%error, "no address space for a pool of memories: every call asks the system for its own");
            }
        }
    }
    engine()
}

/// The engines and what keeps their deadlines.
pub(crate) struct Runtime {
    engine: Engine,
    engine_for_modules: Engine,
    compatibility: [u8; 32],
    calls: Permits,
    _ticker: Ticker,
}

impl Runtime {
    pub(crate) fn new(limits: &Limits) -> Result<Self, HostError> {
        let failed = |error: wasmtime::Error| HostError::Runtime(error.to_string());
        let engine = plugin_engine(limits).map_err(failed)?;
        let engine_for_modules = self::engine().map_err(failed)?;
        let mut hasher = CompatibilityHasher(Sha256::new());
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let ticker = Ticker::start([engine.weak(), engine_for_modules.weak()])?;
        let calls = Permits::new(limits.room.calls);
        Ok(Self { engine, engine_for_modules, compatibility: hasher.0.finalize().into(), calls, _ticker: ticker })
    }

    /// For plugins.
    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// For `engine.wasm`.
    pub(crate) fn engine_for_modules(&self) -> &Engine {
        &self.engine_for_modules
    }

    /// Waits until there is room for one more instance of a plugin.
    pub(crate) fn permit(&self) -> Permit<'_> {
        self.calls.take()
    }

    /// SHA-256 over everything compiled code depends on: version, settings, target, processor features.
    pub(crate) fn compatibility(&self) -> &[u8; 32] {
        &self.compatibility
    }
}

/// Makes `store` trap once the calling thread has been busy for `deadline`. Time it waits for a core does not count, or
/// whether a rule runs to its end would depend on what else the machine does.
pub(crate) fn set_deadline<T: 'static>(store: &mut Store<T>, deadline: Duration) {
    let began = busy();
    store.epoch_deadline_callback(move |_| {
        let left = deadline.saturating_sub(busy().saturating_sub(began));
        Ok(if left.is_zero() { UpdateDeadline::Interrupt } else { UpdateDeadline::Continue(ticks(left)) })
    });
    store.set_epoch_deadline(ticks(deadline));
}

/// How many ticks take so long at least: one more, because the first is already under way.
fn ticks(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(TICK.as_nanos())).unwrap_or(u64::MAX / 2).saturating_add(1)
}

/// Moves the epoch every `TICK` until it is dropped.
struct Ticker {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    fn start(engines: [EngineWeak; 2]) -> Result<Self, HostError> {
        let (stop, stopped) = channel::<()>();
        let thread = std::thread::Builder::new()
            .name("rule-deadlines".to_owned())
            .spawn(move || {
                while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                    for engine in &engines {
                        let Some(engine) = engine.upgrade() else { return };
                        engine.increment_epoch();
                    }
                }
            })
            .map_err(HostError::Ticker)?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that counts deadlines panicked");
        }
    }
}

/// SHA-256 behind the standard `Hasher`, whose own algorithm may change with the compiler.
struct CompatibilityHasher(Sha256);

impl Hasher for CompatibilityHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest: [u8; 32] = self.0.clone().finalize().into();
        digest.iter().take(8).fold(0, |value, byte| value << 8 | u64::from(*byte))
    }
}
