//! `sopwith plugin seal`: a component of some language's tool chain, closed so that a sandbox takes it.
//!
//! Such a component asks for WASI (files, clocks, the terminal), because the language's library does; a rule has none of it.
//! Sealing puts one core module of functions that trap in the place of every import that is not the contract's, drops what
//! only described those imports, and takes the part with the code out of wrappers around it. The code itself is copied byte
//! for byte. Whether the outcome may run is for `sopwith plugin check` to say.

mod plan;

use crate::cli::SealArguments;
use anyhow::{Context as _, anyhow, ensure};
use plan::{Fate, Plan};
use std::convert::Infallible;
use wasm_encoder::reencode::component_utils::{component_alias, parse_component_payload};
use wasm_encoder::reencode::{Error, Reencode, ReencodeComponent, RoundtripReencoder};
use wasm_encoder::{
    Alias, CanonicalFunctionSection, CodeSection, Component, ComponentAliasSection, ComponentExportSection,
    ComponentImportSection, ComponentSectionId, ComponentTypeSection, ExportKind, ExportSection, Function,
    FunctionSection, InstanceSection, Instruction, Module, ModuleArg, ModuleSection, RawSection, TypeSection,
};
use wasmparser::{FuncType, Parser, Payload, Validator, WasmFeatures};

/// Interfaces of the contract start so.
const CONTRACT: &str = "sopwith:";

/// Runs the command.
///
/// # Errors
/// When the file is no component, holds no rule, or a file cannot be read or written.
pub fn run(arguments: &SealArguments) -> anyhow::Result<bool> {
    let name = arguments.component.display().to_string();
    let component = std::fs::read(&arguments.component).with_context(|| name.clone())?;
    let (sealed, closed) = seal(&component).with_context(|| name.clone())?;
    let out = arguments.out.clone().unwrap_or_else(|| arguments.component.with_extension("sealed.wasm"));
    std::fs::write(&out, &sealed).with_context(|| out.display().to_string())?;
    println!("{} ({} bytes)", out.display(), sealed.len());
    for import in closed {
        println!("  traps: {import}");
    }
    Ok(true)
}

/// The component with nothing but the contract's imports, and the names of those that are closed.
fn seal(component: &[u8]) -> anyhow::Result<(Vec<u8>, Vec<String>)> {
    ensure!(Parser::is_component(component), "this is not a WebAssembly component");
    let within = part_with_code(component)?;
    let plan = Plan::of(within)?;
    let closed = plan.closed.clone();
    let mut sealing = Sealing { plan, depth: 0, next: 0 };
    let mut sealed = Component::new();
    sealing.stubs(&mut sealed)?;
    let written = sealing.parse_component(&mut sealed, Parser::new(0), within);
    written.map_err(|error| anyhow!("{error}"))?;
    let sealed = sealed.finish();
    Validator::new_with_features(WasmFeatures::all())
        .validate_all(&sealed)
        .context("its own interfaces need what is closed")?;
    Ok((sealed, closed))
}

/// The component whose core modules are the code: the outermost, or the one nested component that exports the contract.
fn part_with_code(component: &[u8]) -> anyhow::Result<&[u8]> {
    let mut depth = 0;
    let (mut has_code, mut nested, mut open) = (false, Vec::new(), None);
    for payload in Parser::new(0).parse_all(component) {
        match payload? {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ModuleSection { .. } if depth == 1 => has_code = true,
            Payload::ComponentSection { unchecked_range, .. } if depth == 1 => open = Some(unchecked_range),
            Payload::ComponentExportSection(exports) if depth == 2 => {
                for export in exports {
                    if export?.name.name.starts_with(CONTRACT) {
                        nested.extend(open.take());
                    }
                }
            }
            _ => {}
        }
    }
    match (has_code, nested.as_slice()) {
        (true, _) => Ok(component),
        (false, [range]) => {
            let range = usize::try_from(range.start)?..usize::try_from(range.end)?;
            component.get(range).context("it is cut short")
        }
        (false, _) => Err(anyhow!("no part of it, or more than one, exports {CONTRACT}plugin")),
    }
}

/// Writes the component anew by the plan. Modules and core instances move by one, for that of the stubs comes first.
struct Sealing {
    plan: Plan,
    /// Types of instances and components around what is being written.
    depth: u32,
    /// The next item of those with a fate.
    next: usize,
}

impl Sealing {
    /// The core module of functions that trap, and its instance.
    fn stubs(&self, component: &mut Component) -> anyhow::Result<()> {
        let (mut types, mut functions) = (TypeSection::new(), FunctionSection::new());
        let (mut exports, mut code) = (ExportSection::new(), CodeSection::new());
        for (number, of) in (0..).zip(&self.plan.stubs) {
            let values = |of: &[wasmparser::ValType]| -> Result<Vec<_>, _> {
                of.iter().map(|of| RoundtripReencoder.val_type(*of)).collect()
            };
            let of: &FuncType = of;
            let converted = |of| values(of).map_err(|error| anyhow!("{error}"));
            types.ty().function(converted(of.params())?, converted(of.results())?);
            functions.function(number);
            exports.export(&stub(number), ExportKind::Func, number);
            let mut body = Function::new([]);
            body.instruction(&Instruction::Unreachable).instruction(&Instruction::End);
            code.function(&body);
        }
        let mut module = Module::new();
        module.section(&types).section(&functions).section(&exports).section(&code);
        component.section(&ModuleSection(&module));
        let mut instances = InstanceSection::new();
        instances.instantiate(0, std::iter::empty::<(&str, ModuleArg)>());
        component.section(&instances);
        Ok(())
    }

    fn fate(&mut self) -> Fate {
        self.next += 1;
        self.plan.fates.get(self.next - 1).copied().unwrap_or(Fate::Kept)
    }
}

impl Reencode for Sealing {
    type Error = Infallible;
}

impl ReencodeComponent for Sealing {
    fn push_depth(&mut self) {
        self.depth += 1;
    }

    fn pop_depth(&mut self) {
        self.depth -= 1;
    }

    fn component_type_index(&mut self, index: u32) -> u32 {
        if self.depth == 0 { self.plan.types.moved(index) } else { index }
    }

    fn outer_component_type_index(&mut self, count: u32, index: u32) -> u32 {
        if self.depth == count { self.plan.types.moved(index) } else { index }
    }

    fn component_func_index(&mut self, index: u32) -> u32 {
        self.plan.functions.moved(index)
    }

    fn component_instance_index(&mut self, index: u32) -> u32 {
        self.plan.instances.moved(index)
    }

    fn module_index(&mut self, index: u32) -> u32 {
        index + 1
    }

    fn instance_index(&mut self, index: u32) -> u32 {
        index + 1
    }

    /// Each item whose fate the plan knows becomes a section of its own; code and renaming components are copied.
    fn parse_component_payload(
        &mut self,
        component: &mut Component,
        payload: Payload<'_>,
        whole: &[u8],
    ) -> Result<(), Error<Self::Error>> {
        match payload {
            Payload::ModuleSection { unchecked_range, .. } => {
                copy(component, ComponentSectionId::CoreModule, whole, &unchecked_range);
            }
            Payload::ComponentSection { unchecked_range, .. } => {
                copy(component, ComponentSectionId::Component, whole, &unchecked_range);
            }
            Payload::ComponentTypeSection(items) => {
                for item in items {
                    let (item, mut section) = (item?, ComponentTypeSection::new());
                    if matches!(self.fate(), Fate::Kept) {
                        self.parse_component_type(section.ty(), item)?;
                        component.section(&section);
                    }
                }
            }
            Payload::ComponentImportSection(items) => {
                for item in items {
                    let (item, mut section) = (item?, ComponentImportSection::new());
                    if matches!(self.fate(), Fate::Kept) {
                        section.import(item.name, self.component_type_ref(item.ty)?);
                        component.section(&section);
                    }
                }
            }
            Payload::ComponentAliasSection(items) => {
                for item in items {
                    let (item, mut section) = (item?, ComponentAliasSection::new());
                    if matches!(self.fate(), Fate::Kept) {
                        section.alias(component_alias(self, item)?);
                        component.section(&section);
                    }
                }
            }
            Payload::ComponentCanonicalSection(items) => {
                for item in items {
                    let item = item?;
                    match self.fate() {
                        Fate::Kept => {
                            let mut section = CanonicalFunctionSection::new();
                            self.parse_component_canonical(&mut section, item)?;
                            component.section(&section);
                        }
                        Fate::Stub(number) => {
                            let mut section = ComponentAliasSection::new();
                            let name = &stub(number);
                            section.alias(Alias::CoreInstanceExport { instance: 0, kind: ExportKind::Func, name });
                            component.section(&section);
                        }
                        Fate::Gone => {}
                    }
                }
            }
            Payload::ComponentExportSection(items) => {
                for item in items {
                    let (item, mut section) = (item?, ComponentExportSection::new());
                    if matches!(self.fate(), Fate::Kept) {
                        self.parse_component_export(&mut section, item)?;
                        component.section(&section);
                    }
                }
            }
            // Names of what may be gone.
            Payload::CustomSection(_) => {}
            other => parse_component_payload(self, component, other, whole)?,
        }
        Ok(())
    }
}

/// What a stub is exported as.
fn stub(number: u32) -> String {
    format!("stub-{number}")
}

fn copy(component: &mut Component, id: ComponentSectionId, whole: &[u8], range: &std::ops::Range<u64>) {
    let at = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
    if let Some(data) = whole.get(at(range.start)..at(range.end)) {
        component.section(&RawSection { id: id.into(), data });
    }
}
