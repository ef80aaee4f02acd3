//! What an SOP is compiled from: forms and conditions. Tenants of one template have the same ones, and compiling a form
//! costs milliseconds and hundreds of kilobytes; so whoever compiles many SOPs may bring the parts that are there.
//!
//! A part depends on its schema or text alone, so it makes no difference to an answer which one is taken. What must not
//! live here: how parts are kept, and for how long.

use crate::condition::{Condition, ConditionError};
use crate::form::{CompiledForm, FormProblem};
use serde_json::Value;
use std::sync::Arc;

/// Where an SOP gets its parts. Equal schemas and texts get equal parts, as [`CompiledForm::compile`] and
/// [`Condition::compile`] make them.
pub trait Parts {
    /// The form of this schema.
    ///
    /// # Errors
    /// Those of [`CompiledForm::compile`].
    fn form(&self, schema: &Value) -> Result<Arc<CompiledForm>, Vec<FormProblem>>;

    /// The condition of this text.
    ///
    /// # Errors
    /// Those of [`Condition::compile`].
    fn condition(&self, text: &str) -> Result<Arc<Condition>, ConditionError>;
}

/// Compiles each part.
#[derive(Clone, Copy, Debug)]
pub struct Afresh;

impl Parts for Afresh {
    fn form(&self, schema: &Value) -> Result<Arc<CompiledForm>, Vec<FormProblem>> {
        CompiledForm::compile(schema).map(Arc::new)
    }

    fn condition(&self, text: &str) -> Result<Arc<Condition>, ConditionError> {
        Condition::compile(text).map(Arc::new)
    }
}
