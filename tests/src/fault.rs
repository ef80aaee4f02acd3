//! A power cut for the program under test: what it did not sync before it was killed is gone.
//!
//! `tests/fault/unsynced.c` goes into the program by `LD_PRELOAD` and notes how to take back each change; its header says
//! what it sees and what it does not. Here the notes are followed. Linux with glibc only.

use anyhow::{Context as _, Result, ensure};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The compiled library, and the folder it watches.
#[derive(Debug)]
pub struct FaultLayer {
    library: PathBuf,
    watched: PathBuf,
    undo: PathBuf,
}

/// What a power cut took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Files that were changed after their last sync.
    pub files: usize,
    /// Names that were made, moved or removed after the last sync of their folder.
    pub names: usize,
    /// Calls that changed these files, truncations among them.
    pub writes: usize,
    /// Bytes these calls wrote.
    pub bytes: u64,
}

impl FaultLayer {
    /// Compiles the library into `out_dir`, which also takes the notes, to watch everything below `watched`. Both folders
    /// are on one file system, and `out_dir` is not below `watched`.
    ///
    /// # Errors
    /// A folder cannot be made, or there is no C compiler.
    pub fn build(out_dir: &Path, watched: &Path) -> Result<Self> {
        for folder in [out_dir, watched] {
            fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        let (out_dir, watched) = (out_dir.canonicalize()?, watched.canonicalize()?);
        ensure!(!out_dir.starts_with(&watched), "{} is below what is watched", out_dir.display());
        let (library, undo) = (out_dir.join("unsynced.so"), out_dir.join("undo"));
        fs::create_dir_all(&undo)?;
        let output = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .args([&library, &crate::root().join("tests/fault/unsynced.c")])
            .output()
            .context("cannot run cc")?;
        ensure!(output.status.success(), "cc: {}", String::from_utf8_lossy(&output.stderr));
        Ok(Self { library, watched, undo })
    }

    /// Lets the library watch what this command will do.
    pub fn apply(&self, command: &mut Command) {
        command.env("LD_PRELOAD", &self.library).env("UNSYNCED_ROOT", &self.watched).env("UNSYNCED_UNDO", &self.undo);
    }

    /// Brings the watched folder to what was synced when the program was killed. The program must be dead and waited for.
    /// A program that starts again without this loses nothing, and what it left unsynced stays unsynced.
    ///
    /// # Errors
    /// The notes or the files cannot be read or changed.
    pub fn lose_unsynced(&self) -> Result<Lost> {
        let mut lost = Lost::default();
        let mut there = Inodes::default();
        there.walk(&self.watched)?;
        let was_there = there.files.clone();
        self.take_back_names(&mut there, &mut lost)?;
        let mut there = Inodes::default();
        there.walk(&self.watched)?;
        for (inode, path) in numbered(&self.undo.join("data"))? {
            let bytes = fs::read(&path)?;
            let notes = notes(&bytes)?;
            let place = there.files.get(&inode);
            if notes.is_empty() || (place.is_none() && !was_there.contains_key(&inode)) {
                continue;
            }
            lost.files += 1;
            lost.writes += notes.iter().filter(|note| note.begins).count();
            lost.bytes += notes.iter().map(|note| note.new_length).sum::<u64>();
            if let Some(place) = place {
                take_back_bytes(place, &notes).with_context(|| format!("cannot take back {}", place.display()))?;
            }
        }
        fs::remove_dir_all(&self.undo)?;
        fs::create_dir(&self.undo)?;
        Ok(lost)
    }

    /// First everything that stands under a changed name goes aside, then everything that stood there comes back. Folders
    /// are held open meanwhile, so it does not matter where they have moved.
    fn take_back_names(&self, there: &mut Inodes, lost: &mut Lost) -> Result<()> {
        let noted = self.noted()?;
        there.folders.extend(numbered(&self.undo.join("removed"))?);
        let mut folders: BTreeMap<u64, Folder> = BTreeMap::new();
        for noted in &noted {
            let moved = if let Was::Folder(inode) = noted.was { Some(inode) } else { None };
            for inode in std::iter::once(noted.folder).chain(moved) {
                if let Some(path) = there.folders.get(&inode).filter(|_| !folders.contains_key(&inode)) {
                    folders.insert(inode, Folder(File::open(path)?));
                }
            }
        }
        let aside = self.undo.join("aside");
        fs::create_dir(&aside)?;
        let mut missing = Vec::new();
        for (number, noted) in noted.iter().enumerate() {
            // Nothing leads to this folder any more.
            let Some(folder) = folders.get(&noted.folder) else { continue };
            let place = folder.path().join(&noted.name);
            let is = match fs::symlink_metadata(&place) {
                Ok(is) => Some(is.ino()),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
                Err(error) => return Err(error.into()),
            };
            if is == noted.was.inode() {
                continue;
            }
            lost.names += 1;
            if is.is_some() {
                fs::rename(&place, aside.join(number.to_string()))?;
            }
            missing.push((place, noted));
        }
        for (place, noted) in missing {
            match noted.was {
                Was::Absent => {}
                Was::File(_) => fs::rename(&noted.note, &place)?,
                Was::Folder(inode) => {
                    let folder = folders.get(&inode).with_context(|| format!("folder {inode} is gone"))?;
                    fs::rename(fs::read_link(folder.path())?, &place)?;
                }
            }
        }
        Ok(())
    }

    fn noted(&self) -> Result<Vec<Noted>> {
        let mut noted = Vec::new();
        for (folder, path) in numbered(&self.undo.join("names"))? {
            for entry in fs::read_dir(&path)? {
                let entry = entry?;
                noted.push(Noted {
                    folder,
                    name: entry.file_name(),
                    was: Was::read(&entry.path())?,
                    note: entry.path(),
                });
            }
        }
        Ok(noted)
    }
}

/// A name of a folder that is not synced.
struct Noted {
    folder: u64,
    name: OsString,
    was: Was,
    note: PathBuf,
}

/// What a name was when its folder was last synced.
#[derive(Clone, Copy)]
enum Was {
    Absent,
    File(u64),
    Folder(u64),
}

impl Was {
    fn read(note: &Path) -> Result<Self> {
        let about = fs::symlink_metadata(note)?;
        let target = if about.is_symlink() { fs::read_link(note)? } else { PathBuf::new() };
        let target = target.to_string_lossy();
        Ok(match target.strip_prefix("unsynced:") {
            None => Self::File(about.ino()),
            Some("absent") => Self::Absent,
            Some(other) => Self::Folder(other.strip_prefix("folder:").context("not a note about a name")?.parse()?),
        })
    }

    const fn inode(self) -> Option<u64> {
        match self {
            Self::Absent => None,
            Self::File(inode) | Self::Folder(inode) => Some(inode),
        }
    }
}

/// An open folder, wherever it moves.
struct Folder(File);

impl Folder {
    fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.0.as_raw_fd()))
    }
}

/// Where the inodes below a folder are.
#[derive(Default)]
struct Inodes {
    files: BTreeMap<u64, PathBuf>,
    folders: BTreeMap<u64, PathBuf>,
}

impl Inodes {
    fn walk(&mut self, root: &Path) -> Result<()> {
        let mut folders = vec![root.to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder)? {
                let entry = entry?;
                let about = entry.metadata()?;
                if about.is_dir() {
                    folders.push(entry.path());
                } else if about.is_file() {
                    self.files.insert(about.ino(), entry.path());
                }
            }
            self.folders.insert(fs::metadata(&folder)?.ino(), folder);
        }
        Ok(())
    }
}

/// What is in a folder whose names are inodes.
fn numbered(folder: &Path) -> Result<Vec<(u64, PathBuf)>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let inode = entry.file_name().to_string_lossy().parse().context("not the name of an inode")?;
        entries.push((inode, entry.path()));
    }
    Ok(entries)
}

/// `struct note` of the library.
struct Note<'a> {
    begins: bool,
    offset: u64,
    old_size: u64,
    old: &'a [u8],
    new_length: u64,
}

const MAGIC: &[u8] = b"unsynced";
const HEADER: usize = 7 * 8;

/// The notes in order. One whose writer was killed half way is left out: the change it announced did not happen.
fn notes(bytes: &[u8]) -> Result<Vec<Note<'_>>> {
    let mut notes = Vec::new();
    let mut position = 0;
    while let Some(header) = header(bytes, position) {
        let [_, _, begins, offset, old_size, old_length, new_length] = header;
        let start = position + HEADER;
        let end = start.saturating_add(usize::try_from(old_length)?);
        // After a half note comes the end, or a whole one of a program that was started later.
        let next = next_header(bytes, start);
        if let Some(old) = bytes.get(start..end).filter(|_| end <= next) {
            ensure!(next - end < HEADER, "the notes make no sense at {end}");
            notes.push(Note { begins: begins == 1, offset, old_size, old, new_length });
        }
        position = next;
    }
    Ok(notes)
}

/// A header says where it stands, so bytes of a file are not taken for one.
fn header(bytes: &[u8], position: usize) -> Option<[u64; 7]> {
    let mut words = bytes.get(position..position + HEADER)?.chunks_exact(8);
    let header = [(); 7].map(|()| words.next().and_then(|word| word.try_into().ok()).map_or(0, u64::from_ne_bytes));
    let [_, at, ..] = header;
    (bytes.get(position..)?.starts_with(MAGIC) && usize::try_from(at) == Ok(position)).then_some(header)
}

fn next_header(bytes: &[u8], mut position: usize) -> usize {
    while let Some(found) =
        bytes.get(position..).and_then(|rest| rest.windows(MAGIC.len()).position(|window| window == MAGIC))
    {
        position += found;
        if header(bytes, position).is_some() {
            return position;
        }
        position += 1;
    }
    bytes.len()
}

/// From the last change to the first.
fn take_back_bytes(place: &Path, notes: &[Note<'_>]) -> Result<()> {
    let file = OpenOptions::new().write(true).open(place)?;
    for note in notes.iter().rev() {
        file.set_len(note.old_size)?;
        file.write_all_at(note.old, note.offset)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(at: usize, old: &[u8]) -> Vec<u8> {
        let words = [at as u64, 1, 7, 20, old.len() as u64, 5];
        let words = words.iter().flat_map(|word| word.to_ne_bytes());
        MAGIC.iter().copied().chain(words).chain(old.iter().copied()).collect()
    }

    #[track_caller]
    fn check(bytes: &[u8], expected: &[&[u8]]) {
        let found: Vec<&[u8]> = notes(bytes).unwrap().iter().map(|note| note.old).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_half_note_is_left_out() {
        let first = note(0, b"unsynced old bytes");
        check(&first, &[b"unsynced old bytes"]);
        let second = note(first.len(), b"more");
        let both = [&first[..], &second].concat();
        check(&both, &[b"unsynced old bytes", b"more"]);
        for length in first.len()..both.len() {
            check(&both[..length], &[b"unsynced old bytes"]);
        }
        // The writer was killed in the first note; the program was started again and wrote the second.
        let half = &first[..first.len() - 3];
        check(&[half, &note(half.len(), b"more")].concat(), &[b"more"]);
        check(&[], &[]);
    }

    #[test]
    fn what_is_no_note_is_an_error() {
        let mut bytes = note(0, b"old");
        bytes.extend([b'?'; HEADER]);
        assert!(notes(&bytes).is_err());
    }
}
