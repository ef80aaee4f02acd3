//! Every reason the engine says no to a command, with data: stable code, JSON Pointer into the body, parameters.
//!
//! Sentences for people are made from these in `explain.rs`.

use crate::command::Command;
use crate::progress::{Standing, StepStatus};
use crate::time::TimeError;
use crate::verdict::Refusal;
use crate::visit::VisitEvent;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Why a command cannot be applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[error("{code} at `{pointer}`")]
pub struct Rejection {
    /// Stable code.
    pub code: String,
    /// JSON Pointer into the command's body.
    pub pointer: String,
    /// Values for the message.
    pub params: Map<String, Value>,
}

impl Rejection {
    /// A rejection with parameters from a JSON object.
    #[must_use]
    pub fn new(code: &str, pointer: &str, params: &Value) -> Self {
        let params = params.as_object().cloned().unwrap_or_default();
        Self { code: code.to_owned(), pointer: pointer.to_owned(), params }
    }

    /// The SOP has no such step.
    #[must_use]
    pub fn unknown_step(step: &str) -> Self {
        Self::new("step.unknown", "/step", &json!({"step": step}))
    }

    /// The step cannot be handed in as it stands.
    #[must_use]
    pub fn standing(status: &StepStatus) -> Self {
        let params = json!({"step": status.key(), "waits_for": status.waits_for.join(", ")});
        let code = match status.standing {
            Standing::NotApplicable => "step.not_applicable",
            Standing::Blocked => "step.out_of_order",
            Standing::Open | Standing::Returned => "step.not_done",
            Standing::Done => "step.already_done",
            Standing::Skipped => "step.skipped",
        };
        Self::new(code, "/step", &params)
    }

    /// A time cannot be read.
    #[must_use]
    pub fn of_time(error: &TimeError) -> Self {
        Self::new("time.invalid", "/at", &json!({"detail": error.to_string()}))
    }

    /// The event that keeps the attempt on record.
    #[must_use]
    pub fn refused(self, command: &Command) -> VisitEvent {
        let Self { code, pointer, params } = self;
        let refusal = Refusal { code, pointer, params, findings: Vec::new(), calls: Vec::new(), gathered: Vec::new() };
        VisitEvent::Refused { command: command.clone(), refusal }
    }
}
