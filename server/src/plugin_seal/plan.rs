//! What becomes of each item of a component that is sealed.

use super::CONTRACT;
use anyhow::Context as _;
use wasmparser::{
    CanonicalFunction, ComponentAlias, ComponentExternalKind, ComponentTypeRef, ExternalKind, FuncType, Parser,
    Payload, Validator, WasmFeatures,
};

/// What becomes of a type, import, alias, canonical function or export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It stays as it is.
    Kept,
    /// It goes, and the indices after it move up.
    Gone,
    /// The core function it made is this one of the stubs; its index stays.
    Stub(u32),
}

/// What becomes of everything, in the order of the component.
#[derive(Default)]
pub struct Plan {
    /// Of types, imports, aliases, canonical functions and exports, each in its turn.
    pub fates: Vec<Fate>,
    /// Types of the component.
    pub types: Space,
    /// Its functions.
    pub functions: Space,
    /// Its instances.
    pub instances: Space,
    /// Signatures of the functions that trap.
    pub stubs: Vec<FuncType>,
    /// Imports that are closed.
    pub closed: Vec<String>,
    /// Where in `fates` each type was defined, if it was.
    defined: Vec<Option<usize>>,
    core_functions: u32,
}

/// Items of one kind, each with whether it goes.
#[derive(Default)]
pub struct Space(Vec<bool>);

impl Space {
    /// Where an item is when those before it that go are gone; nowhere if it goes itself, which validation then finds.
    pub fn moved(&self, index: u32) -> u32 {
        let before = self.0.iter().take(index as usize).filter(|gone| **gone).count();
        if self.goes(index) { u32::MAX } else { index - u32::try_from(before).unwrap_or(0) }
    }

    fn goes(&self, index: u32) -> bool {
        self.0.get(index as usize).copied().unwrap_or(false)
    }
}

impl Plan {
    /// Reads a component and decides.
    ///
    /// # Errors
    /// It is not valid.
    pub fn of(component: &[u8]) -> anyhow::Result<Self> {
        let valid = Validator::new_with_features(WasmFeatures::all()).validate_all(component)?;
        let mut plan = Self::default();
        let mut trapping = Vec::new();
        let mut depth = 0;
        for payload in Parser::new(0).parse_all(component) {
            match payload? {
                Payload::Version { .. } => depth += 1,
                Payload::End(_) => depth -= 1,
                _ if depth != 1 => {}
                Payload::ComponentTypeSection(types) => {
                    for _ in types {
                        plan.defined.push(Some(plan.fates.len()));
                        plan.types.0.push(false);
                        plan.fates.push(Fate::Kept);
                    }
                }
                Payload::ComponentImportSection(imports) => {
                    for import in imports {
                        let import = import?;
                        plan.import(import.name.name, import.ty);
                    }
                }
                Payload::ComponentAliasSection(aliases) => aliases.into_iter().try_for_each(|alias| {
                    plan.alias(&alias?);
                    anyhow::Ok(())
                })?,
                Payload::ComponentCanonicalSection(functions) => functions.into_iter().try_for_each(|function| {
                    trapping.extend(plan.canonical(&function?));
                    anyhow::Ok(())
                })?,
                Payload::ComponentInstanceSection(instances) => {
                    plan.instances.0.extend(instances.into_iter().map(|_| false));
                }
                Payload::ComponentExportSection(exports) => {
                    for export in exports {
                        let export = export?;
                        plan.export(export.name.name, export.kind);
                    }
                }
                _ => {}
            }
        }
        for index in trapping {
            let of = valid.as_ref().core_function_at(index);
            plan.stubs.push(valid.as_ref().get(of).context("a core function without a type")?.unwrap_func().clone());
        }
        Ok(plan)
    }

    fn import(&mut self, name: &str, ty: ComponentTypeRef) {
        let goes = !name.starts_with(CONTRACT);
        if goes {
            self.closed.push(name.to_owned());
            if let ComponentTypeRef::Instance(of) | ComponentTypeRef::Func(of) = ty {
                self.drop_type(of);
            }
        }
        self.add(kind_of(ty), goes);
        self.fates.push(if goes { Fate::Gone } else { Fate::Kept });
    }

    /// A type that described what goes.
    fn drop_type(&mut self, index: u32) {
        if let Some(Some(at)) = self.defined.get(index as usize).copied()
            && let (Some(goes), Some(fate)) = (self.types.0.get_mut(index as usize), self.fates.get_mut(at))
        {
            *goes = true;
            *fate = Fate::Gone;
        }
    }

    fn alias(&mut self, alias: &ComponentAlias<'_>) {
        let goes = match alias {
            ComponentAlias::InstanceExport { kind, instance_index, .. } => {
                let goes = self.instances.goes(*instance_index);
                self.add(Some(*kind), goes);
                goes
            }
            ComponentAlias::CoreInstanceExport { kind, .. } => {
                self.core_functions += u32::from(*kind == ExternalKind::Func);
                false
            }
            ComponentAlias::Outer { .. } => false,
        };
        self.fates.push(if goes { Fate::Gone } else { Fate::Kept });
    }

    /// The index of the core function that traps from now on.
    fn canonical(&mut self, function: &CanonicalFunction) -> Option<u32> {
        let closed = match function {
            CanonicalFunction::Lift { .. } => {
                self.add(Some(ComponentExternalKind::Func), false);
                self.fates.push(Fate::Kept);
                return None;
            }
            CanonicalFunction::Lower { func_index, .. } => self.functions.goes(*func_index),
            CanonicalFunction::ResourceDrop { resource } => self.types.goes(*resource),
            _ => false,
        };
        self.core_functions += 1;
        let n_stubs = self.fates.iter().filter(|fate| matches!(fate, Fate::Stub(_))).count();
        self.fates.push(if closed { Fate::Stub(u32::try_from(n_stubs).unwrap_or(u32::MAX)) } else { Fate::Kept });
        closed.then_some(self.core_functions - 1)
    }

    /// A tool chain's own exports go, for nobody calls them.
    fn export(&mut self, name: &str, kind: ComponentExternalKind) {
        let goes = !name.starts_with(CONTRACT);
        self.add(Some(kind), goes);
        self.fates.push(if goes { Fate::Gone } else { Fate::Kept });
    }

    fn add(&mut self, kind: Option<ComponentExternalKind>, goes: bool) {
        match kind {
            Some(ComponentExternalKind::Type) => {
                self.defined.push(None);
                self.types.0.push(goes);
            }
            Some(ComponentExternalKind::Func) => self.functions.0.push(goes),
            Some(ComponentExternalKind::Instance) => self.instances.0.push(goes),
            _ => {}
        }
    }
}

const fn kind_of(ty: ComponentTypeRef) -> Option<ComponentExternalKind> {
    match ty {
        ComponentTypeRef::Func(_) => Some(ComponentExternalKind::Func),
        ComponentTypeRef::Type(_) => Some(ComponentExternalKind::Type),
        ComponentTypeRef::Instance(_) => Some(ComponentExternalKind::Instance),
        _ => None,
    }
}
