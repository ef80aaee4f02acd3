//! Setting a company up: records, tokens, SOP, datasets, plugins.

use super::{Server, With, progress};
use crate::cli::{LoadArguments, PublishArguments, TokensArguments, UploadArguments};
use crate::sop_folder;
use anyhow::Context as _;
use engine::{canon, overlay};
use reqwest::{Method, StatusCode};
use serde_json::{Map, Value, json};
use std::path::Path;

fn read(file: &Path) -> anyhow::Result<Value> {
    let bytes = std::fs::read(file).with_context(|| file.display().to_string())?;
    serde_json::from_slice(&bytes).with_context(|| file.display().to_string())
}

/// A command id that follows from what is asked, so that asking twice is asking once.
fn command_id(what: &Value) -> anyhow::Result<String> {
    let hash = canon::hash_value(what)?;
    Ok(format!("cmd_{}", hash.get(..40).unwrap_or(&hash)))
}

/// `sopwith client load`
pub async fn load(arguments: &LoadArguments) -> anyhow::Result<bool> {
    let server = Server::of(&arguments.server)?;
    let records = read(&arguments.file)?;
    let records = records.as_array().context("a list of records")?;
    let bar = progress(records.len(), "records");
    for record in records {
        let path = record.get("path").and_then(Value::as_str).context("a record without path")?;
        let body = record.get("body").context("a record without body")?;
        bar.set_message(path.to_owned());
        put(&server, path, body).await?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    println!("{} records", records.len());
    Ok(true)
}

/// Puts a record, over what is there if it is another.
async fn put(server: &Server, path: &str, body: &Value) -> anyhow::Result<()> {
    let with = With { json: Some(body), ..With::default() };
    let answer = server.send(Method::PUT, path, with).await?;
    if answer.status != StatusCode::PRECONDITION_REQUIRED {
        anyhow::ensure!(answer.status.is_success(), "PUT {path}: {}", super::said(&answer));
        return Ok(());
    }
    let seen = server.must(Method::GET, path, With::default()).await?;
    server.must(Method::PUT, path, With { saw: seen.etag.as_deref(), ..with }).await?;
    Ok(())
}

/// `sopwith client tokens`
pub async fn tokens(arguments: &TokensArguments) -> anyhow::Result<bool> {
    let server = Server::of(&arguments.server)?;
    let users = server.all("/v1/users").await?;
    let mut tokens = Map::new();
    for user in users {
        let id = user.get("id").and_then(Value::as_str).context("a user without id")?;
        let random = crate::app::new_id("cmd", 0);
        let body = json!({"label": "demo"});
        let with = With { json: Some(&body), command: Some(&random), ..With::default() };
        let made = server.must(Method::POST, &format!("/v1/users/{id}/tokens"), with).await?;
        tokens.insert(id.to_owned(), made.body.get("token").cloned().context("no token")?);
    }
    write_secret(&arguments.file, &serde_json::to_vec_pretty(&tokens)?)?;
    println!("{} tokens in {}", tokens.len(), arguments.file.display());
    Ok(true)
}

/// Writes a file that only its owner can read.
fn write_secret(file: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file).and_then(|mut out| out.write_all(bytes)).with_context(|| file.display().to_string())
}

/// `sopwith plugin upload`
pub async fn upload(arguments: &UploadArguments) -> anyhow::Result<bool> {
    let server = Server::of(&arguments.server)?;
    for file in &arguments.components {
        let bytes = std::fs::read(file).with_context(|| file.display().to_string())?;
        let id = command_id(&json!(["plugin", canon::sha256_hex(&bytes)]))?;
        let with = With { bytes: Some((&bytes, "application/wasm")), command: Some(&id), ..With::default() };
        let answer = server.must(Method::POST, "/v1/plugins", with).await?;
        let text = |member: &str| answer.body.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
        println!("{} {} {}", text("name"), text("version"), text("hash"));
    }
    Ok(true)
}

/// `sopwith sop publish`
pub async fn publish(arguments: &PublishArguments) -> anyhow::Result<bool> {
    let server = Server::of(&arguments.server)?;
    let folder = sop_folder::read(&arguments.sop, None)?;
    let text = |value: &Value, member: &str| {
        value.get(member).and_then(Value::as_str).map(str::to_owned).with_context(|| format!("no `{member}`"))
    };
    for dataset in folder.datasets.values() {
        let content = dataset.value()?;
        let (name, version) = (text(&content, "dataset")?, text(&content, "version")?);
        let with = With { json: Some(&content), ..With::default() };
        server.must(Method::PUT, &format!("/v1/datasets/{name}/versions/{}", encoded(&version)), with).await?;
        println!("dataset {name} {version}");
    }
    let (name, content) =
        if overlay::is_overlay(&folder.document) { ("overlay", "overlay") } else { ("sop", "document") };
    let (sop, version) = (text(&folder.document, name)?, text(&folder.document, "version")?);
    let path = format!("/v1/sops/{sop}/versions/{version}");
    let already = server.send(Method::GET, &path, With::default()).await?;
    let published = already.body.pointer("/version/published") == Some(&json!(true));
    if !(published && already.body.get(content) == Some(&folder.document)) {
        let with = With { json: Some(&folder.document), saw: already.etag.as_deref(), ..With::default() };
        server.must(Method::PUT, &path, with).await?;
    }
    let id = command_id(&json!(["publish", sop, version, canon::hash_value(&folder.document)?]))?;
    let with = With { command: Some(&id), ..With::default() };
    let answer = server.must(Method::POST, &format!("{path}/publish"), with).await?;
    println!("sop {sop} {version} {}", answer.body.get("hash").and_then(Value::as_str).unwrap_or_default());
    Ok(true)
}

/// A path segment, or a value of a query, with everything but letters, digits, `-`, `.` and `_` escaped.
pub fn encoded(segment: &str) -> String {
    segment
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}
