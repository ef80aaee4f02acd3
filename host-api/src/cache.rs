//! Compiled code on disk, and what a plugin said of itself: one file of each for each binary and engine, content first, then its
//! MAC.
//!
//! Loading code that somebody else wrote is the end of the sandbox, so a file counts only with a MAC over the binary's
//! hash, what made the code (`policy::made_by`), the target and the code. The MAC is keyed BLAKE3: to hash megabytes is most
//! of what loading costs. The key stays in this process; the child that compiles never sees it. A file is opened once, read
//! whole, and checked. One that does not check out is deleted. Losing the folder costs a compilation, nothing else.
//!
//! After the check the open file itself is mapped (`code`), so that a thousand plugins do not take memory for code nobody
//! runs. That is only safe if the file cannot change under the mapping: it must belong to this user, and nobody else may
//! write to it. Whoever can write as this user can also read the key and write to our memory, so nothing is lost. Any
//! other file is used from a copy.

use crate::code::{Kind, TrustedCode, hex};
use crate::error::HostError;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

const MAC_BYTES: usize = 32;

/// The folder of compiled code and the key of its MACs.
pub(crate) struct Cache {
    folder: PathBuf,
    key: [u8; 32],
    made_by: [u8; 32],
    code_bytes: usize,
}

impl Cache {
    pub(crate) fn open(
        folder: PathBuf,
        key: [u8; 32],
        made_by: [u8; 32],
        code_bytes: usize,
    ) -> Result<Self, HostError> {
        fs::create_dir_all(&folder).map_err(|source| HostError::Cache { path: folder.clone(), source })?;
        Ok(Self { folder, key, made_by, code_bytes })
    }

    /// The code of the binary with this hash, if it is here and untouched.
    pub(crate) fn get(&self, kind: Kind, hash: &[u8; 32]) -> Option<TrustedCode> {
        let (bytes, file) = self.untouched(kind, hash)?;
        let ours = only_ours(&file).inspect_err(|error| tracing::warn!(%error, "cannot tell whose the file is"));
        Some(if ours.unwrap_or(false) {
            TrustedCode::vouch_for_file(bytes, file)
        } else {
            TrustedCode::vouch_for(bytes)
        })
    }

    /// What the plugin with this hash said of itself, if it was asked before: it always says the same.
    pub(crate) fn manifest(&self, hash: &[u8; 32]) -> Option<String> {
        self.untouched(Kind::Manifest, hash).and_then(|(bytes, _)| String::from_utf8(bytes).ok())
    }

    /// Content of a file with the right MAC.
    fn untouched(&self, kind: Kind, hash: &[u8; 32]) -> Option<(Vec<u8>, File)> {
        let path = self.path(kind, hash);
        match self.read(&path, kind, hash) {
            Ok(Some(content)) => Some(content),
            Ok(None) => {
                tracing::warn!(path = %path.display(), "a file does not carry our MAC: deleted, will be made again");
                if let Err(error) = fs::remove_file(&path) {
                    tracing::warn!(path = %path.display(), %error, "cannot delete it");
                }
                None
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "cannot read compiled code");
                None
            }
        }
    }

    /// Keeps code. A failure costs a compilation later, so it is only logged.
    pub(crate) fn put(&self, kind: Kind, hash: &[u8; 32], code: &TrustedCode) {
        self.keep(kind, hash, code.bytes());
    }

    /// Keeps what a plugin said of itself. A failure costs asking again.
    pub(crate) fn put_manifest(&self, hash: &[u8; 32], text: &str) {
        self.keep(Kind::Manifest, hash, text.as_bytes());
    }

    fn keep(&self, kind: Kind, hash: &[u8; 32], content: &[u8]) {
        let path = self.path(kind, hash);
        if let Err(error) = self.write(&path, kind, hash, content) {
            tracing::warn!(path = %path.display(), %error, "cannot keep a file");
        }
    }

    /// `None`: the file is there, but it is not ours.
    fn read(&self, path: &Path, kind: Kind, hash: &[u8; 32]) -> io::Result<Option<(Vec<u8>, File)>> {
        let most = self.code_bytes.saturating_add(MAC_BYTES).saturating_add(1);
        let mut bytes = Vec::new();
        let file = File::open(path)?;
        (&file).take(most as u64).read_to_end(&mut bytes)?;
        let Some(length) = bytes.len().checked_sub(MAC_BYTES) else { return Ok(None) };
        let mac = bytes.split_off(length);
        // The comparison takes the same time wherever they differ.
        if self.mac(kind, hash, &bytes) != *mac.as_slice() {
            return Ok(None);
        }
        Ok(Some((bytes, file)))
    }

    /// Whole or not at all: a temporary file, flushed, then renamed; the folder flushed after it.
    fn write(&self, path: &Path, kind: Kind, hash: &[u8; 32], code: &[u8]) -> io::Result<()> {
        let mac = self.mac(kind, hash, code);
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(code)?;
        file.write_all(mac.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        #[cfg(unix)]
        File::open(&self.folder)?.sync_all()?;
        Ok(())
    }

    fn mac(&self, kind: Kind, hash: &[u8; 32], code: &[u8]) -> blake3::Hash {
        let mut mac = blake3::Hasher::new_keyed(&self.key);
        // Every part but the last has a fixed length or carries it, so no two lists of parts give the same bytes.
        let target = format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS);
        for part in [b"sopwith.code.v4", kind.as_str().as_bytes(), target.as_bytes()] {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part);
        }
        mac.update(hash);
        mac.update(&self.made_by);
        mac.update(code);
        mac.finalize()
    }

    fn path(&self, kind: Kind, hash: &[u8; 32]) -> PathBuf {
        let engine = hex(&self.made_by);
        let what = match kind {
            Kind::Component | Kind::Module => "code",
            Kind::Manifest => "manifest",
        };
        self.folder.join(format!("{}-{}.{what}", hex(hash), engine.get(..16).unwrap_or(&engine)))
    }
}

/// Nobody but this user can write to it. (An access list that lets somebody shows in the bits of the group.)
#[cfg(unix)]
fn only_ours(file: &File) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let about = file.metadata()?;
    let ours = about.uid() == rustix::process::geteuid().as_raw();
    Ok(ours && about.is_file() && about.mode() & 0o022 == 0)
}

/// Cannot be told here.
#[cfg(not(unix))]
fn only_ours(_file: &File) -> io::Result<bool> {
    Ok(false)
}
