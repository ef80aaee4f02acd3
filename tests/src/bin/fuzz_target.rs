//! A served company for programs that make up requests: prints one line of JSON, ends when its input ends.

use anyhow::Result;
use serde_json::json;
use std::io::{Read as _, Write as _};
use tests::company::Company;
use tests::furnished::furnish;
use tests::server::{Kind, Place, Server};

fn main() -> Result<()> {
    let place = Place::new(Kind::Sqlite)?;
    let server = Server::start(&place, &[], None)?;
    let company = Company::new(&place, &server, "tnt_fuzz")?;
    furnish(&company)?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", json!({"url": server.client.url, "tokens": company.tokens}))?;
    out.flush()?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    eprint!("{}", server.kill()?);
    Ok(())
}
