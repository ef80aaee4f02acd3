//! What somebody who has seen the table may want to try: addresses, tokens, requests to paste, pages to open.

use super::served::Server;
use super::visit_where;
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;

/// Roles whose tokens are shown.
const SHOWN: [&str; 4] = ["admin", "manager", "rep", "auditor"];

/// The whole text. On the way the report of a held visit is saved, since a browser does not send a token.
///
/// # Errors
/// The server says no, or the report cannot be written.
pub fn text(root: &Path, server: &Server) -> Result<String> {
    let company = server.companies.first().context("no company")?;
    let people = company.people()?;
    let manager = &people.get("manager").context("a company without manager")?.1;
    let visit = visit_where(&company.day(), |row| row["decision"] == "held")?;
    let task = visit.replacen("vis_", "tsk_", 1);
    let report = format!("/v1/tasks/{task}/report");
    let folder = server.folder().with_file_name("reports");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let short = |path: &Path| path.strip_prefix(root).unwrap_or(path).display().to_string();
    let mut pages = Vec::new();
    for language in ["zh-CN", "en"] {
        let page = folder.join(format!("{visit}.{language}.html"));
        fs::write(&page, server.get(&report, manager, language)?)
            .with_context(|| format!("cannot write {}", page.display()))?;
        pages.push(short(&page));
    }
    let tokens: Vec<String> = SHOWN
        .iter()
        .filter_map(|role| people.get(*role).map(|(user, token)| format!("  {role:9} {user:12} {token}")))
        .collect();
    let (url, folder) = (&server.url, short(server.folder()));
    let others: Vec<String> = server
        .companies
        .iter()
        .skip(1)
        .map(|other| format!("  {}\n    tokens: {}", other.heading(), short(&other.tokens_file())))
        .collect();
    Ok(format!(
        "
Served at {url}, company {company}
  browse the API      {url}/docs
  report of a visit   {url}{report}
    it needs a token, which a browser does not send; saved, to open in one:
    {pages}

Tokens (all of them: {all_tokens})
{tokens}
The other companies
{others}

Try
  # visits that are held
  curl -s -H 'Authorization: Bearer {manager}' '{url}/v1/tasks?kind=visit&decision=held&limit=5'
  # one of them with its steps, and why it is held, in Chinese
  curl -s -H 'Authorization: Bearer {manager}' -H 'Accept-Language: zh-CN' '{url}/v1/tasks/{task}'
  # its report, saved to a file
  curl -s -H 'Authorization: Bearer {manager}' -o report.html '{url}{report}?language=en'

The server's clock is moved by hand and stands at the end of the recorded days. Its log: {folder}/serve.log
Database: {store}. The SOP: {sop}/sop.json
Ctrl-C ends it.",
        company = company.heading(),
        all_tokens = short(&company.tokens_file()),
        others = others.join("\n"),
        sop = short(&company.sop),
        pages = pages.join("\n    "),
        tokens = tokens.join("\n"),
        store = server.store().replace(&format!("{}/", root.display()), ""),
    ))
}
