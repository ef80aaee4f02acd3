//! Plugins: checked, uploaded, pinned. What is in a component only the sandbox says.

use crate::app::App;
use crate::flows::caller::Caller;
use crate::flows::once::{Answer, Asked, Decided, once};
use crate::flows::problem::{Kind, Problem, Result, Violation};
use crate::flows::publish::{VersionView, version_writes};
use crate::flows::sops;
use crate::store::{Version, VersionKind};
use engine::canon;
use host_api::{Limits, Plugin};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// As many bytes as the sandbox looks at.
pub fn most_bytes() -> usize {
    Limits::default().plugin.bytes
}

/// What the sandbox says of a component.
///
/// # Errors
/// It refuses it, and why.
pub async fn check(app: &App, bytes: Vec<u8>) -> Result<Arc<Plugin>> {
    let host = Arc::clone(&app.host);
    let loading = tokio::task::spawn_blocking(move || host.load(&bytes));
    loading
        .await
        .map_err(Problem::internal)?
        .map_err(|refused| Problem::invalid("", "plugin.refused", &json!({"detail": refused.to_string()})))
}

/// Keeps a component as the version its manifest names; it is immutable from then on.
///
/// # Errors
/// It is refused, or this version is there with other bytes.
pub async fn upload(app: &App, caller: &Caller, bytes: &[u8], asked: &Asked) -> Result<Answer> {
    let plugin = check(app, bytes.to_vec()).await?;
    once(app, caller, asked, || async {
        let manifest = plugin.manifest();
        let before =
            app.store.version(&caller.tenant, VersionKind::Plugin, &manifest.plugin, &manifest.version).await?;
        if let Some(before) = before {
            if before.hash == plugin.hash() {
                return Ok(Decided::new(Vec::new(), answer(before, false)?));
            }
            let params = json!({"name": manifest.plugin, "version": manifest.version});
            return Err(Problem::new(Kind::Conflict, "version.published", &params));
        }
        let version = Version {
            kind: VersionKind::Plugin,
            name: manifest.plugin.clone(),
            version: manifest.version.clone(),
            published: true,
            offered: false,
            revision: 1,
            hash: plugin.hash().to_owned(),
            about: serde_json::to_value(manifest).map_err(Problem::internal)?,
            at_ms: app.clock.now_ms(),
            by: caller.user.clone(),
        };
        let writes = version_writes(&caller.tenant, &version, None, Some(bytes.to_vec()))?;
        Ok(Decided::new(writes, answer(version, true)?))
    })
    .await
}

fn answer(version: Version, created: bool) -> Result<Answer> {
    let etag = Some(version.revision.to_string());
    Answer::done(created, &VersionView::from(version), etag)
}

/// The hash of the bytes of an upload, for its command's body.
pub fn hash(bytes: &[u8]) -> String {
    canon::sha256_hex(bytes)
}

/// The newest version of each plugin that is in the range an SOP names.
///
/// # Errors
/// There is none for some plugin.
pub async fn in_range(app: &App, tenant: &str, wanted: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>> {
    let mut hashes = BTreeMap::new();
    let mut wrong = Vec::new();
    for (name, range) in wanted {
        let versions = sops::all_versions(app, tenant, VersionKind::Plugin, Some(name)).await?;
        let fitting = semver::VersionReq::parse(range).ok().and_then(|range| {
            let numbered = versions.iter().filter_map(|one| Some((semver::Version::parse(&one.version).ok()?, one)));
            numbered.filter(|(number, _)| range.matches(number)).max_by(|(a, _), (b, _)| a.cmp(b))
        });
        match fitting {
            Some((_, version)) => {
                hashes.insert(name.clone(), version.hash.clone());
            }
            None => {
                let params = json!({"plugin": name, "range": range});
                wrong.push(Violation::new(&format!("/plugins/{name}"), "plugin.missing", &params));
            }
        }
    }
    if wrong.is_empty() { Ok(hashes) } else { Err(Problem::at_all(wrong)) }
}
