//! `engine.wasm`: the engine itself as a core module that can call nothing, to compare its verdicts with native ones.
//!
//! It exports `memory`, `allocate(len) -> pointer` and `call(pointer, len) -> pointer << 32 | len`; request and response are
//! bytes in its memory.

use crate::code::TrustedCode;
use crate::error::{RefusalCode, Refused};
use crate::failure::{self, failure};
use crate::imports::{Limiter, limit};
use crate::limits::CallLimits;
use crate::runtime::Runtime;
use engine::rule::{FailureCode, RuleFailure};
use std::sync::Arc;
use wasmtime::{ExternType, InstancePre, Linker, Memory, Module, Store, TypedFunc, ValType};

/// `engine.wasm`, ready to run.
pub struct EngineModule {
    runtime: Arc<Runtime>,
    instance: InstancePre<Limiter>,
    limits: CallLimits,
    hash: String,
}

/// What the module exports, in one store.
struct Exports {
    memory: Memory,
    allocate: TypedFunc<u32, u32>,
    call: TypedFunc<(u32, u32), u64>,
}

impl EngineModule {
    pub(crate) fn new(
        runtime: &Arc<Runtime>,
        hash: String,
        code: &TrustedCode,
        limits: &CallLimits,
    ) -> Result<Self, Refused> {
        let module = code
            .module(runtime.engine_for_modules())
            .map_err(|error| Refused::new(RefusalCode::CompileFailed, format!("the code cannot be loaded: {error}")))?;
        check_exports(&module)?;
        let instance = Linker::new(runtime.engine_for_modules())
            .instantiate_pre(&module)
            .map_err(|error| Refused::new(RefusalCode::LinkFailed, format!("{error:#}")))?;
        Ok(Self { runtime: Arc::clone(runtime), instance, limits: limits.clone(), hash })
    }

    /// SHA-256 of the binary, lower-case hex.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Sends one request to a fresh instance and returns its response.
    ///
    /// # Errors
    /// The module trapped, ran out of fuel, time or memory, or answered outside of its memory.
    pub fn call(&self, request: &[u8]) -> Result<Vec<u8>, RuleFailure> {
        if request.len() > self.limits.input_bytes {
            let detail = format!("{} bytes, at most {} are allowed", request.len(), self.limits.input_bytes);
            return Err(failure(FailureCode::Limit, detail));
        }
        let length = u32::try_from(request.len())
            .map_err(|_| failure(FailureCode::Limit, "more bytes than its memory can hold"))?;
        let mut store = Store::new(self.runtime.engine_for_modules(), Limiter::new(&self.limits));
        let instance = limit(&mut store, &self.limits)
            .and_then(|()| self.instance.instantiate(&mut store))
            .map_err(|error| failure::of_instantiation(&error))?;
        let exports = Exports::find(&mut store, &instance)?;
        let pointer = exports.allocate.call(&mut store, length).map_err(|error| failure::of_call(&error))?;
        exports
            .memory
            .write(&mut store, pointer as usize, request)
            .map_err(|_| failure(FailureCode::MalformedOutput, "`allocate` points outside of memory"))?;
        let response = exports.call.call(&mut store, (pointer, length)).map_err(|error| failure::of_call(&error))?;
        self.response(exports.memory.data(&store), response)
    }

    /// The bytes that `pointer << 32 | length` names.
    fn response(&self, memory: &[u8], response: u64) -> Result<Vec<u8>, RuleFailure> {
        let start = usize::try_from(response >> 32).unwrap_or(usize::MAX);
        let length = usize::try_from(response & u64::from(u32::MAX)).unwrap_or(usize::MAX);
        if length > self.limits.output_bytes {
            let detail = format!("{length} bytes, at most {} are allowed", self.limits.output_bytes);
            return Err(failure(FailureCode::OutputTooLarge, detail));
        }
        memory
            .get(start..start.saturating_add(length))
            .map(<[u8]>::to_vec)
            .ok_or_else(|| failure(FailureCode::MalformedOutput, "the response lies outside of memory"))
    }
}

impl Exports {
    fn find(store: &mut Store<Limiter>, instance: &wasmtime::Instance) -> Result<Self, RuleFailure> {
        let missing = |name: &str| failure(FailureCode::MalformedOutput, format!("no export `{name}`"));
        let memory = instance.get_memory(&mut *store, "memory").ok_or_else(|| missing("memory"))?;
        let allocate = instance.get_typed_func(&mut *store, "allocate").map_err(|_| missing("allocate"))?;
        let call = instance.get_typed_func(&mut *store, "call").map_err(|_| missing("call"))?;
        Ok(Self { memory, allocate, call })
    }
}

/// Looks at the types without running anything.
fn check_exports(module: &Module) -> Result<(), Refused> {
    let is = |name: &str, parameters: usize, result: fn(&ValType) -> bool| {
        let Some(ExternType::Func(function)) = module.get_export(name) else { return false };
        function.params().len() == parameters
            && function.params().all(|parameter| parameter.is_i32())
            && function.results().len() == 1
            && function.results().all(|found| result(&found))
    };
    let memory = matches!(module.get_export("memory"), Some(ExternType::Memory(_)));
    if memory && is("allocate", 1, ValType::is_i32) && is("call", 2, ValType::is_i64) {
        return Ok(());
    }
    let detail =
        "engine.wasm must export `memory`, `allocate(len) -> pointer` and `call(pointer, len) -> pointer and len`";
    Err(Refused::new(RefusalCode::LinkFailed, detail))
}
