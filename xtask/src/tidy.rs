//! The project's own lints over the text of its files: boundaries, house rules, words, translations.
//!
//! Runs as a test (`cargo test -p xtask`) and as `cargo xtask tidy`. A rule that clippy or Cargo can express does not
//! belong here. Exceptions stand in the tables below, each with its reason; one that is no longer needed is an error.

mod files;
mod rules;

use anyhow::{Result, bail};
use std::path::Path;

/// Something that is not tidy: file, line (0 for the whole file), what.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    path: String,
    line: usize,
    what: String,
}

impl Problem {
    fn new(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, what: what.into() }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { path, line, what } = self;
        if *line == 0 { write!(f, "{path}: {what}") } else { write!(f, "{path}:{line}: {what}") }
    }
}

/// Checks every file and prints what is wrong.
///
/// # Errors
/// Something is not tidy, or a file cannot be read.
pub fn tidy(root: &Path) -> Result<()> {
    let files = files::read(root)?;
    let problems = rules::check(&files);
    if problems.is_empty() {
        println!("{} files are tidy", files.len());
        return Ok(());
    }
    for problem in &problems {
        eprintln!("{problem}");
    }
    bail!("{} problems", problems.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_is_tidy() {
        let files = files::read(&crate::root()).unwrap();
        assert!(files.len() > 20, "only {} files found", files.len());
        let problems: Vec<String> = rules::check(&files).iter().map(Problem::to_string).collect();
        assert!(problems.is_empty(), "{}", problems.join("\n"));
    }
}
