//! `sopwith sop rebase`: an overlay carried over to another version of its template, and what a person should look at.

use crate::cli::RebaseArguments;
use crate::{sop_folder, sop_lint};
use engine::overlay::{self, Conflict, Rebased};
use serde_json::{Value, json};

/// Runs the command: the overlay on standard output, conflicts on standard error; false when there are some.
///
/// # Errors
/// When a file cannot be read.
pub fn run(arguments: &RebaseArguments) -> anyhow::Result<bool> {
    let (from, to) = (sop_folder::document(&arguments.from)?, sop_folder::document(&arguments.to)?);
    let overlay = sop_folder::document(&arguments.overlay)?;
    let rebased = overlay::read(&overlay).and_then(|overlay| overlay::rebase(&overlay, &from, &to));
    let Rebased { overlay, conflicts } = match rebased {
        Ok(rebased) => rebased,
        Err(problems) => {
            sop_lint::print(&problems, arguments.language, arguments.json);
            return Ok(false);
        }
    };
    let language = arguments.language.tag();
    let reported = |conflict: &Conflict| {
        let mut said = json!(conflict);
        if let Value::Object(members) = &mut said {
            members.insert("hint".to_owned(), json!(conflict.problem.hint(language)));
            members.remove("params");
        }
        said
    };
    if arguments.json {
        let conflicts: Vec<Value> = conflicts.iter().map(reported).collect();
        println!("{}", json!({"overlay": overlay, "conflicts": conflicts}));
    } else {
        println!("{}", serde_json::to_string_pretty(&overlay)?);
        for Conflict { problem, kept, .. } in &conflicts {
            let kept = if *kept { "kept" } else { "dropped" };
            eprintln!("{:<14} {:<22} {kept:<8} {}", problem.pointer, problem.code, problem.hint(language));
        }
        eprintln!("{} conflicts", conflicts.len());
    }
    Ok(conflicts.is_empty())
}
