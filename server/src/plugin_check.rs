//! `sopwith plugin check`: whether a component would be taken, and what it contains.

use crate::cli::CheckArguments;
use crate::plugins;
use anyhow::Context as _;
use engine::rule::{Availability, Need, NeedDeclaration};
use serde_json::json;

/// Runs the command; false when the component is refused.
///
/// # Errors
/// When the file cannot be read.
pub fn run(arguments: &CheckArguments) -> anyhow::Result<bool> {
    let bytes = std::fs::read(&arguments.component).with_context(|| arguments.component.display().to_string())?;
    let host = plugins::host(None)?;
    let plugin = match host.load(&bytes) {
        Ok(plugin) => plugin,
        Err(refused) => {
            println!("✗ {refused}");
            return Ok(false);
        }
    };
    let language = arguments.language.tag();
    let manifest = plugin.manifest();
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&json!({"hash": plugin.hash(), "manifest": manifest}))?);
        return Ok(true);
    }
    println!("{} {} · {}", manifest.plugin, manifest.version, manifest.title.get(language).unwrap_or_default());
    println!("{} bytes · sha256 {}", bytes.len(), plugin.hash());
    for rule in &manifest.rules {
        println!("\n{:?} {} · {}", rule.interface, rule.id, rule.title.get(language).unwrap_or_default());
        println!("  {}", rule.description.get(language).unwrap_or_default());
        if !rule.needs.is_empty() {
            println!("  needs {}", rule.needs.iter().map(need).collect::<Vec<_>>().join(", "));
        }
        if let Some(source) = &rule.source {
            println!("  source {source}");
        }
        for code in &rule.codes {
            println!("  {}: {}", code.code, code.message.get(language).unwrap_or_default());
        }
    }
    Ok(true)
}

fn need(declared: &NeedDeclaration) -> String {
    let name = match declared.need {
        Need::Steps => "steps",
        Need::LastCheckIn => "last_check_in",
        Need::EvidenceUses => "evidence_uses",
        Need::PreviousVisit => "previous_visit",
        Need::LastOnDevice => "last_on_device",
        Need::PhotoNeighbours => "photo_neighbours",
        Need::SameTexts => "same_texts",
        Need::RepStanding => "rep_standing",
    };
    match declared.availability {
        Availability::Device => name.to_owned(),
        Availability::Server => format!("{name} (server)"),
    }
}
