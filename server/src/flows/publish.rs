//! SOPs from draft to published version: immutable, content-addressed, pinned to the plugins of that day.

use crate::app::App;
use crate::flows::caller::Caller;
use crate::flows::datasets;
use crate::flows::once::{Answer, Asked, Decided, once, tenant_event};
use crate::flows::overlays;
use crate::flows::plugins;
use crate::flows::problem::{Kind, NAME_MAX, Problem, Result, Violation};
use crate::flows::sops::{self, SopAbout};
use crate::store::{Commit, Committed, Version, VersionKind, Write};
use engine::canon;
use engine::lint;
use engine::rule::Manifest;
use engine::sop::Sop;
use engine::task::Role;
use engine::text::Text;
use engine::time::format_utc;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A version as it is shown.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct VersionView {
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
    /// Published, and so immutable; else a draft.
    pub published: bool,
    /// Other tenants may install it.
    pub offered: bool,
    /// Counts its changes; the ETag.
    pub revision: u64,
    /// Hash of the content.
    pub hash: String,
    /// What is known of it beside the content.
    #[schema(value_type = Object)]
    pub about: Value,
    /// When it was last changed, RFC 3339.
    pub changed_at: String,
    /// By whom.
    pub changed_by: String,
}

impl From<Version> for VersionView {
    fn from(version: Version) -> Self {
        Self {
            name: version.name,
            version: version.version,
            published: version.published,
            offered: version.offered,
            revision: version.revision,
            hash: version.hash,
            about: version.about,
            changed_at: format_utc(version.at_ms),
            changed_by: version.by,
        }
    }
}

/// What is wrong with a document, in words.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LintProblem {
    /// JSON Pointer.
    pub pointer: String,
    /// Stable code.
    pub code: String,
    /// What to do about it.
    #[schema(value_type = BTreeMap<String, String>)]
    pub hint: Text,
}

impl LintProblem {
    /// A problem of the engine, in words.
    pub fn of(problem: lint::Problem) -> Self {
        Self { hint: overlays::words(&problem), pointer: problem.pointer, code: problem.code }
    }
}

impl From<LintProblem> for Violation {
    fn from(problem: LintProblem) -> Self {
        Self { pointer: problem.pointer, code: problem.code, detail: problem.hint }
    }
}

/// Everything wrong with a document, against the tenant's plugins. What is wrong with the changes of an overlay is said at
/// `/changes/<n>`; else with the SOP it gives, at its places.
///
/// # Errors
/// Those of the store.
pub async fn lint(app: &App, tenant: &str, document: Value) -> Result<Vec<LintProblem>> {
    match overlays::given(app, tenant, document).await? {
        Ok(given) => problems(app, tenant, &given.document).await,
        Err(problems) => Ok(problems),
    }
}

async fn problems(app: &App, tenant: &str, document: &Value) -> Result<Vec<LintProblem>> {
    let bytes = serde_json::to_vec(document).map_err(Problem::internal)?;
    let manifests: BTreeMap<String, Manifest> =
        newest_plugins(app, tenant).await?.into_iter().map(|(name, (_, manifest))| (name, manifest)).collect();
    let (_, problems) = lint::lint(&bytes, Some(&manifests));
    Ok(problems.into_iter().map(LintProblem::of).collect())
}

/// The newest version of each plugin, with hash and manifest.
async fn newest_plugins(app: &App, tenant: &str) -> Result<BTreeMap<String, (String, Manifest)>> {
    let mut newest: BTreeMap<String, (semver::Version, String, Manifest)> = BTreeMap::new();
    for version in sops::all_versions(app, tenant, VersionKind::Plugin, None).await? {
        let Ok(number) = semver::Version::parse(&version.version) else { continue };
        let manifest: Manifest = serde_json::from_value(version.about).map_err(Problem::internal)?;
        let entry =
            newest.entry(version.name).or_insert_with(|| (number.clone(), version.hash.clone(), manifest.clone()));
        if entry.0 < number {
            *entry = (number, version.hash, manifest);
        }
    }
    Ok(newest.into_iter().map(|(name, (_, hash, manifest))| (name, (hash, manifest))).collect())
}

/// Keeps a draft: of an SOP, or of an overlay, which is one when it is published. A draft may be anything that is JSON; what
/// is wrong with it `lint` says.
///
/// # Errors
/// The version is published already; the draft changed meanwhile, or the caller did not say what they saw.
pub async fn put_draft(
    app: &App,
    caller: &Caller,
    name: &str,
    number: &str,
    document: &Value,
    saw: Option<u64>,
) -> Result<VersionView> {
    caller.must_cover_tenant(Role::Admin)?;
    let is_overlay = engine::overlay::is_overlay(document);
    named(document, if is_overlay { "overlay" } else { "sop" }, name, number)?;
    if is_overlay
        && let Some(there) = app.store.version(&caller.tenant, VersionKind::Sop, name, number).await?
        && overlays::overlay_of(app, &caller.tenant, &there).await?.as_ref() == Some(document)
    {
        return Ok(there.into());
    }
    let new = New { kind: VersionKind::Sop, name, number, about: json!({}), published: false };
    put(app, caller, new, Content::of(document)?, saw).await.map(Into::into)
}

/// The document says the name and version it is put under.
///
/// # Errors
/// It says something else.
pub fn named(document: &Value, member: &str, name: &str, number: &str) -> Result<()> {
    let mut wrong = Vec::new();
    for (member, wanted) in [(member, name), ("version", number)] {
        if wanted.is_empty() || wanted.len() > NAME_MAX {
            wrong.push(Violation::new(&format!("/{member}"), "text.too_long", &json!({"bytes": NAME_MAX})));
        } else if document.get(member).and_then(Value::as_str) != Some(wanted) {
            wrong.push(Violation::new(&format!("/{member}"), "version.name", &json!({"wanted": wanted})));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(Problem::at_all(wrong)) }
}

/// A version to be kept.
pub struct New<'a> {
    /// Of what.
    pub kind: VersionKind,
    /// Its name.
    pub name: &'a str,
    /// Its version.
    pub number: &'a str,
    /// What is known of it beside the content.
    pub about: Value,
    /// Immutable from here on; else a draft.
    pub published: bool,
}

/// Content under its hash.
pub struct Content {
    /// SHA-256 of the bytes, lower-case hex.
    pub hash: String,
    /// Canonical JSON.
    pub bytes: Vec<u8>,
}

impl Content {
    /// The canonical form of a document.
    ///
    /// # Errors
    /// A number cannot be kept exactly.
    pub fn of(document: &Value) -> Result<Self> {
        let bytes = canon::jcs(document)
            .map_err(|error| Problem::invalid("", "record.number", &json!({"detail": error.to_string()})))?;
        Ok(Self { hash: canon::sha256_hex(&bytes), bytes })
    }
}

/// Keeps a version, unless it is there.
///
/// # Errors
/// It is published with other content; the draft changed meanwhile, or the caller did not say what they saw.
pub async fn put(app: &App, caller: &Caller, new: New<'_>, content: Content, saw: Option<u64>) -> Result<Version> {
    let New { kind, name, number, about, published } = new;
    let Content { hash, bytes } = content;
    let before = app.store.version(&caller.tenant, kind, name, number).await?;
    if let Some(before) = &before {
        if before.hash == hash && before.published == published {
            return Ok(before.clone());
        }
        if before.published {
            let params = json!({"name": name, "version": number});
            return Err(Problem::new(Kind::Conflict, "version.published", &params));
        }
        if saw.ok_or_else(Problem::unseen)? != before.revision {
            return Err(Problem::stale());
        }
    }
    let version = Version {
        kind,
        name: name.to_owned(),
        version: number.to_owned(),
        published,
        offered: false,
        revision: before.as_ref().map_or(1, |before| before.revision + 1),
        hash,
        about,
        at_ms: app.clock.now_ms(),
        by: caller.user.clone(),
    };
    let expected = before.map(|before| before.revision);
    let writes = version_writes(&caller.tenant, &version, expected, Some(bytes))?;
    match app.commit(&caller.tenant, &Commit { at_ms: version.at_ms, command: None, writes }).await? {
        Committed::Done { .. } => Ok(version),
        Committed::Conflict(_) => Err(Problem::stale()),
    }
}

/// What changing a version writes: content, row, and the event of the audit trail.
///
/// # Errors
/// A value without JSON form.
pub fn version_writes(
    tenant: &str,
    version: &Version,
    expected: Option<u64>,
    content: Option<Vec<u8>>,
) -> Result<Vec<Write>> {
    let mut writes = Vec::new();
    if let Some(bytes) = content {
        writes.push(Write::Object { hash: version.hash.clone(), bytes });
    }
    writes.push(Write::Version(Box::new(version.clone()), expected));
    let kind = match version.kind {
        VersionKind::Sop => "sop",
        VersionKind::Plugin => "plugin",
        VersionKind::Dataset => "dataset",
    };
    let about = json!({
        "kind": kind, "name": version.name, "version": version.version, "published": version.published,
        "offered": version.offered, "hash": version.hash, "about": version.about, "by": version.by,
    });
    writes.push(tenant_event(tenant, "version_written", [("version", about)]));
    Ok(writes)
}

/// Publishes a draft: from here on it never changes. Lint must have nothing to say, and every plugin it names must be here;
/// the newest in range is what its runs are pinned to.
///
/// # Errors
/// No such draft; problems of lint; a plugin is missing.
pub async fn publish(app: &App, caller: &Caller, name: &str, number: &str, asked: &Asked) -> Result<Answer> {
    caller.must_cover_tenant(Role::Admin)?;
    once(app, caller, asked, || async {
        let tenant = caller.tenant.as_str();
        let draft = app.store.version(tenant, VersionKind::Sop, name, number).await?.ok_or_else(Problem::not_found)?;
        if draft.published {
            return answer(draft, Vec::new());
        }
        let document = sops::json_object(app, tenant, &draft.hash).await?;
        let refused = |problems: Vec<LintProblem>| Problem::at_all(problems.into_iter().map(Into::into).collect());
        let given = overlays::given(app, tenant, document).await?.map_err(refused)?;
        let problems = problems(app, tenant, &given.document).await?;
        if !problems.is_empty() {
            return Err(refused(problems));
        }
        // The overlay stays under its own hash, as the draft was kept.
        let Content { hash, bytes } = Content::of(&given.document)?;
        let content = given.from.is_some().then_some(bytes);
        let sop: Sop = serde_json::from_value(given.document).map_err(Problem::internal)?;
        semver::Version::parse(number)
            .map_err(|_| Problem::invalid("/version", "version.semver", &json!({"version": number})))?;
        let misfits = datasets::misfits(app, tenant, &sop).await?;
        if !misfits.is_empty() {
            return Err(Problem::at_all(misfits));
        }
        let plugins = plugins::in_range(app, tenant, &sop.plugins).await?;
        let about = SopAbout { from: given.from, ..SopAbout::of(&sop, plugins) };
        let version = Version {
            published: true,
            revision: draft.revision + 1,
            hash,
            about: serde_json::to_value(about).map_err(Problem::internal)?,
            at_ms: app.clock.now_ms(),
            by: caller.user.clone(),
            ..draft.clone()
        };
        let writes = version_writes(tenant, &version, Some(draft.revision), content)?;
        answer(version, writes)
    })
    .await
}

/// Offers a published version to other tenants.
///
/// # Errors
/// No such version, or it is a draft.
pub async fn offer(
    app: &App,
    caller: &Caller,
    kind: VersionKind,
    name: &str,
    number: &str,
    asked: &Asked,
) -> Result<Answer> {
    if kind != VersionKind::Plugin {
        caller.must_cover_tenant(Role::Admin)?;
    }
    once(app, caller, asked, || async {
        let tenant = caller.tenant.as_str();
        let before = app.store.version(tenant, kind, name, number).await?.ok_or_else(Problem::not_found)?;
        if !before.published {
            return Err(Problem::invalid("", "version.draft", &json!({"name": name, "version": number})));
        }
        if before.offered {
            return answer(before, Vec::new());
        }
        let version = Version {
            offered: true,
            revision: before.revision + 1,
            at_ms: app.clock.now_ms(),
            by: caller.user.clone(),
            ..before.clone()
        };
        let writes = version_writes(tenant, &version, Some(before.revision), None)?;
        answer(version, writes)
    })
    .await
}

fn answer(version: Version, writes: Vec<Write>) -> Result<Decided> {
    let etag = Some(version.revision.to_string());
    Ok(Decided::new(writes, Answer::done(false, &VersionView::from(version), etag)?))
}
