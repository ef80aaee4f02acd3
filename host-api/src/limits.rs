//! Every limit of the sandbox, with its unit and its default.
//!
//! Fuel decides: it counts instructions, so the same call ends at the same instruction on every machine. Deadlines are the
//! safety net for what fuel does not see, and generous because machines are noisy.

use engine::rule::Interface;
use std::time::Duration;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// All limits. `Default` gives the figures for plugins made with Rust, C or QuickJS.
#[derive(Clone, Debug)]
pub struct Limits {
    /// What a plugin may look like, before anything compiles it.
    pub plugin: ShapeLimits,
    /// What `engine.wasm` may look like, before anything compiles it.
    pub engine_module: ShapeLimits,
    /// What the compiling child may use.
    pub compile: CompileLimits,
    /// `manifest.describe`, once at load.
    pub describe: CallLimits,
    /// One call of `validate`.
    pub validate: CallLimits,
    /// One call of `assess`.
    pub assess: CallLimits,
    /// One call of `score`.
    pub score: CallLimits,
    /// One call of `engine.wasm`.
    pub engine_call: CallLimits,
    /// Where the memory of plugins comes from.
    pub room: Room,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            plugin: ShapeLimits::default(),
            engine_module: ShapeLimits::for_engine(),
            compile: CompileLimits::default(),
            describe: CallLimits { output_bytes: 256 * KIB, ..CallLimits::default() },
            validate: CallLimits { fuel: 20_000_000, ..CallLimits::default() },
            assess: CallLimits::default(),
            score: CallLimits::default(),
            engine_call: CallLimits::for_engine(),
            room: Room::default(),
        }
    }
}

impl Limits {
    /// The limits of one call of this interface.
    #[must_use]
    pub const fn of(&self, interface: Interface) -> &CallLimits {
        match interface {
            Interface::Validate => &self.validate,
            Interface::Assess => &self.assess,
            Interface::Score => &self.score,
        }
    }
}

/// How many calls of plugins there is room for, and what stays of a call's memory for the next one: its pages, never what
/// was in them.
#[derive(Clone, Debug)]
pub struct Room {
    /// Calls at one time; further ones wait.
    pub calls: u32,
    /// Bytes of each memory that stay with this process between calls, zeroed. None: every call asks the system for
    /// memory and gives all of it back.
    pub kept_bytes: Option<usize>,
}

impl Default for Room {
    /// Twice the processors: a call only computes, so more at one time would make each of them later.
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let calls = u32::try_from(processors.saturating_mul(2)).unwrap_or(u32::MAX).clamp(8, 256);
        Self { calls, kept_bytes: Some(2 * MIB) }
    }
}

/// What one call may use. Instantiation and start functions count as part of the call.
#[derive(Clone, Debug)]
pub struct CallLimits {
    /// Instructions, roughly. A call of the host costs 1,000 and one more for each byte that crosses.
    pub fuel: u64,
    /// Processor time, looked at every 10 ms; a call that is past it traps.
    /// (Where a thread's processor time is not known: the clock on the wall.)
    pub deadline: Duration,
    /// Bytes of all linear memories together.
    pub memory_bytes: usize,
    /// Elements of all tables together.
    pub table_elements: usize,
    /// Bytes of the input.
    pub input_bytes: usize,
    /// Bytes of the answer.
    pub output_bytes: usize,
    /// Findings, score parts or marks in one answer.
    pub items: usize,
    /// Dataset lookups.
    pub lookups: usize,
    /// Log lines that are kept; the rest is dropped in silence.
    pub log_lines: usize,
    /// Bytes of a log line that are kept.
    pub log_line_bytes: usize,
}

impl Default for CallLimits {
    fn default() -> Self {
        Self {
            fuel: 100_000_000,
            deadline: Duration::from_secs(5),
            memory_bytes: 16 * MIB,
            table_elements: 10_000,
            input_bytes: 256 * KIB,
            output_bytes: 64 * KIB,
            items: 200,
            lookups: 1_000,
            log_lines: 20,
            log_line_bytes: KIB,
        }
    }
}

impl CallLimits {
    /// For `engine.wasm`, which judges whole visits and is first-party.
    fn for_engine() -> Self {
        Self {
            fuel: 20_000_000_000,
            deadline: Duration::from_secs(120),
            memory_bytes: 256 * MIB,
            table_elements: 200_000,
            input_bytes: 32 * MIB,
            output_bytes: 32 * MIB,
            ..Self::default()
        }
    }
}

/// What a binary may look like. All of it is checked by reading, before anything is compiled.
#[derive(Clone, Debug)]
pub struct ShapeLimits {
    /// Bytes of the binary.
    pub bytes: usize,
    /// Core modules in it.
    pub modules: usize,
    /// Instantiations of core modules, and as many of nested components.
    pub instances: usize,
    /// Nested components (they only rename and type exports, so they hold no code).
    pub components: usize,
    /// Functions in all modules.
    pub functions: usize,
    /// Bytes of one function: compile time grows faster than its size.
    pub function_bytes: usize,
    /// Globals in all modules.
    pub globals: usize,
    /// Imports of one core module.
    pub module_imports: usize,
    /// Tables in all modules.
    pub tables: usize,
    /// Memories in all modules.
    pub memories: usize,
    /// Bytes a memory starts with.
    pub initial_memory_bytes: usize,
    /// Elements a table starts with.
    pub initial_table_elements: usize,
}

impl Default for ShapeLimits {
    fn default() -> Self {
        Self {
            bytes: 4 * MIB,
            modules: 16,
            instances: 16,
            components: 16,
            functions: 20_000,
            function_bytes: 512 * KIB,
            globals: 1_000,
            module_imports: 1_000,
            tables: 16,
            memories: 4,
            initial_memory_bytes: 16 * MIB,
            initial_table_elements: 10_000,
        }
    }
}

impl ShapeLimits {
    /// For `engine.wasm`.
    fn for_engine() -> Self {
        Self {
            bytes: 32 * MIB,
            functions: 100_000,
            function_bytes: 2 * MIB,
            initial_memory_bytes: 64 * MIB,
            initial_table_elements: 200_000,
            ..Self::default()
        }
    }
}

/// What the compiling child may use, and what it may hand back.
#[derive(Clone, Debug)]
pub struct CompileLimits {
    /// Wall clock; then the child is killed.
    pub wall: Duration,
    /// Seconds of processor time (Linux only).
    pub cpu_seconds: u64,
    /// Bytes of address space (Linux only).
    pub address_space_bytes: u64,
    /// Bytes of machine code.
    pub code_bytes: usize,
}

impl Default for CompileLimits {
    fn default() -> Self {
        Self { wall: Duration::from_secs(60), cpu_seconds: 30, address_space_bytes: 2 << 30, code_bytes: 128 * MIB }
    }
}
