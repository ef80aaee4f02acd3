//! What a check looked at, by name and reference: what its CEL mentions, what a rule was configured with, told of and looked
//! up.

use super::full::{ExplainedInput, InputKind};
use super::scene::Scene;
use super::sentence;
use crate::form::Place;
use crate::rule::{Need, RuleManifest, RuleOutcome};
use crate::sop::{Computed, RuleBinding};
use crate::verdict::Reference;
use serde_json::{Value, json};

impl ExplainedInput {
    fn new(kind: InputKind, name: &str) -> Self {
        let name = name.to_owned();
        Self { kind, name, key: None, label: None, value: None, expression: None, reference: None }
    }
}

impl Scene<'_> {
    /// The submission as a whole, by the event that holds it.
    pub(super) fn submitted(&self) -> Option<ExplainedInput> {
        let reference = Some(self.event?.to_owned());
        Some(ExplainedInput { label: Some(self.title()), reference, ..ExplainedInput::new(InputKind::Answer, "") })
    }

    /// The members of the answers, by place and name.
    pub(super) fn answered(&self) -> Vec<ExplainedInput> {
        let members = self.submission.and_then(|submission| submission.answers.as_object());
        members.into_iter().flatten().map(|(name, _)| self.answer(&format!("/{}", escape(name)))).collect()
    }

    fn answer(&self, pointer: &str) -> ExplainedInput {
        let (label, reference) = (self.label(pointer), self.event.map(str::to_owned));
        ExplainedInput { label, reference, ..ExplainedInput::new(InputKind::Answer, pointer) }
    }

    /// What a place in the answers of this step is called.
    pub(super) fn label(&self, pointer: &str) -> Option<String> {
        let form = self.step?.form.as_ref().filter(|_| !pointer.is_empty())?;
        let path = Place::root(form, &self.sop.sop.texts).path(self.reader.language, pointer);
        (!path.is_empty()).then(|| path.join(" › "))
    }

    /// What a CEL text mentions.
    pub(super) fn mentioned(&self, expression: &str) -> Vec<ExplainedInput> {
        let paths = self.sop.references(expression).into_iter().flat_map(|references| &references.paths);
        let mut inputs: Vec<ExplainedInput> = paths.filter_map(|path| self.mention(path)).collect();
        inputs.dedup();
        inputs
    }

    fn mention(&self, path: &[String]) -> Option<ExplainedInput> {
        let (root, rest) = path.split_first()?;
        let pointer = || rest.iter().map(|token| format!("/{}", escape(token))).collect::<String>();
        let event = || self.event.map(str::to_owned);
        let plain = |kind| ExplainedInput::new(kind, &pointer());
        Some(match root.as_str() {
            "answers" => self.answer(&pointer()),
            "absent" => ExplainedInput { reference: event(), ..plain(InputKind::Absent) },
            "evidence" => ExplainedInput { reference: event(), ..plain(InputKind::Evidence) },
            "customer" => ExplainedInput { reference: Some(self.revision()), ..plain(InputKind::Customer) },
            "visit" => plain(InputKind::Visit),
            "parameters" => self.parameter(rest.first()?),
            "steps" => self.other_step(rest.first()?, rest.get(1..).unwrap_or_default()),
            // A variable of a macro.
            _ => return None,
        })
    }

    fn parameter(&self, name: &str) -> ExplainedInput {
        let declared = self.sop.sop.parameters.get(name);
        let label = declared.and_then(|parameter| parameter.title.get(self.reader.language)).map(str::to_owned);
        let value = self.sop.parameters.get(name).cloned();
        ExplainedInput { label, value, ..ExplainedInput::new(InputKind::Parameter, name) }
    }

    fn other_step(&self, id: &str, rest: &[String]) -> ExplainedInput {
        let step = self.sop.step(id);
        let label = step.and_then(|step| step.title.get(self.reader.language)).map(str::to_owned);
        let reference = self.seen.steps.get(id).map(|record| record.event.clone());
        let below: String = rest.iter().map(|token| format!("/{}", escape(token))).collect();
        let key = (!below.is_empty()).then_some(below);
        ExplainedInput { key, label, reference, ..ExplainedInput::new(InputKind::Step, id) }
    }

    fn revision(&self) -> String {
        format!("{} {}", self.seen.customer.id, self.seen.customer.revision)
    }

    /// A limit the SOP sets, with what it was computed from.
    pub(super) fn limit(&self, name: &str, computed: &Computed) -> Vec<ExplainedInput> {
        let label = Some(sentence(&format!("limit.{name}"), &Value::Null, self.reader.language));
        self.computed(ExplainedInput { label, ..ExplainedInput::new(InputKind::Limit, name) }, computed)
    }

    /// What a rule was configured with.
    pub(super) fn configured(&self, binding: &RuleBinding) -> Vec<ExplainedInput> {
        let of_member = |(name, computed): (&String, &Computed)| {
            self.computed(ExplainedInput::new(InputKind::Config, name), computed)
        };
        binding.config.iter().flat_map(of_member).collect()
    }

    /// A value, then what its CEL mentions. A value that may hold what is personal is shown to those who may see that.
    fn computed(&self, input: ExplainedInput, computed: &Computed) -> Vec<ExplainedInput> {
        let expression = computed.expression();
        let mentioned = expression.map(|text| self.mentioned(text)).unwrap_or_default();
        let open = |input: &ExplainedInput| matches!(input.kind, InputKind::Parameter | InputKind::Visit);
        let shown = self.reader.personal || mentioned.iter().all(open);
        let value = self.sop.compute(computed, &self.context).ok().filter(|_| shown);
        let expression = expression.map(str::to_owned);
        std::iter::once(ExplainedInput { value, expression, ..input }).chain(mentioned).collect()
    }

    /// What was gathered for a rule, and from which events.
    pub(super) fn gathered(&self, manifest: &RuleManifest, gathered: &[Reference]) -> Vec<ExplainedInput> {
        let mut inputs = Vec::new();
        for declared in &manifest.needs {
            let name = json!(declared.need).as_str().unwrap_or_default().to_owned();
            let label = Some(sentence(&format!("need.{name}"), &Value::Null, self.reader.language));
            let blank = ExplainedInput { label, ..ExplainedInput::new(InputKind::Need, &name) };
            let before = inputs.len();
            if declared.need == Need::Steps {
                let done = self.seen.steps.iter().filter(|(_, record)| record.input.is_some());
                inputs.extend(done.map(|(key, record)| {
                    let (key, reference) = (Some(key.clone()), Some(record.event.clone()));
                    ExplainedInput { key, reference, ..blank.clone() }
                }));
            }
            let of_need = gathered.iter().filter(|reference| reference.need == name);
            inputs
                .extend(of_need.map(|found| ExplainedInput { reference: Some(found.event.clone()), ..blank.clone() }));
            if inputs.len() == before {
                inputs.push(blank);
            }
        }
        inputs
    }

    /// The rows a rule looked up: a reference is the row's hash, none where there is no such row.
    pub(super) fn looked_up(&self, outcome: &RuleOutcome) -> Vec<ExplainedInput> {
        let mut inputs: Vec<ExplainedInput> = Vec::new();
        for lookup in &outcome.lookups {
            let title = self.sop.sop.datasets.get(&lookup.dataset).and_then(|it| it.title.get(self.reader.language));
            let version = self.sop.datasets.get(&lookup.dataset).map(|pin| pin.version.as_str());
            let label = title.map(|title| version.map_or_else(|| title.to_owned(), |it| format!("{title} {it}")));
            let (key, reference) = (Some(lookup.key.clone()), lookup.row.clone());
            let input =
                ExplainedInput { key, label, reference, ..ExplainedInput::new(InputKind::Row, &lookup.dataset) };
            if !inputs.contains(&input) {
                inputs.push(input);
            }
        }
        inputs
    }

    /// Evidence handed in for a requirement, by hash.
    pub(super) fn handed_in(&self, requirement: &str) -> Vec<ExplainedInput> {
        let given = self.submission.into_iter().flat_map(|submission| &submission.evidence);
        let of_requirement = given.filter(|reference| reference.requirement == requirement);
        of_requirement.map(|reference| ExplainedInput::new(InputKind::Evidence, &reference.sha256)).collect()
    }

    /// Where the customer is, and the submission that says where the rep was.
    pub(super) fn places(&self) -> Vec<ExplainedInput> {
        let location = self.seen.customer.location.as_ref().map(|location| location.id.clone());
        let at = location.map(|id| {
            let reference = Some(self.revision());
            ExplainedInput { key: Some(id), reference, ..ExplainedInput::new(InputKind::Customer, "/location") }
        });
        at.into_iter().chain(self.submitted()).collect()
    }
}

/// A reference token of a JSON Pointer.
fn escape(token: &str) -> String {
    token.replace('~', "~0").replace('/', "~1")
}
