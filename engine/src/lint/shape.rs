//! Size, depth and shape of a document: what can be said before anybody looks at what it means.

use super::{MAX_DEPTH, MAX_DOCUMENT, Problem, Report, SCHEMA};
use crate::form::{describe, json_depth_within, options};
use crate::overlay;
use jsonschema::Validator;
use serde_json::{Value, json};

thread_local! {
    /// The meta-schemas, compiled once; none if one does not compile, which a test rules out.
    static SOP: Option<Validator> = compiled(SCHEMA);
    static OVERLAY: Option<Validator> = compiled(overlay::SCHEMA);
}

fn compiled(schema: &str) -> Option<Validator> {
    serde_json::from_str(schema).ok().and_then(|schema: Value| options().build(&schema).ok())
}

/// Reads the document, unless it is too large, too deep or not JSON.
pub(super) fn read(bytes: &[u8]) -> Result<Value, Box<Problem>> {
    let refuse = |code, params| {
        let mut report = Report::default();
        report.add("", code, params);
        report.problems.into_iter().next().map(Box::new)
    };
    let refused = if bytes.len() > MAX_DOCUMENT {
        refuse("sop.too_large", json!({ "limit": MAX_DOCUMENT }))
    } else if !json_depth_within(bytes, MAX_DEPTH) {
        refuse("sop.too_deep", json!({ "limit": MAX_DEPTH }))
    } else {
        None
    };
    match (refused, serde_json::from_slice(bytes)) {
        (Some(problem), _) => Err(problem),
        (None, Ok(document)) => Ok(document),
        (None, Err(error)) => Err(Box::new(Problem {
            pointer: String::new(),
            code: "sop.not_json".to_owned(),
            params: [
                ("line".to_owned(), json!(error.line())),
                ("column".to_owned(), json!(error.column())),
                ("detail".to_owned(), json!(error.to_string())),
            ]
            .into(),
        })),
    }
}

/// Checks the document against the meta-schema of SOPs.
pub(super) fn check(document: &Value, report: &mut Report) {
    SOP.with(|meta| against(meta.as_ref(), document, report));
}

/// Checks the document against the meta-schema of overlays.
pub(super) fn check_overlay(document: &Value, report: &mut Report) {
    OVERLAY.with(|meta| against(meta.as_ref(), document, report));
}

fn against(meta: Option<&Validator>, document: &Value, report: &mut Report) {
    let mut violations = Vec::new();
    let errors = meta.into_iter().flat_map(|meta| meta.iter_errors(document));
    errors.for_each(|error| describe(error.instance_path().as_str(), error.kind(), &mut violations));
    if meta.is_none() {
        report.add("", "sop.unreadable", json!({ "detail": "the meta-schema does not compile" }));
    }
    for violation in violations {
        let code = match violation.keyword.as_str() {
            "required" => "shape.missing",
            "additionalProperties" => "shape.unknown_member",
            "type" => "shape.type",
            "enum" => "shape.choice",
            "pattern" => "shape.pattern",
            "propertyNames" => "shape.name",
            "uniqueItems" => "shape.duplicate",
            _ => "shape.limit",
        };
        let mut params = Value::Object(violation.params.into_iter().collect());
        if let (Some(members), "shape.limit") = (params.as_object_mut(), code) {
            members.insert("keyword".to_owned(), json!(violation.keyword));
        }
        report.add(violation.pointer, code, params);
    }
}
