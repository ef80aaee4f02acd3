//! The effective SOP: a document with its parameters resolved and everything it refers to pinned and compiled.
//!
//! A run pins one effective SOP by hash and never changes it by itself (PINNED). Compiling happens here once; judging
//! only evaluates. What is wrong with a document is `lint.rs`.

use crate::canon;
use crate::condition::{Condition, EvalError, References, Roots};
use crate::form::{CompiledForm, FormProblem};
use crate::lint::{self, Problem};
use crate::parts::{Afresh, Parts};
use crate::rule::{Manifest, RuleManifest};
use crate::sop::{Computed, Sop, Step};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A plugin a run is pinned to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PluginPin {
    /// SHA-256 of the component, lower-case hex.
    pub hash: String,
    /// What it says of itself.
    pub manifest: Manifest,
}

/// A dataset version a run is pinned to; its rows stay outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DatasetPin {
    /// SHA-256 of the canonical dataset, lower-case hex.
    pub hash: String,
    /// Version, for people.
    pub version: String,
    /// First business date it holds for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<String>,
    /// Last business date it holds for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_to: Option<String>,
}

/// The hashes a run is pinned to, as its `started` event records them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Pins {
    /// Name and version of the SOP, for people.
    pub sop: String,
    /// Hash of the effective SOP: document and parameters.
    pub sop_hash: String,
    /// Component hash by plugin name.
    pub plugins: BTreeMap<String, String>,
    /// Dataset hash by name.
    pub datasets: BTreeMap<String, String>,
    /// Hash of the engine.
    pub engine: String,
}

/// See the module header.
pub struct EffectiveSop {
    /// The document.
    pub sop: Arc<Sop>,
    /// Hash of document and parameters.
    pub hash: String,
    /// Plugins by name.
    pub plugins: BTreeMap<String, PluginPin>,
    /// Datasets by name.
    pub datasets: BTreeMap<String, DatasetPin>,
    /// Parameters: defaults with the tenant's values over them.
    pub parameters: Map<String, Value>,
    /// The same, shared by the contexts of conditions.
    pub(crate) parameters_root: Arc<Value>,
    conditions: Arc<BTreeMap<String, Arc<Condition>>>,
    sights: Arc<BTreeMap<String, Sight>>,
    forms: Arc<BTreeMap<String, Arc<CompiledForm>>>,
    customer_fields: Option<Arc<CompiledForm>>,
    /// Step indexes so that every step comes after those it waits for.
    order: Arc<[usize]>,
}

impl EffectiveSop {
    /// Compiles a document that lint has passed.
    ///
    /// # Errors
    /// Every condition, form or parameter that cannot be compiled, and cycles, as lint would report them.
    pub fn new(
        sop: Sop,
        plugins: BTreeMap<String, PluginPin>,
        datasets: BTreeMap<String, DatasetPin>,
        overrides: &Map<String, Value>,
    ) -> Result<Self, Vec<Problem>> {
        Self::of(sop, plugins, datasets, overrides, &Afresh)
    }

    /// The same, of parts that may be there already.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn of(
        sop: Sop,
        plugins: BTreeMap<String, PluginPin>,
        datasets: BTreeMap<String, DatasetPin>,
        overrides: &Map<String, Value>,
        parts: &dyn Parts,
    ) -> Result<Self, Vec<Problem>> {
        let document = serde_json::to_value(&sop).unwrap_or(Value::Null);
        let mut parameters: Map<String, Value> =
            sop.parameters.iter().map(|(name, parameter)| (name.clone(), parameter.default.clone())).collect();
        parameters.extend(overrides.clone());
        let mut problems = lint::overrides(&sop, overrides);
        let hash = canon::hash_value(&json!({"sop": document, "parameters": parameters}));
        if let Err(error) = &hash {
            problems.push(problem("", "sop.number", json!({"number": error.to_string()})));
        }
        let mut conditions = BTreeMap::new();
        for text in expressions(&document) {
            match parts.condition(&text) {
                Ok(condition) => {
                    conditions.insert(text, condition);
                }
                Err(error) => {
                    problems.push(problem("", error.code, json!({"expression": text, "detail": error.detail})))
                }
            }
        }
        let mut forms = BTreeMap::new();
        for step in &sop.steps {
            let Some(form) = &step.form else { continue };
            match parts.form(&form.schema) {
                Ok(compiled) => {
                    forms.insert(step.id.clone(), compiled);
                }
                Err(found) => problems.extend(
                    found
                        .into_iter()
                        .map(|p| problem(&p.pointer, p.code, json!({"step": step.id, "detail": p.detail}))),
                ),
            }
        }
        let fields = &sop.customer.fields;
        let customer_fields = match (!fields.is_null()).then(|| parts.form(fields)).transpose() {
            Ok(compiled) => compiled,
            Err(found) => {
                let at = |p: &FormProblem| format!("/customer/fields{}", p.pointer);
                problems.extend(found.iter().map(|p| problem(&at(p), p.code, json!({"detail": p.detail}))));
                None
            }
        };
        let order = topological(&sop.steps);
        if order.len() != sop.steps.len() {
            problems.push(problem("/steps", "step.cycle", json!({})));
        }
        if let (Ok(hash), true) = (hash, problems.is_empty()) {
            let sights = sop.steps.iter().map(|step| (step.id.clone(), sight(&conditions, &step.id)));
            let parameters_root = Arc::new(Value::Object(parameters.clone()));
            Ok(Self {
                sights: Arc::new(sights.collect()),
                sop: Arc::new(sop),
                hash,
                plugins,
                datasets,
                parameters,
                parameters_root,
                conditions: Arc::new(conditions),
                forms: Arc::new(forms),
                customer_fields,
                order: order.into(),
            })
        } else {
            Err(problems)
        }
    }

    /// The same document and parameters with other plugins and datasets. All that is compiled is shared.
    #[must_use]
    pub fn with(&self, plugins: BTreeMap<String, PluginPin>, datasets: BTreeMap<String, DatasetPin>) -> Self {
        Self {
            sop: Arc::clone(&self.sop),
            hash: self.hash.clone(),
            plugins,
            datasets,
            parameters: self.parameters.clone(),
            parameters_root: Arc::clone(&self.parameters_root),
            conditions: Arc::clone(&self.conditions),
            sights: Arc::clone(&self.sights),
            forms: Arc::clone(&self.forms),
            customer_fields: self.customer_fields.clone(),
            order: Arc::clone(&self.order),
        }
    }

    /// The hashes a run that starts now is pinned to.
    #[must_use]
    pub fn pins(&self) -> Pins {
        Pins {
            sop: format!("{}@{}", self.sop.sop, self.sop.version),
            sop_hash: self.hash.clone(),
            plugins: self.plugins.iter().map(|(name, pin)| (name.clone(), pin.hash.clone())).collect(),
            datasets: self.datasets.iter().map(|(name, pin)| (name.clone(), pin.hash.clone())).collect(),
            engine: crate::event::ENGINE_HASH.to_owned(),
        }
    }

    /// The step of that id.
    #[must_use]
    pub fn step(&self, id: &str) -> Option<&Step> {
        self.sop.steps.iter().find(|step| step.id == id)
    }

    /// The steps, each after those it waits for.
    pub fn steps_in_order(&self) -> impl Iterator<Item = &Step> {
        self.order.iter().filter_map(|index| self.sop.steps.get(*index))
    }

    /// Ids of the steps a step waits for.
    #[must_use]
    pub fn waits_for<'a>(&'a self, step: &'a Step) -> Vec<&'a str> {
        predecessors(&self.sop.steps, step)
    }

    /// The compiled form of a step.
    #[must_use]
    pub fn form(&self, step: &str) -> Option<&CompiledForm> {
        self.forms.get(step).map(Arc::as_ref)
    }

    /// The compiled schema of the customer's custom fields, if the document has one.
    #[must_use]
    pub fn customer_fields(&self) -> Option<&CompiledForm> {
        self.customer_fields.as_deref()
    }

    /// What of a step some condition of this document may read.
    pub(crate) fn sight(&self, step: &str) -> Sight {
        self.sights.get(step).copied().unwrap_or(Sight::Everything)
    }

    /// Plugin pin and rule manifest of `<plugin>/<rule>`.
    #[must_use]
    pub fn rule(&self, name: &str) -> Option<(&PluginPin, &RuleManifest)> {
        let (plugin, rule) = name.split_once('/')?;
        let pin = self.plugins.get(plugin)?;
        Some((pin, pin.manifest.rules.iter().find(|manifest| manifest.id == rule)?))
    }

    /// The value of a CEL text of this document.
    ///
    /// # Errors
    /// When evaluation fails, for instance because an optional member is missing.
    pub fn evaluate(&self, expression: &str, context: &dyn Roots) -> Result<Value, EvalError> {
        match self.conditions.get(expression) {
            Some(condition) => condition.eval(context),
            None => Err(EvalError { code: "condition.not_compiled", detail: expression.to_owned() }),
        }
    }

    /// What a CEL text of this document mentions.
    pub(crate) fn references(&self, expression: &str) -> Option<&References> {
        self.conditions.get(expression).map(|condition| condition.references())
    }

    /// A condition that must be a boolean.
    ///
    /// # Errors
    /// When evaluation fails or gives something else.
    pub fn holds(&self, expression: &str, context: &dyn Roots) -> Result<bool, EvalError> {
        match self.evaluate(expression, context)? {
            Value::Bool(holds) => Ok(holds),
            other => Err(EvalError { code: "condition.result", detail: format!("{other} instead of true or false") }),
        }
    }

    /// An optional condition: absent holds, a failing one does not.
    #[must_use]
    pub fn applies(&self, when: Option<&String>, context: &dyn Roots) -> bool {
        when.is_none_or(|text| self.holds(text, context).unwrap_or(false))
    }

    /// A literal, or the value of its CEL.
    ///
    /// # Errors
    /// When evaluation fails.
    pub fn compute(&self, computed: &Computed, context: &dyn Roots) -> Result<Value, EvalError> {
        computed.expression().map_or_else(|| Ok(computed.0.clone()), |text| self.evaluate(text, context))
    }

    /// A literal or computed number.
    ///
    /// # Errors
    /// When evaluation fails or gives no finite number.
    pub fn number(&self, computed: &Computed, context: &dyn Roots) -> Result<f64, EvalError> {
        let value = self.compute(computed, context)?;
        value
            .as_f64()
            .filter(|number| number.is_finite())
            .ok_or_else(|| EvalError { code: "condition.result", detail: format!("{value} instead of a number") })
    }
}

/// What may be read of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sight {
    Nothing,
    State,
    Everything,
}

pub(crate) fn sight(conditions: &BTreeMap<String, Arc<Condition>>, step: &str) -> Sight {
    let paths = conditions.values().flat_map(|condition| &condition.references().paths);
    let mut sight = Sight::Nothing;
    for path in paths.filter(|path| path.first().is_some_and(|root| root == "steps")) {
        match path.get(1..).unwrap_or_default() {
            [one, member, ..] if one == step && member == "state" => sight = sight.max(Sight::State),
            [one, ..] if one != step => {}
            // The step as a whole, or `steps` with a name that is computed.
            _ => return Sight::Everything,
        }
    }
    sight
}

fn problem(pointer: &str, code: &str, params: Value) -> Problem {
    let params = params.as_object().cloned().unwrap_or_default();
    Problem { pointer: pointer.to_owned(), code: code.to_owned(), params: params.into_iter().collect() }
}

/// Steps a step waits for: its `after`, or the step before it in the document.
fn predecessors<'a>(steps: &'a [Step], step: &'a Step) -> Vec<&'a str> {
    match &step.after {
        Some(after) => after.iter().map(String::as_str).collect(),
        None => {
            let index = steps.iter().position(|other| other.id == step.id).unwrap_or(0);
            index
                .checked_sub(1)
                .and_then(|before| steps.get(before))
                .map(|before| before.id.as_str())
                .into_iter()
                .collect()
        }
    }
}

/// Kahn's algorithm, taking the earliest in the document first; shorter than `steps` when there is a cycle.
fn topological(steps: &[Step]) -> Vec<usize> {
    let mut order: Vec<usize> = Vec::with_capacity(steps.len());
    loop {
        let next = steps.iter().enumerate().find(|(index, step)| {
            !order.contains(index)
                && predecessors(steps, step)
                    .iter()
                    .all(|id| order.iter().any(|done| steps.get(*done).is_some_and(|other| other.id == **id)))
        });
        match next {
            Some((index, _)) => order.push(index),
            None => return order,
        }
    }
}

/// Every CEL text of a document: `when`, `that`, `value` members, and strings behind `=`. Form schemas, UI schemas and
/// the names of fields are not looked into, nor the slices of parameters, which are resolved before a run is pinned.
fn expressions(document: &Value) -> Vec<String> {
    fn walk(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    match (name.as_str(), member) {
                        (
                            "form" | "texts" | "title" | "labels" | "help" | "schema" | "default" | "fields" | "by",
                            _,
                        ) => {}
                        ("when" | "that" | "value", Value::String(text)) => found.push(text.clone()),
                        _ => walk(member, found),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, found)),
            Value::String(text) => found.extend(text.strip_prefix('=').map(str::to_owned)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    let mut found = Vec::new();
    walk(document, &mut found);
    found
}
