//! How good rules are: what they found, what reps contested, what reviewers upheld and overturned.

use crate::app::App;
use crate::flows::caller::Caller;
use crate::flows::problem::Result;
use crate::flows::sops;
use crate::store::{RuleVerdicts, RuleVerdictsQuery, Scope, VersionKind};
use engine::task::Role;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// Roles that see every rule, over the visits of their org units.
const OVERSEES: &[Role] = &[Role::Manager, Role::Admin];

/// A rule's findings of one code, and what became of them.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RuleVerdictsView {
    /// `<plugin>/<rule>`, or the name of a built-in check: `form`, `location`, …
    pub rule: String,
    /// Version of the plugin.
    pub version: Option<String>,
    /// SHA-256 of the component.
    pub hash: Option<String>,
    /// Code of the finding.
    pub code: String,
    /// In how many verdicts it stands or was judged.
    pub found: u64,
    /// How many the reps contested.
    pub contested: u64,
    /// How many a reviewer upheld.
    pub upheld: u64,
    /// How many a reviewer overturned.
    pub overturned: u64,
    /// Of those judged, the share that was upheld, 0 to 1; none before any was judged.
    pub precision: Option<f64>,
}

/// Which findings are counted.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Only of this rule.
    pub rule: Option<String>,
    /// Found from, ms.
    pub from_ms: Option<i64>,
    /// Found before, ms.
    pub to_ms: Option<i64>,
}

/// Counts of the rules a caller may know of: managers and admins of every rule over their org units' visits, partners of
/// the rules of plugins they brought (SCOPE).
///
/// # Errors
/// Those of the store.
pub async fn verdicts(app: &App, caller: &Caller, asked: Asked) -> Result<Vec<RuleVerdictsView>> {
    let tenant = caller.tenant.as_str();
    let (scope, plugin_hashes) = match caller.scope(OVERSEES) {
        Some(scope) => (scope, None),
        None => {
            (caller.scope(&[Role::Partner]).unwrap_or(Scope::Under(BTreeSet::new())), Some(brought(app, caller).await?))
        }
    };
    let Asked { rule, from_ms, to_ms } = asked;
    let query = RuleVerdictsQuery { scope, plugin_hashes, rule, from_ms, to_ms };
    let counted = app.store.rule_verdicts(tenant, &query).await?;
    Ok(counted.into_iter().map(RuleVerdictsView::from).collect())
}

/// Hashes of the plugins a caller brought.
async fn brought(app: &App, caller: &Caller) -> Result<BTreeSet<String>> {
    let versions = sops::all_versions(app, &caller.tenant, VersionKind::Plugin, None).await?;
    Ok(versions.into_iter().filter(|version| version.by == caller.user).map(|version| version.hash).collect())
}

impl From<RuleVerdicts> for RuleVerdictsView {
    fn from(counted: RuleVerdicts) -> Self {
        let RuleVerdicts { rule, version, hash, code, found, contested, upheld, overturned } = counted;
        let judged = upheld.saturating_add(overturned);
        #[expect(clippy::cast_precision_loss, reason = "nobody judges so many findings")]
        let precision = (judged > 0).then(|| upheld as f64 / judged as f64);
        Self { rule, version, hash, code, found, contested, upheld, overturned, precision }
    }
}
