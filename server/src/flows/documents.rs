//! What many tenants have in common: SOP documents with their parameters, compiled, by content. Tenants of one template have the
//! same document and share all of it; tenants that changed theirs share forms and conditions.
//!
//! Everything is kept by its hash or its very text, so nothing here can be out of date, and none of it belongs to anybody.

use crate::flows::problem::{Problem, Result};
use engine::canon;
use engine::condition::{Condition, ConditionError};
use engine::effective::EffectiveSop;
use engine::form::{CompiledForm, FormProblem};
use engine::parts::{Afresh, Parts};
use moka::sync::Cache;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A document in memory with its own forms, in multiples of its canonical text: measured for the three SOPs of this
/// repository as 13 to 20.
const BYTES_A_BYTE: usize = 16;
/// Most bytes of documents kept, estimated; those of kept SOPs are shared, not copied.
const DOCUMENTS: u64 = 128 << 20;
/// Forms kept; one is some 40 kB.
const FORMS: u64 = 1_024;
/// Conditions kept; one is some kB.
const CONDITIONS: u64 = 8_192;

/// A document with parameters, and no plugins or datasets yet.
pub struct Document {
    /// `{"sop", "parameters"}` in canonical form, as it is kept under the hash of the effective SOP.
    pub content: Vec<u8>,
    /// Its datasets, as it declares them.
    pub datasets: Map<String, Value>,
    /// Compiled.
    pub effective: EffectiveSop,
}

impl Document {
    /// What it takes in memory, estimated.
    pub fn bytes(&self) -> usize {
        self.content.len().saturating_mul(BYTES_A_BYTE)
    }
}

/// See the module header.
pub struct Documents {
    /// By the hash of the effective SOP, and by that of the published document with the tenant's values.
    kept: Cache<String, Arc<Document>>,
    parts: Shared,
}

impl Default for Documents {
    fn default() -> Self {
        let weight = |_: &String, document: &Arc<Document>| u32::try_from(document.bytes()).unwrap_or(u32::MAX);
        let kept = Cache::builder().weigher(weight).max_capacity(DOCUMENTS).build();
        Self { kept, parts: Shared { forms: Cache::new(FORMS), conditions: Cache::new(CONDITIONS) } }
    }
}

impl Documents {
    /// The one that is kept under a key.
    pub fn get(&self, key: &str) -> Option<Arc<Document>> {
        self.kept.get(key)
    }

    /// Compiles `{"sop", "parameters"}` unless it is here, and keeps it, also under another key.
    ///
    /// # Errors
    /// It does not compile: a fault of ours.
    pub fn compile(&self, content: &Value, key: Option<String>) -> Result<Arc<Document>> {
        let bytes = canon::jcs(content).map_err(Problem::internal)?;
        let hash = canon::sha256_hex(&bytes);
        let document = match self.kept.get(&hash) {
            Some(document) => document,
            None => {
                let member = |name: &str| content.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
                let (sop, parameters) = (member("sop"), member("parameters"));
                let datasets = sop.get("datasets").and_then(Value::as_object).cloned().unwrap_or_default();
                let sop = serde_json::from_value(Value::Object(sop)).map_err(Problem::internal)?;
                let none = (BTreeMap::new(), BTreeMap::new());
                let effective = EffectiveSop::of(sop, none.0, none.1, &parameters, &self.parts)
                    .map_err(|problems| Problem::internal(crate::judge::unfit(&problems)))?;
                let document = Arc::new(Document { content: bytes, datasets, effective });
                self.kept.insert(document.effective.hash.clone(), Arc::clone(&document));
                document
            }
        };
        if let Some(key) = key {
            self.kept.insert(key, Arc::clone(&document));
        }
        Ok(document)
    }
}

/// Forms by the hash of their schema, conditions by their text.
struct Shared {
    forms: Cache<String, Arc<CompiledForm>>,
    conditions: Cache<String, Arc<Condition>>,
}

impl Parts for Shared {
    fn form(&self, schema: &Value) -> std::result::Result<Arc<CompiledForm>, Vec<FormProblem>> {
        // What has no canonical form has no hash; the compiler says what is wrong with it.
        let Ok(hash) = canon::hash_value(schema) else { return Afresh.form(schema) };
        self.forms.try_get_with(hash, || Afresh.form(schema)).map_err(|problems| (*problems).clone())
    }

    fn condition(&self, text: &str) -> std::result::Result<Arc<Condition>, ConditionError> {
        self.conditions.try_get_with_by_ref(text, || Afresh.condition(text)).map_err(|error| (*error).clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::sop::Sop;
    use serde_json::json;

    /// As it is pinned: all that a document may leave out is in it.
    fn content(version: &str) -> Value {
        let mut sop: Sop = serde_json::from_str(include_str!("../../../tests/sops/plain.json")).unwrap();
        version.clone_into(&mut sop.version);
        let parameters: BTreeMap<_, _> = sop.parameters.iter().map(|(name, it)| (name, &it.default)).collect();
        json!({"sop": sop, "parameters": parameters})
    }

    #[test]
    fn one_document_is_compiled_once_and_others_share_its_parts() {
        let documents = Documents::default();
        let compile = |content: &Value, key: Option<&str>| {
            let compiled = documents.compile(content, key.map(str::to_owned));
            compiled.map_err(|problem| format!("{problem:?}")).unwrap()
        };
        let (one, again) = (compile(&content("1.0.0"), None), compile(&content("1.0.0"), Some("key")));
        assert!(Arc::ptr_eq(&one, &again) && documents.get("key").is_some_and(|kept| Arc::ptr_eq(&one, &kept)));
        let other = compile(&content("1.0.1"), None);
        assert_ne!(one.effective.hash, other.effective.hash);
        assert!(documents.get(&other.effective.hash).is_some_and(|kept| Arc::ptr_eq(&other, &kept)));
        let mut forms = 0;
        for step in &one.effective.sop.steps {
            let (ours, theirs) = (one.effective.form(&step.id), other.effective.form(&step.id));
            assert!(ours.map(std::ptr::from_ref) == theirs.map(std::ptr::from_ref), "equal schemas are one form");
            forms += usize::from(ours.is_some());
        }
        assert!(forms > 0, "the document has forms");
    }
}
