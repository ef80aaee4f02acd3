//! Customers out of a file: sends it, and prints what would become of them, or did.

use super::setup::encoded;
use super::{Server, With, said};
use crate::cli::ImportArguments;
use anyhow::{Context as _, bail};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use std::time::Duration;

/// The import of a large file takes minutes.
const LONGEST: Duration = Duration::from_secs(900);

/// `sopwith client customers import`
pub async fn import(arguments: &ImportArguments) -> anyhow::Result<bool> {
    let file = std::fs::read(&arguments.file).with_context(|| arguments.file.display().to_string())?;
    let extension = arguments.file.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let media = match extension.to_ascii_lowercase().as_str() {
        "csv" => "text/csv",
        "geojson" | "json" => "application/geo+json",
        _ => bail!("{}: neither .csv nor .geojson", arguments.file.display()),
    };
    let server = Server::answering_within(LONGEST, &arguments.server.server, &arguments.server.token)?;
    let with = With { bytes: Some((&file, media)), ..With::default() };
    let answer = server.send(Method::POST, &path(arguments), with).await?;
    match answer.status {
        status if status.is_success() => {
            print(&answer.body);
            Ok(answer.body.pointer("/counts/wrong").and_then(Value::as_u64) == Some(0))
        }
        StatusCode::UNPROCESSABLE_ENTITY | StatusCode::BAD_REQUEST => {
            problems(answer.body.get("errors"));
            println!("{}", text(&answer.body, "detail"));
            Ok(false)
        }
        _ => bail!("{}: {}", arguments.file.display(), said(&answer)),
    }
}

fn path(arguments: &ImportArguments) -> String {
    let mut path = format!("/v1/customers/import?preview={}&language={}", arguments.preview, arguments.language.tag());
    for (name, value) in [
        ("crs", &arguments.crs),
        ("encoding", &arguments.encoding),
        ("type", &arguments.kind),
        ("time_zone", &arguments.time_zone),
        ("org_unit", &arguments.org_unit),
    ] {
        if let Some(value) = value {
            path.push_str(&format!("&{name}={}", encoded(value)));
        }
    }
    path
}

/// What became of the rows, or would.
fn print(answer: &Value) {
    for row in answer.get("sample").and_then(Value::as_array).into_iter().flatten() {
        let number = row.get("row").and_then(Value::as_u64).unwrap_or_default();
        let name = row.pointer("/customer/name").and_then(Value::as_str).unwrap_or_default();
        let moved = row.get("moved_m").and_then(Value::as_f64).map(|metres| format!(" moved {metres} m"));
        println!("{number} {} {} {name}{}", text(row, "becomes"), text(row, "id"), moved.unwrap_or_default());
    }
    for moved in answer.get("farthest").and_then(Value::as_array).into_iter().flatten() {
        let metres = moved.get("moved_m").and_then(Value::as_f64).unwrap_or_default();
        println!("{} moves {metres} m", text(moved, "customer"));
    }
    problems(answer.get("problems"));
    let count = |name: &str| answer.pointer(&format!("/counts/{name}")).and_then(Value::as_u64).unwrap_or_default();
    if let Some(bounds) = answer.get("bounding_box").filter(|bounds| !bounds.is_null()) {
        println!("west, south, east, north: {bounds}");
    }
    let what = if answer.get("applied").and_then(Value::as_bool) == Some(true) { "imported" } else { "preview" };
    println!(
        "{what}: {} rows, {} new, {} changed ({} places moved), {} unchanged, {} wrong",
        count("rows"),
        count("new"),
        count("changed"),
        count("moved"),
        count("unchanged"),
        count("wrong")
    );
}

fn problems(list: Option<&Value>) {
    for problem in list.and_then(Value::as_array).into_iter().flatten() {
        println!("✗ {} [{}]", text(problem, "detail"), text(problem, "code"));
    }
}

fn text(value: &Value, member: &str) -> String {
    value.get(member).and_then(Value::as_str).unwrap_or_default().to_owned()
}
