//! The power cut itself: what was synced stays, what was not is gone, and nothing else changes.

use anyhow::{Context as _, Result};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use tests::fault::{FaultLayer, Lost};

/// Path and text of each file, path and nothing of each folder.
pub type Contents = BTreeMap<String, Option<String>>;

/// A folder, and who writes there.
pub struct Power {
    temp: tempfile::TempDir,
    pub fault: FaultLayer,
}

/// A program that does what it is told, until it is killed.
pub struct Scribe {
    child: Child,
    answers: BufReader<ChildStdout>,
}

impl Power {
    pub fn on() -> Result<Self> {
        let temp = tempfile::tempdir()?;
        let fault = FaultLayer::build(&temp.path().join("fault"), &temp.path().join("watched"))?;
        Ok(Self { temp, fault })
    }

    pub fn scribe(&self) -> Result<Scribe> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scribe"));
        command.current_dir(self.temp.path().join("watched")).stdin(Stdio::piped()).stdout(Stdio::piped());
        self.fault.apply(&mut command);
        let mut child = command.spawn()?;
        let answers = BufReader::new(child.stdout.take().context("stdout")?);
        Ok(Scribe { child, answers })
    }

    /// Does all this in one program, kills it, and cuts the power.
    pub fn cut_after(&self, lines: &[&str]) -> Result<Lost> {
        let mut scribe = self.scribe()?;
        scribe.tell(&lines.join("\n"))?;
        scribe.done(lines.len())?;
        scribe.kill()?;
        self.fault.lose_unsynced()
    }

    /// Begins anew with an empty folder.
    pub fn clear(&self) -> Result<()> {
        let watched = self.temp.path().join("watched");
        std::fs::remove_dir_all(&watched)?;
        Ok(std::fs::create_dir(&watched)?)
    }

    /// In an empty folder, `before` is done and kept; then `lines` are done, and the power is cut.
    #[track_caller]
    fn check(&self, before: &[&str], lines: &[&str], expected: &[(&str, &str)], lost: Lost) -> Result<()> {
        self.clear()?;
        assert_eq!(self.cut_after(&[before, &["sync ."]].concat())?, Lost::default(), "`before` is kept");
        assert_eq!(self.cut_after(lines)?, lost, "{lines:?}");
        assert_eq!(self.contents()?, files(expected), "{lines:?}");
        assert_eq!(self.fault.lose_unsynced()?, Lost::default(), "a second cut takes nothing");
        Ok(())
    }

    pub fn contents(&self) -> Result<Contents> {
        let mut contents = Contents::new();
        read(&self.temp.path().join("watched"), "", &mut contents)?;
        Ok(contents)
    }
}

impl Scribe {
    /// Each line is words; `sync .` becomes `["sync", "."]`.
    pub fn tell(&mut self, lines: &str) -> Result<()> {
        let mut text = String::new();
        for line in lines.lines() {
            text += &serde_json::to_string(&line.split_whitespace().collect::<Vec<_>>())?;
            text.push('\n');
        }
        Ok(self.child.stdin.as_mut().context("stdin")?.write_all(text.as_bytes())?)
    }

    pub fn done(&mut self, n: usize) -> Result<()> {
        for number in 0..n {
            let mut line = String::new();
            self.answers.read_line(&mut line)?;
            anyhow::ensure!(line == "done\n", "line {number} was not done");
        }
        Ok(())
    }

    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

fn read(folder: &Path, prefix: &str, contents: &mut Contents) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            read(&entry.path(), &format!("{name}/"), contents)?;
            contents.insert(name, None);
        } else {
            contents.insert(name, Some(std::fs::read_to_string(entry.path())?));
        }
    }
    Ok(())
}

fn files(files: &[(&str, &str)]) -> Contents {
    files.iter().map(|(name, text)| ((*name).to_owned(), Some((*text).to_owned()))).collect()
}

const SYNCED: &[&str] = &["create a", "write a 0 0123456789", "sync a"];

fn lost(files: usize, names: usize, writes: usize, bytes: u64) -> Lost {
    Lost { files, names, writes, bytes }
}

#[test]
fn a_write_is_lost_until_it_is_synced() -> Result<()> {
    let power = Power::on()?;
    power.check(SYNCED, &["write a 10 abc"], &[("a", "0123456789")], lost(1, 0, 1, 3))?;
    power.check(SYNCED, &["write a 10 abc", "sync a"], &[("a", "0123456789abc")], lost(0, 0, 0, 0))?;
    power.check(SYNCED, &["write a 10 abc", "sync_data a"], &[("a", "0123456789abc")], lost(0, 0, 0, 0))?;
    power.check(
        SYNCED,
        &["write a 10 abc", "sync_data a", "write a 13 d"],
        &[("a", "0123456789abc")],
        lost(1, 0, 1, 1),
    )?;
    Ok(())
}

#[test]
fn an_overwrite_in_the_middle_gives_back_the_old_bytes() -> Result<()> {
    let power = Power::on()?;
    power.check(SYNCED, &["write a 3 xyz", "write a 4 XYZ"], &[("a", "0123456789")], lost(1, 0, 2, 6))?;
    power.check(SYNCED, &["write a 3 xyz", "sync a", "write a 4 XYZ"], &[("a", "012xyz6789")], lost(1, 0, 1, 3))?;
    power.check(SYNCED, &["write a 8 over-the-end"], &[("a", "0123456789")], lost(1, 0, 1, 12))?;
    Ok(())
}

#[test]
fn a_large_overwrite_is_taken_back_whole() -> Result<()> {
    let power = Power::on()?;
    let (old, new) = ("o".repeat(100_000), "n".repeat(70_000));
    let before = [&format!("replace a {old}") as &str, "sync a"];
    power.check(&before, &[&format!("write a 20000 {new}")], &[("a", &old)], lost(1, 0, 1, 70_000))?;
    Ok(())
}

#[test]
fn an_append_is_lost() -> Result<()> {
    let power = Power::on()?;
    power.check(SYNCED, &["append a x", "append a y"], &[("a", "0123456789")], lost(1, 0, 2, 2))?;
    power.check(SYNCED, &["append a x", "sync a", "append a y"], &[("a", "0123456789x")], lost(1, 0, 1, 1))?;
    Ok(())
}

#[test]
fn a_truncation_is_taken_back() -> Result<()> {
    let power = Power::on()?;
    power.check(SYNCED, &["cut a 4"], &[("a", "0123456789")], lost(1, 0, 1, 0))?;
    power.check(SYNCED, &["cut a 4", "append a abc"], &[("a", "0123456789")], lost(1, 0, 2, 3))?;
    power.check(SYNCED, &["cut a 4", "sync a", "cut a 20"], &[("a", "0123")], lost(1, 0, 1, 0))?;
    // Opening with O_TRUNC is a truncation too.
    power.check(SYNCED, &["replace a new"], &[("a", "0123456789")], lost(1, 0, 2, 3))?;
    Ok(())
}

#[test]
fn a_new_file_vanishes_unless_its_folder_is_synced() -> Result<()> {
    let power = Power::on()?;
    let make = ["create b", "write b 0 text", "sync b"];
    power.check(&[], &make, &[], lost(0, 1, 0, 0))?;
    power.check(&[], &[&make[..], &["sync ."]].concat(), &[("b", "text")], lost(0, 0, 0, 0))?;
    // The name is kept, the bytes are not.
    power.check(&[], &["create b", "sync .", "write b 0 text"], &[("b", "")], lost(1, 0, 1, 4))?;
    power.check(&[], &["create b", "write b 0 text"], &[], lost(1, 1, 1, 4))?;
    Ok(())
}

#[test]
fn a_rename_is_taken_back_unless_the_folder_is_synced() -> Result<()> {
    let power = Power::on()?;
    let make = ["create .part", "write .part 0 new", "sync .part", "rename .part a"];
    power.check(SYNCED, &make, &[("a", "0123456789")], lost(0, 1, 0, 0))?;
    power.check(SYNCED, &[&make[..], &["sync ."]].concat(), &[("a", "new")], lost(0, 0, 0, 0))?;
    power.check(&[], &make, &[], lost(0, 1, 0, 0))?;
    power.check(&[], &[&make[..], &["sync ."]].concat(), &[("a", "new")], lost(0, 0, 0, 0))?;
    power.check(SYNCED, &["rename a b"], &[("a", "0123456789")], lost(0, 2, 0, 0))?;
    // The well-known empty file: renamed and kept, but its bytes were not.
    power.check(
        SYNCED,
        &["create .part", "write .part 0 new", "rename .part a", "sync ."],
        &[("a", "")],
        lost(1, 0, 1, 3),
    )?;
    Ok(())
}

#[test]
fn a_removed_file_comes_back() -> Result<()> {
    let power = Power::on()?;
    power.check(SYNCED, &["remove a"], &[("a", "0123456789")], lost(0, 1, 0, 0))?;
    power.check(SYNCED, &["remove a", "sync ."], &[], lost(0, 0, 0, 0))?;
    power.check(
        SYNCED,
        &["write a 0 x", "remove a", "create a", "write a 0 y", "sync a"],
        &[("a", "0123456789")],
        lost(1, 1, 1, 1),
    )?;
    Ok(())
}

#[test]
fn links_and_copies_are_names_and_writes() -> Result<()> {
    let power = Power::on()?;
    power.check(SYNCED, &["link a b"], &[("a", "0123456789")], lost(0, 1, 0, 0))?;
    power.check(SYNCED, &["link a b", "sync ."], &[("a", "0123456789"), ("b", "0123456789")], lost(0, 0, 0, 0))?;
    let b = ["create b", "sync b"];
    power.clear()?;
    power.cut_after(&[SYNCED, &b, &["sync ."]].concat())?;
    assert_eq!(power.cut_after(&["copy a b"])?.files, 1);
    assert_eq!(power.contents()?, files(&[("a", "0123456789"), ("b", "")]));
    assert_eq!(power.cut_after(&["copy a b", "sync b"])?.files, 0);
    assert_eq!(power.contents()?, files(&[("a", "0123456789"), ("b", "0123456789")]));
    Ok(())
}

#[test]
fn a_folder_is_a_name_too() -> Result<()> {
    let power = Power::on()?;
    let make = ["make_folder d", "create d/a", "write d/a 0 text", "sync d/a", "sync d"];
    power.check(&[], &make, &[], lost(0, 1, 0, 0))?;
    power.clear()?;
    power.cut_after(&[&make[..], &["sync ."]].concat())?;
    let kept = power.contents()?;
    assert_eq!(kept, BTreeMap::from([("d".into(), None), ("d/a".into(), Some("text".into()))]));
    for lines in [
        &["rename d e", "create e/b", "rename e/a e/c"] as &[&str],
        &["remove_all d"],
        &["remove d/a", "remove_folder d", "make_folder d", "create d/b", "sync d"],
        &["make_folder e", "rename d/a e/a", "sync e", "remove_folder d", "rename e d"],
        &["make_folder d/d", "rename d/a d/d/a", "rename d/d e", "rename d e/d"],
    ] {
        power.cut_after(lines)?;
        assert_eq!(power.contents()?, kept, "{lines:?}");
    }
    power.cut_after(&["remove_all d", "sync ."])?;
    assert_eq!(power.contents()?, Contents::new());
    Ok(())
}

#[test]
fn what_a_killed_program_left_unsynced_stays_unsynced() -> Result<()> {
    let power = Power::on()?;
    for lines in [&["create a", "sync ."] as &[&str], &["append a x"], &["append a y"]] {
        let mut scribe = power.scribe()?;
        scribe.tell(&lines.join("\n"))?;
        scribe.done(lines.len())?;
        scribe.kill()?;
    }
    assert_eq!(power.contents()?, files(&[("a", "xy")]));
    assert_eq!(power.fault.lose_unsynced()?, lost(1, 0, 2, 2));
    assert_eq!(power.contents()?, files(&[("a", "")]));
    Ok(())
}
