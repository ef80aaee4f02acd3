//! A company in which one of everything is there, so that generated requests find something to work on.

use crate::company::{Company, envelope};
use crate::png::{Pixel, black};
use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;
use serde_json::Value;

/// One request of `tests/data/furnished.json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    r#as: String,
    put: Option<String>,
    post: Option<String>,
    command: Option<String>,
    body: Option<Value>,
    envelope: Option<Value>,
}

/// A photo's bytes and their hash.
#[must_use]
pub fn photo() -> (String, Vec<u8>) {
    let bytes = black(64, 48, Pixel::Grey8);
    (engine::canon::sha256_hex(&bytes), bytes)
}

/// Puts one of everything into a company: records of every kind, drafts and published versions, evidence, and visits that
/// are planned, begun (`tsk_begun`), accepted (`tsk_accepted`) and held (`tsk_held`).
///
/// # Errors
/// Something is refused.
pub fn furnish(company: &Company) -> anyhow::Result<()> {
    company.visited("tsk_held", 500)?;
    company.visited("tsk_accepted", 5)?;
    company.begun("tsk_begun")?;
    let steps = std::fs::read(crate::root().join("tests/data/furnished.json"))?;
    for step in serde_json::from_slice::<Vec<Step>>(&steps)? {
        let client = company.as_(&step.r#as)?;
        let body = step.body.or_else(|| step.envelope.map(envelope)).context("no body")?;
        let answer = match (&step.put, &step.post, &step.command) {
            (Some(path), None, None) => client.put(path, &body)?,
            (None, Some(path), Some(command)) => client.post(path, command, &body)?,
            _ => bail!("either `put`, or `post` with `command`"),
        };
        ensure!((200..300).contains(&answer.status), "{:?}{:?}: {}", step.put, step.post, answer.json);
    }
    let (sha256, bytes) = photo();
    let rep = company.as_("usr_rep")?;
    rep.request("PUT", &format!("/v1/evidence/{sha256}")).bytes(bytes, "image/png").send()?.expect(201)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_requests_begin_with_the_photo_that_is_there() -> anyhow::Result<()> {
        let configuration = std::fs::read_to_string(crate::root().join("tests/data/schemathesis.toml"))?;
        assert!(configuration.contains(&photo().0), "photos = {{ values = [\"{}\"] }}", photo().0);
        Ok(())
    }
}
