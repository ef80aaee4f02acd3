//! Reads a binary before anything compiles it, and says in plain words what is wrong with it.
//!
//! A plugin is a component whose import list is its permission request: `log`, `dataset` and the types they share, nothing
//! else. Nested components may rename and type exports, as every component encoder makes them do, but hold no code:
//! component-to-component calls and their string adapters are out of reach. `engine.wasm` is a core module without imports.

use crate::code::sha256;
use crate::error::{RefusalCode, Refused};
use crate::limits::ShapeLimits;
use semver::Version;
use wasmparser::{
    BinaryReaderError, CanonicalFunction, ComponentImport, ComponentInstance, ComponentTypeRef, Encoding,
    FuncValidatorAllocations, Instance, Parser, Payload, ValidPayload, Validator, WasmFeatures,
};

/// The interfaces of `sopwith:plugin` a plugin may import. `types` has no functions.
const IMPORTS: [&str; 3] = ["log", "dataset", "types"];

/// What compilers of rules use today; runtime.rs switches on the same list, and SIMD for engine.wasm.
const FEATURES: WasmFeatures = WasmFeatures::MUTABLE_GLOBAL
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::REFERENCE_TYPES)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::FLOATS)
    .union(WasmFeatures::TAIL_CALL)
    .union(WasmFeatures::COMPONENT_MODEL);

const WASM_PAGE_BYTES: u64 = 64 * 1024;

/// Of what this module refuses. Higher whenever it refuses more: code that was let through before is then checked again.
const REVISION: u8 = 1;

/// What code that was checked here and compiled by an engine of this compatibility is known by.
pub(crate) fn made_by(engine: &[u8; 32], limits: [&ShapeLimits; 2]) -> [u8; 32] {
    let limits = format!("{limits:?}");
    sha256(&[engine.as_slice(), &[REVISION], &FEATURES.bits().to_le_bytes(), limits.as_bytes()].concat())
}

/// A plugin.
pub(crate) fn check_component(wasm: &[u8], limits: &ShapeLimits) -> Result<(), Refused> {
    if !Parser::is_component(wasm) {
        let what = if Parser::is_core_wasm(wasm) { "a core module" } else { "not WebAssembly" };
        let detail = format!("a plugin is a WebAssembly component, this is {what}");
        return Err(Refused::new(RefusalCode::NotAComponent, detail));
    }
    Survey::new(limits).read(wasm, FEATURES)
}

/// `engine.wasm`.
pub(crate) fn check_engine_module(wasm: &[u8], limits: &ShapeLimits) -> Result<(), Refused> {
    if !Parser::is_core_wasm(wasm) {
        return Err(Refused::new(RefusalCode::NotAComponent, "engine.wasm is a core module, this is not"));
    }
    // PURE: with nothing to call, its answer depends on its arguments only.
    // A library of the engine brings SIMD of its own; it is our code, and plain SIMD gives the same bits everywhere.
    Survey::new(&ShapeLimits { module_imports: 0, ..limits.clone() }).read(wasm, FEATURES.union(WasmFeatures::SIMD))
}

/// Before anything else looks at it.
pub(crate) fn check_size(wasm: &[u8], limits: &ShapeLimits) -> Result<(), Refused> {
    if wasm.len() <= limits.bytes {
        return Ok(());
    }
    let detail = format!("{} bytes, at most {} are allowed", wasm.len(), limits.bytes);
    Err(Refused::new(RefusalCode::TooLarge, detail))
}

/// What has been seen so far, against what is allowed.
struct Survey<'a> {
    limits: &'a ShapeLimits,
    /// The binaries around the one being read, itself last.
    open: Vec<Encoding>,
    modules: usize,
    components: usize,
    core_instances: usize,
    instances: usize,
    functions: usize,
    globals: usize,
    tables: usize,
    memories: usize,
}

impl<'a> Survey<'a> {
    fn new(limits: &'a ShapeLimits) -> Self {
        Self {
            limits,
            open: Vec::new(),
            modules: 0,
            components: 0,
            core_instances: 0,
            instances: 0,
            functions: 0,
            globals: 0,
            tables: 0,
            memories: 0,
        }
    }

    /// Shape first, then validity, payload by payload: a bomb is refused before it costs anything.
    fn read(mut self, wasm: &[u8], features: WasmFeatures) -> Result<(), Refused> {
        let mut parser = Parser::new(0);
        parser.set_features(features);
        let mut validator = Validator::new_with_features(features);
        let mut allocations = FuncValidatorAllocations::default();
        for payload in parser.parse_all(wasm) {
            let payload = payload.map_err(invalid)?;
            self.look_at(&payload)?;
            if let ValidPayload::Func(function, body) = validator.payload(&payload).map_err(invalid)? {
                let mut function = function.into_validator(allocations);
                function.validate(&body).map_err(invalid)?;
                allocations = function.into_allocations();
            }
        }
        Ok(())
    }

    fn look_at(&mut self, payload: &Payload<'_>) -> Result<(), Refused> {
        match payload {
            Payload::Version { encoding, .. } => self.opened(*encoding),
            Payload::End(_) => {
                self.open.pop();
                Ok(())
            }
            Payload::ComponentImportSection(imports) if self.open.len() == 1 => {
                imports.clone().into_iter().try_for_each(|import| check_import(&import.map_err(invalid)?))
            }
            Payload::InstanceSection(instances) => {
                instances.clone().into_iter().try_for_each(|instance| self.core_instance(&instance.map_err(invalid)?))
            }
            Payload::ComponentInstanceSection(instances) => {
                instances.clone().into_iter().try_for_each(|instance| self.instance(&instance.map_err(invalid)?))
            }
            Payload::ComponentCanonicalSection(functions) => {
                functions.clone().into_iter().try_for_each(|function| self.canonical(&function.map_err(invalid)?))
            }
            Payload::ImportSection(imports) => {
                at_most("imports of one module", imports.count() as usize, self.limits.module_imports)
            }
            Payload::FunctionSection(functions) => {
                self.functions += functions.count() as usize;
                at_most("functions", self.functions, self.limits.functions)
            }
            Payload::GlobalSection(globals) => {
                self.globals += globals.count() as usize;
                at_most("globals", self.globals, self.limits.globals)
            }
            Payload::CodeSectionEntry(body) => {
                let range = body.range();
                let bytes = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
                at_most("bytes of one function", bytes, self.limits.function_bytes)
            }
            Payload::TableSection(tables) => {
                self.tables += tables.count() as usize;
                at_most("tables", self.tables, self.limits.tables)?;
                tables.clone().into_iter().try_for_each(|table| {
                    let initial = usize::try_from(table.map_err(invalid)?.ty.initial).unwrap_or(usize::MAX);
                    at_most("elements a table starts with", initial, self.limits.initial_table_elements)
                })
            }
            Payload::MemorySection(memories) => {
                self.memories += memories.count() as usize;
                at_most("memories", self.memories, self.limits.memories)?;
                memories.clone().into_iter().try_for_each(|memory| {
                    let bytes = memory.map_err(invalid)?.initial.saturating_mul(WASM_PAGE_BYTES);
                    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
                    at_most("bytes a memory starts with", bytes, self.limits.initial_memory_bytes)
                })
            }
            _ => Ok(()),
        }
    }

    /// A module or component begins: the outermost, or one within.
    fn opened(&mut self, encoding: Encoding) -> Result<(), Refused> {
        let depth = self.open.len();
        self.open.push(encoding);
        match encoding {
            Encoding::Module => {
                self.modules += 1;
                at_most("core modules", self.modules, self.limits.modules)?;
                forbid(depth > 1, "a nested component holds a core module")
            }
            Encoding::Component => {
                forbid(depth > 1, "a nested component holds another component")?;
                self.components += usize::from(depth == 1);
                at_most("nested components", self.components, self.limits.components)
            }
        }
    }

    fn core_instance(&mut self, instance: &Instance<'_>) -> Result<(), Refused> {
        forbid(self.open.len() > 1, "a nested component instantiates code")?;
        if matches!(instance, Instance::Instantiate { .. }) {
            self.core_instances += 1;
        }
        at_most("instances of core modules", self.core_instances, self.limits.instances)
    }

    fn instance(&mut self, instance: &ComponentInstance<'_>) -> Result<(), Refused> {
        if matches!(instance, ComponentInstance::Instantiate { .. }) {
            self.instances += 1;
        }
        at_most("instances of components", self.instances, self.limits.instances)
    }

    fn canonical(&self, function: &CanonicalFunction) -> Result<(), Refused> {
        forbid(self.open.len() > 1, "a nested component converts functions")?;
        match function {
            CanonicalFunction::Lift { .. } | CanonicalFunction::Lower { .. } => Ok(()),
            _ => forbid(true, "it uses resources or async, and a rule is a plain function"),
        }
    }
}

fn check_import(import: &ComponentImport<'_>) -> Result<(), Refused> {
    let name = import.name.name;
    if is_allowed_import(name) && matches!(import.ty, ComponentTypeRef::Instance(_)) {
        return Ok(());
    }
    let name: String = name.chars().take(200).collect();
    let detail = format!("it imports `{name}`; only sopwith:plugin/log@1 and sopwith:plugin/dataset@1 can be had");
    Err(Refused::new(RefusalCode::ImportNotAllowed, detail))
}

/// Any release 1.x of one of ours.
fn is_allowed_import(name: &str) -> bool {
    let Some((interface, version)) = name.strip_prefix("sopwith:plugin/").and_then(|rest| rest.split_once('@')) else {
        return false;
    };
    IMPORTS.contains(&interface)
        && Version::parse(version).is_ok_and(|version| version.major == 1 && version.pre.is_empty())
}

fn at_most(what: &str, found: usize, limit: usize) -> Result<(), Refused> {
    if found <= limit {
        return Ok(());
    }
    Err(Refused::new(RefusalCode::OverLimits, format!("{what}: {found} or more, at most {limit} are allowed")))
}

fn forbid(found: bool, what: &str) -> Result<(), Refused> {
    if found { Err(Refused::new(RefusalCode::NotAllowed, what)) } else { Ok(()) }
}

fn invalid(error: BinaryReaderError) -> Refused {
    Refused::new(RefusalCode::Invalid, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::is_allowed_import;

    #[test]
    fn imports_are_two_interfaces_and_their_types_in_any_release_1() {
        for name in ["sopwith:plugin/log@1.0.0", "sopwith:plugin/dataset@1.7.2", "sopwith:plugin/types@1.0.0"] {
            assert!(is_allowed_import(name), "{name}");
        }
        for name in [
            "sopwith:plugin/log",
            "sopwith:plugin/log@2.0.0",
            "sopwith:plugin/log@0.9.0",
            "sopwith:plugin/log@1.0.0-rc.1",
            "sopwith:plugin/log@1",
            "sopwith:plugin/http@1.0.0",
            "sopwith:plugins/log@1.0.0",
            "wasi:cli/stdout@0.2.0",
            "log",
            "",
        ] {
            assert!(!is_allowed_import(name), "{name}");
        }
    }
}
