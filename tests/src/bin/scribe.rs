//! A program to be killed: does what each line of its input says, then answers with a line.
//!
//! A line is JSON: a list of the verb and its arguments. Paths are below the current folder. Nothing is synced but by
//! `sync`, which takes files and folders.

use anyhow::{Context as _, Result};
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, Write as _};
use std::os::unix::fs::FileExt as _;

fn main() -> Result<()> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = serde_json::from_str(&line)?;
        obey(&words).with_context(|| line.clone())?;
        writeln!(out, "done")?;
        out.flush()?;
    }
    Ok(())
}

fn obey(words: &[&str]) -> Result<()> {
    match words {
        ["create", file] => drop(File::create_new(file)?),
        ["write", file, offset, text] => {
            let file = OpenOptions::new().read(true).write(true).open(file)?;
            file.write_all_at(text.as_bytes(), offset.parse()?)?;
        }
        ["append", file, text] => OpenOptions::new().append(true).open(file)?.write_all(text.as_bytes())?,
        ["replace", file, text] => fs::write(file, text)?,
        ["cut", file, size] => OpenOptions::new().write(true).open(file)?.set_len(size.parse()?)?,
        ["copy", from, to] => drop(fs::copy(from, to)?),
        ["rename", from, to] => fs::rename(from, to)?,
        ["link", from, to] => fs::hard_link(from, to)?,
        ["remove", file] => fs::remove_file(file)?,
        ["make_folder", folder] => fs::create_dir(folder)?,
        ["remove_folder", folder] => fs::remove_dir(folder)?,
        ["remove_all", folder] => fs::remove_dir_all(folder)?,
        ["sync", path] => File::open(path)?.sync_all()?,
        ["sync_data", path] => File::open(path)?.sync_data()?,
        _ => anyhow::bail!("no such verb, or not with these arguments"),
    }
    Ok(())
}
