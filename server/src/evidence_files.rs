//! The bytes of evidence on disk: `<folder>/<tenant>/<first two digits>/<sha256>`.
//!
//! ACK: a file is written beside its place, synced, renamed, and its folder synced, before anybody is told. What is there
//! under a hash has that hash, so it is never written again. Which rows name a file is the store's business.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// See the module header.
#[derive(Clone, Debug)]
pub struct EvidenceFiles {
    folder: PathBuf,
}

impl EvidenceFiles {
    /// Evidence below `folder`.
    pub const fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Where the bytes of a hash are, or would be. Tenant and hash were checked: they hold no separators.
    pub fn path(&self, tenant: &str, sha256: &str) -> PathBuf {
        self.folder.join(tenant).join(sha256.get(..2).unwrap_or("__")).join(sha256)
    }

    /// Makes bytes durable under their hash. Blocks.
    ///
    /// # Errors
    /// Those of the file system, a full disk among them; then nothing is left behind.
    pub fn put(&self, tenant: &str, sha256: &str, bytes: &[u8]) -> io::Result<()> {
        let place = self.path(tenant, sha256);
        let folder = place.parent().unwrap_or(&self.folder);
        make_folders(folder)?;
        if place.exists() {
            // Whoever renamed it may not have synced the folder yet, or have died before.
            return sync_folder(folder);
        }
        let random: String = crate::app::salt().iter().map(|byte| format!("{byte:02x}")).collect();
        let beside = folder.join(format!(".{random}.part"));
        let written = write_synced(&beside, bytes).and_then(|()| std::fs::rename(&beside, &place));
        if let Err(error) = written {
            // Whatever is left of it is in the way of nobody; the first error is the one that counts.
            std::fs::remove_file(&beside).unwrap_or_default();
            return Err(error);
        }
        sync_folder(folder)
    }

    /// The bytes of a hash. Blocks.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn get(&self, tenant: &str, sha256: &str) -> io::Result<Vec<u8>> {
        std::fs::read(self.path(tenant, sha256))
    }

    /// Removes everything of a tenant. Blocks.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn remove_tenant(&self, tenant: &str) -> io::Result<()> {
        match std::fs::remove_dir_all(self.folder.join(tenant)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

/// Makes the tenant's folder and the one for the first digits, each synced into the one above it, whoever made it: a crash
/// must not take the way to a file.
fn make_folders(folder: &Path) -> io::Result<()> {
    let above: Vec<&Path> = folder.ancestors().skip(1).take(3).filter(|path| !path.as_os_str().is_empty()).collect();
    std::fs::create_dir_all(folder)?;
    above.into_iter().rev().try_for_each(sync_folder)
}

fn write_synced(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut out = std::fs::OpenOptions::new().write(true).create_new(true).open(file)?;
    out.write_all(bytes)?;
    out.sync_all()
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    std::fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_and_nothing_half_written_stays() {
        let temp = tempfile::tempdir().unwrap();
        let files = EvidenceFiles::new(temp.path().join("evidence"));
        files.put("tnt_a", "ab12", b"one").unwrap();
        files.put("tnt_a", "ab12", b"ignored: the hash is there").unwrap();
        assert_eq!(files.get("tnt_a", "ab12").unwrap(), b"one");
        assert!(files.get("tnt_b", "ab12").is_err());
        let names: Vec<_> = std::fs::read_dir(temp.path().join("evidence/tnt_a/ab")).unwrap().collect();
        assert_eq!(names.len(), 1);
        files.remove_tenant("tnt_a").unwrap();
        files.remove_tenant("tnt_a").unwrap();
        assert!(files.get("tnt_a", "ab12").is_err());
    }
}
