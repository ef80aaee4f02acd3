//! The demo's company on a server: everybody in it with a token, its SOP and plugins published, the recorded day not begun.

use crate::client::Client;
use crate::server::{Place, Server};
use anyhow::Context as _;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The tenant.
pub const TENANT: &str = "tnt_demo";
/// The business date of the recorded day.
pub const DATE: &str = "2026-03-18";
/// Before the day begins.
const BEFORE: &str = "2026-03-17T16:00:00Z";
/// When all that follows from the day is due.
pub const AFTER: &str = "2026-03-19T16:00:00Z";

/// See the module header.
pub struct Demo {
    /// Token by user, as a file.
    pub tokens_file: PathBuf,
    /// Token by user.
    pub tokens: BTreeMap<String, String>,
    /// The token of whoever may do everything in the whole company.
    pub admin: String,
}

/// The SOP with its recorded day.
#[must_use]
pub fn sop() -> PathBuf {
    crate::root().join("schemas/fmcg/store-audit")
}

/// The photos of the day, `<sha256>.png`.
///
/// # Errors
/// They were not made.
pub fn photos() -> anyhow::Result<PathBuf> {
    Ok(crate::built("SOPWITH_DEMO")?.join("photos"))
}

/// A path as text.
///
/// # Errors
/// It is not UTF-8.
pub fn text(path: &Path) -> anyhow::Result<&str> {
    path.to_str().with_context(|| path.display().to_string())
}

/// A copy of an SOP's folder from which no visit is drawn for a second look: lots fall as the tenant's secret has it.
fn without_lots(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            without_lots(&entry.path(), &to)?;
        } else if entry.file_name() == "sop.json" {
            let mut sop: Value = serde_json::from_slice(&std::fs::read(entry.path())?)?;
            sop["policy"]["recheck_percent"] = Value::from(0);
            std::fs::write(to, serde_json::to_vec(&sop)?)?;
        } else {
            std::fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

impl Demo {
    /// Makes the company on a server that runs over an empty place.
    ///
    /// # Errors
    /// Something is refused.
    pub fn new(place: &Place, server: &Server) -> anyhow::Result<Self> {
        let admin = place.tenant(TENANT, "admin,operator")?;
        server.clock(&admin, BEFORE)?;
        let tokens_file = place.folder().join("tokens.json");
        let (company, plugins) = (crate::built("SOPWITH_DEMO")?.join("company.json"), crate::built("SOPWITH_PLUGINS")?);
        let components = crate::plugins()?.into_iter().map(|name| plugins.join(format!("{name}.wasm")));
        let components: Vec<PathBuf> = components.collect();
        let mut upload = vec!["plugin", "upload"];
        upload.extend(components.iter().map(|component| text(component)).collect::<Result<Vec<_>, _>>()?);
        let sop = place.folder().join("sop");
        without_lots(&self::sop(), &sop)?;
        for arguments in [
            &upload as &[&str],
            &["sop", "publish", text(&sop)?],
            &["client", "load", text(&company)?],
            &["client", "tokens", text(&tokens_file)?],
        ] {
            let as_admin = ["--server", &server.client.url, "--token", &admin];
            place.must(&[arguments, &as_admin].concat())?;
        }
        let tokens = serde_json::from_slice(&std::fs::read(&tokens_file)?)?;
        Ok(Self { tokens_file, tokens, admin })
    }

    /// A server as a user.
    ///
    /// # Errors
    /// There is no such user.
    pub fn as_(&self, server: &Server, user: &str) -> anyhow::Result<Client> {
        Ok(server.as_(self.tokens.get(user).with_context(|| user.to_owned())?))
    }

    /// Compares the visits of the day with the rows that are expected of it.
    ///
    /// # Errors
    /// A row differs.
    pub fn expect_rows(&self, place: &Place, server: &Server) -> anyhow::Result<()> {
        let expected = sop().join("day/expected.json");
        place.must(&[
            "client",
            "table",
            "--server",
            &server.client.url,
            "--token",
            &self.admin,
            "--from",
            DATE,
            "--to",
            DATE,
            "--expect",
            text(&expected)?,
        ])?;
        Ok(())
    }

    /// Every item of a list, page by page.
    ///
    /// # Errors
    /// A page does not come.
    pub fn all(&self, server: &Server, path: &str) -> anyhow::Result<Vec<Value>> {
        let admin = server.as_(&self.admin);
        let mut items = Vec::new();
        let mut after = String::new();
        loop {
            let separator = if path.contains('?') { '&' } else { '?' };
            let mut page = admin.get(&format!("{path}{separator}limit=200{after}"))?.expect(200)?.json;
            if let Some(Value::Array(more)) = page.get_mut("items").map(Value::take) {
                items.extend(more);
            }
            match page.get("next").and_then(Value::as_str) {
                Some(next) => after = format!("&after={next}"),
                None => return Ok(items),
            }
        }
    }
}
