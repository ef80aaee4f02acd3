//! Which SOP version applies to whom: assignments compete, exactly one wins, and each says why it did not.
//!
//! The order is priority, then the deeper org unit, then the newer version, then the id. A pilot is an assignment with a
//! range and a unit of its own; nothing else makes one.

use crate::command::Customer;
use crate::task::Role;
use crate::time;
use semver::{Version, VersionReq};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::cmp::Reverse;
use std::collections::BTreeSet;

#[cfg(test)]
mod tests;

/// Which versions of an SOP apply to whom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SopAssignment {
    /// Name of the SOP.
    pub sop: String,
    /// Semantic version range, for instance `^1` or `=1.1.0`; the newest published version in it is meant.
    pub versions: String,
    /// Org unit whose people, down the tree, are meant; none means the whole tenant.
    #[serde(default)]
    pub org_unit: Option<String>,
    /// Roles that are meant; empty means any.
    #[serde(default)]
    pub roles: Vec<Role>,
    /// Customers that are meant.
    #[serde(default)]
    pub customers: CustomerFilter,
    /// From when, RFC 3339; none means ever since.
    #[serde(default)]
    pub from: Option<String>,
    /// Until when (exclusive), RFC 3339; none means for ever.
    #[serde(default)]
    pub to: Option<String>,
    /// More wins.
    #[serde(default)]
    pub priority: i32,
    /// The visit must be done by this SOP; a rep cannot choose another.
    #[serde(default)]
    pub mandatory: bool,
    /// The tenant's values of the SOP's parameters.
    #[serde(default)]
    pub parameters: Map<String, Value>,
}

/// Customers that are meant: all that is named must hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CustomerFilter {
    /// One of these types; empty means any.
    #[serde(default)]
    pub types: Vec<String>,
    /// All of these tags.
    #[serde(default)]
    pub tags: BTreeSet<String>,
    /// Custom fields with exactly these values.
    #[serde(default)]
    pub fields: Map<String, Value>,
}

/// A version that can be run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PublishedVersion {
    /// Name of the SOP.
    pub sop: String,
    /// Semantic version.
    pub version: String,
    /// Hash of the document.
    pub hash: String,
    /// Customer types it serves.
    pub customer_types: Vec<String>,
}

/// For whom the question is asked.
#[derive(Clone, Copy, Debug)]
pub struct Who<'a> {
    /// `usr_…`
    pub user: &'a str,
    /// What they are there.
    pub roles: &'a BTreeSet<Role>,
    /// The way to their org unit from the root.
    pub org_path: &'a [String],
}

/// The answer: what applies, and why everything else does not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = SopResolution))]
#[serde(deny_unknown_fields)]
pub struct Resolution {
    /// What applies; none when no assignment does.
    pub winner: Option<Winner>,
    /// Every assignment, those that apply first, in the order they compete in.
    pub considered: Vec<Considered>,
}

/// What applies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = SopResolutionWinner))]
#[serde(deny_unknown_fields)]
pub struct Winner {
    /// Id of the assignment.
    pub assignment: String,
    /// Name of the SOP.
    pub sop: String,
    /// The version.
    pub version: String,
    /// Hash of its document.
    pub hash: String,
    /// No other SOP may be chosen.
    pub mandatory: bool,
    /// The tenant's values of its parameters.
    pub parameters: Map<String, Value>,
}

/// An assignment that was looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = SopResolutionConsidered))]
#[serde(deny_unknown_fields)]
pub struct Considered {
    /// Its id.
    pub assignment: String,
    /// Name of its SOP.
    pub sop: String,
    /// Whether it applies; of those that do the first wins.
    pub applies: bool,
    /// Code of the reason: `resolve.wins`, `resolve.outranked`, or why it does not apply.
    pub why: String,
    /// Values for the message.
    pub params: Map<String, Value>,
}

/// An assignment that applies, with what it competes by.
struct Competitor<'a> {
    id: &'a str,
    assignment: &'a SopAssignment,
    depth: usize,
    version: Version,
    published: &'a PublishedVersion,
}

/// Answers which version `who` uses for a visit to `customer` at `at_ms`.
#[must_use]
pub fn resolve(
    assignments: &[(String, SopAssignment)],
    versions: &[PublishedVersion],
    who: &Who<'_>,
    customer: &Customer,
    tags: &BTreeSet<String>,
    at_ms: i64,
) -> Resolution {
    let mut competitors: Vec<Competitor<'_>> = Vec::new();
    let mut refused: Vec<Considered> = Vec::new();
    for (id, assignment) in assignments {
        let fits = fits(assignment, who, customer, tags, at_ms)
            .and_then(|depth| Ok((depth, newest(assignment, versions, customer)?)));
        match fits {
            Ok((depth, (version, published))) => {
                competitors.push(Competitor { id, assignment, depth, version, published });
            }
            Err((why, params)) => refused.push(considered(id, assignment, false, why, &params)),
        }
    }
    competitors.sort_by(|one, other| {
        let rank = |c: &Competitor<'_>| (Reverse(c.assignment.priority), Reverse(c.depth));
        rank(one)
            .cmp(&rank(other))
            .then_with(|| other.version.cmp_precedence(&one.version))
            .then_with(|| one.id.cmp(other.id))
    });
    refused.sort_by(|one, other| one.assignment.cmp(&other.assignment));
    let first = competitors.first();
    let winner = first.map(|first| Winner {
        assignment: first.id.to_owned(),
        sop: first.assignment.sop.clone(),
        version: first.published.version.clone(),
        hash: first.published.hash.clone(),
        mandatory: first.assignment.mandatory,
        parameters: first.assignment.parameters.clone(),
    });
    let answer = |one: &Competitor<'_>| match first {
        Some(first) if first.id != one.id => {
            let params = json!({"by": first.id, "because": because(first, one), "version": one.published.version});
            considered(one.id, one.assignment, true, "resolve.outranked", &params)
        }
        _ => considered(
            one.id,
            one.assignment,
            true,
            "resolve.wins",
            &json!({"sop": one.assignment.sop, "version": one.published.version}),
        ),
    };
    Resolution { winner, considered: competitors.iter().map(answer).chain(refused).collect() }
}

/// By what the winner is ahead.
fn because(first: &Competitor<'_>, other: &Competitor<'_>) -> &'static str {
    if first.assignment.priority != other.assignment.priority {
        "priority"
    } else if first.depth != other.depth {
        "org_unit"
    } else if first.version.cmp_precedence(&other.version).is_ne() {
        "version"
    } else {
        "id"
    }
}

fn considered(id: &str, assignment: &SopAssignment, applies: bool, why: &str, params: &Value) -> Considered {
    Considered {
        assignment: id.to_owned(),
        sop: assignment.sop.clone(),
        applies,
        why: why.to_owned(),
        params: params.as_object().cloned().unwrap_or_default(),
    }
}

type Why = (&'static str, Value);

/// How deep in the tree the assignment stands, if people, customer and time fit.
fn fits(
    assignment: &SopAssignment,
    who: &Who<'_>,
    customer: &Customer,
    tags: &BTreeSet<String>,
    at_ms: i64,
) -> Result<usize, Why> {
    let moment = |text: &Option<String>| match text {
        Some(text) => time::parse("time", text).map(Some).map_err(|error| malformed(&error.to_string())),
        None => Ok(None),
    };
    if let Some(from_ms) = moment(&assignment.from)?.filter(|from_ms| *from_ms > at_ms) {
        return Err(("resolve.not_yet", json!({"from": time::format_utc(from_ms)})));
    }
    if let Some(to_ms) = moment(&assignment.to)?.filter(|to_ms| *to_ms <= at_ms) {
        return Err(("resolve.ended", json!({"to": time::format_utc(to_ms)})));
    }
    let depth = match &assignment.org_unit {
        None => 0,
        Some(unit) => match who.org_path.iter().position(|on_the_way| on_the_way == unit) {
            Some(index) => index + 1,
            None => return Err(("resolve.org_unit", json!({"org_unit": unit}))),
        },
    };
    if !assignment.roles.is_empty() && !assignment.roles.iter().any(|role| who.roles.contains(role)) {
        let roles: Vec<&str> = assignment.roles.iter().map(|role| role.name()).collect();
        return Err(("resolve.role", json!({"roles": roles.join(", ")})));
    }
    let filter = &assignment.customers;
    if !filter.types.is_empty() && !filter.types.contains(&customer.kind) {
        return Err(("resolve.customer_type", json!({"type": customer.kind, "types": filter.types.join(", ")})));
    }
    if let Some(tag) = filter.tags.iter().find(|tag| !tags.contains(*tag)) {
        return Err(("resolve.customer_tag", json!({"tag": tag})));
    }
    if let Some((name, _)) = filter.fields.iter().find(|(name, value)| customer.fields.get(*name) != Some(value)) {
        return Err(("resolve.customer_field", json!({"field": name})));
    }
    Ok(depth)
}

/// The newest version in the range that serves the customer's type.
fn newest<'a>(
    assignment: &SopAssignment,
    versions: &'a [PublishedVersion],
    customer: &Customer,
) -> Result<(Version, &'a PublishedVersion), Why> {
    let range = VersionReq::parse(&assignment.versions).map_err(|error| malformed(&error.to_string()))?;
    let in_range: Vec<(Version, &PublishedVersion)> = versions
        .iter()
        .filter(|published| published.sop == assignment.sop)
        .filter_map(|published| Some((Version::parse(&published.version).ok()?, published)))
        .filter(|(version, _)| range.matches(version))
        .collect();
    if in_range.is_empty() {
        return Err(("resolve.no_version", json!({"sop": assignment.sop, "versions": assignment.versions})));
    }
    in_range
        .into_iter()
        .filter(|(_, published)| published.customer_types.contains(&customer.kind))
        .max_by(|(one, _), (other, _)| one.cmp(other))
        .ok_or_else(|| ("resolve.type_not_served", json!({"sop": assignment.sop, "type": customer.kind})))
}

fn malformed(detail: &str) -> Why {
    ("resolve.malformed", json!({"detail": detail}))
}

impl SopAssignment {
    /// What is wrong with it on its own, by JSON Pointer: a range or a time that cannot be read, an end before the beginning.
    ///
    /// # Errors
    /// The first fault.
    pub fn check(&self) -> Result<(), crate::rejection::Rejection> {
        let rejection = |pointer: &str, detail: String| {
            crate::rejection::Rejection::new("resolve.malformed", pointer, &json!({"detail": detail}))
        };
        VersionReq::parse(&self.versions).map_err(|error| rejection("/versions", error.to_string()))?;
        let moment = |pointer: &str, text: &Option<String>| match text {
            Some(text) => time::parse("time", text).map(Some).map_err(|error| rejection(pointer, error.to_string())),
            None => Ok(None),
        };
        match (moment("/from", &self.from)?, moment("/to", &self.to)?) {
            (Some(from_ms), Some(to_ms)) if to_ms <= from_ms => {
                Err(rejection("/to", "it ends before it begins".to_owned()))
            }
            _ => Ok(()),
        }
    }
}
