//! `wit/since_v1/` as Rust types, and where its functions are in a component.
//!
//! Exports are an optional subset, so they are looked up by hand. Lookup knows semantic versions: asking for 1.0.0 finds
//! any 1.x.y. A later major version gets a file of its own beside this one; this one then stays as it is.

use crate::error::{RefusalCode, Refused};
use engine::rule::Interface;
use wasmtime::Store;
use wasmtime::component::{Component, ComponentExportIndex, ComponentType, Instance, Lift, TypedFunc};

/// `types.finding`
#[derive(Clone, Debug, ComponentType, Lift)]
#[component(record)]
pub(crate) struct Finding {
    pub(crate) code: String,
    pub(crate) severity: String,
    pub(crate) pointer: String,
    pub(crate) params: String,
    pub(crate) weight: u32,
    pub(crate) evidence: Vec<String>,
    pub(crate) ext: String,
}

/// `types.error`
#[derive(Clone, Debug, ComponentType, Lift)]
#[component(record)]
pub(crate) struct Error {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) retryable: bool,
}

/// `types.part`
#[derive(Clone, Debug, ComponentType, Lift)]
#[component(record)]
pub(crate) struct Part {
    pub(crate) id: String,
    pub(crate) value: Option<f64>,
    pub(crate) detail: String,
}

/// `types.scorecard`
#[derive(Clone, Debug, ComponentType, Lift)]
#[component(record)]
pub(crate) struct Scorecard {
    pub(crate) parts: Vec<Part>,
    pub(crate) marks: Vec<String>,
    pub(crate) ext: String,
}

/// `manifest.describe`
pub(crate) type Describe = TypedFunc<(), (String,)>;

/// `validate.run` and `assess.run`: rule, input.
pub(crate) type Judge<'a> = TypedFunc<(&'a str, &'a str), (Result<Vec<Finding>, Error>,)>;

/// `score.run`: rule, input.
pub(crate) type Score<'a> = TypedFunc<(&'a str, &'a str), (Result<Scorecard, Error>,)>;

/// Where the functions of a component are.
pub(crate) struct Exports {
    describe: ComponentExportIndex,
    validate: Option<ComponentExportIndex>,
    assess: Option<ComponentExportIndex>,
    score: Option<ComponentExportIndex>,
}

impl Exports {
    pub(crate) fn find(component: &Component) -> Result<Self, Refused> {
        let function = |interface: &str, name: &str| {
            let instance = component.get_export_index(None, interface)?;
            component.get_export_index(Some(&instance), name)
        };
        let Some(describe) = function("sopwith:plugin/manifest@1.0.0", "describe") else {
            let detail = "it does not export sopwith:plugin/manifest@1 with the function `describe`";
            return Err(Refused::new(RefusalCode::NoManifest, detail));
        };
        Ok(Self {
            describe,
            validate: function("sopwith:plugin/validate@1.0.0", "run"),
            assess: function("sopwith:plugin/assess@1.0.0", "run"),
            score: function("sopwith:plugin/score@1.0.0", "run"),
        })
    }

    /// Which of the three kinds of rule are exported.
    pub(crate) fn interfaces(&self) -> Vec<Interface> {
        [(Interface::Validate, &self.validate), (Interface::Assess, &self.assess), (Interface::Score, &self.score)]
            .into_iter()
            .filter(|(_, export)| export.is_some())
            .map(|(interface, _)| interface)
            .collect()
    }

    pub(crate) fn describe<T: 'static>(&self, store: &mut Store<T>, instance: &Instance) -> wasmtime::Result<Describe> {
        instance.get_typed_func(store, self.describe)
    }

    /// `validate.run` or `assess.run`; none if not exported.
    pub(crate) fn judge<'a, T: 'static>(
        &self,
        store: &mut Store<T>,
        instance: &Instance,
        interface: Interface,
    ) -> Option<wasmtime::Result<Judge<'a>>> {
        let export = match interface {
            Interface::Validate => self.validate.as_ref(),
            Interface::Assess => self.assess.as_ref(),
            Interface::Score => None,
        }?;
        Some(instance.get_typed_func(store, export))
    }

    /// `score.run`; none if not exported.
    pub(crate) fn score<'a, T: 'static>(
        &self,
        store: &mut Store<T>,
        instance: &Instance,
    ) -> Option<wasmtime::Result<Score<'a>>> {
        self.score.as_ref().map(|export| instance.get_typed_func(store, export))
    }

    /// Every function that is there has the type the contract gives it.
    pub(crate) fn check_types<T: 'static>(&self, store: &mut Store<T>, instance: &Instance) -> Result<(), Refused> {
        let wrong = |interface: &str, error: &wasmtime::Error| {
            Refused::new(RefusalCode::LinkFailed, format!("{interface}: {error:#}"))
        };
        self.describe(store, instance).map_err(|error| wrong("manifest.describe", &error))?;
        for interface in [Interface::Validate, Interface::Assess] {
            if let Some(Err(error)) = self.judge(store, instance, interface) {
                return Err(wrong(
                    if interface == Interface::Validate { "validate.run" } else { "assess.run" },
                    &error,
                ));
            }
        }
        if let Some(Err(error)) = self.score(store, instance) {
            return Err(wrong("score.run", &error));
        }
        Ok(())
    }
}
