//! Machine code that this installation made itself, and the only place where it turns into something that runs.
//!
//! Nothing else may hold bytes and call them code: `TrustedCode` comes from the compiling child or from a cache file whose
//! MAC was right.

use sha2::{Digest, Sha256};
use std::fs::File;
use std::path::PathBuf;
use wasmtime::component::Component;
use wasmtime::{Engine, Module};

/// What was compiled, or asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A plugin.
    Component,
    /// `engine.wasm`.
    Module,
    /// No code: what a plugin said of itself when it was asked.
    Manifest,
}

impl Kind {
    /// Part of the MAC: code of one kind is never taken for the other.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Component => "component",
            Self::Module => "module",
            Self::Manifest => "manifest",
        }
    }
}

/// Serialized machine code for the engine of this host.
pub(crate) struct TrustedCode {
    bytes: Vec<u8>,
    /// The same bytes as an open file that only this user can change, see `cache`; more bytes may follow.
    file: Option<File>,
}

impl TrustedCode {
    /// Only for `compile` (bytes the child made) and `cache` (bytes with the right MAC).
    pub(crate) fn vouch_for(bytes: Vec<u8>) -> Self {
        Self { bytes, file: None }
    }

    /// Only for `cache`: code that starts a file whose MAC was right and that nobody else can write to.
    pub(crate) fn vouch_for_file(bytes: Vec<u8>, file: File) -> Self {
        Self { bytes, file: Some(file) }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The component in it: mapped if there is a file, so that what is not used takes no memory and what is used can be
    /// read again. Else copied.
    #[expect(unsafe_code, reason = "loading machine code cannot be checked by a compiler")]
    pub(crate) fn component(&self, engine: &Engine) -> wasmtime::Result<Component> {
        if let Some(path) = self.file.as_ref().and_then(path_of) {
            // SAFETY: the bytes come unchanged from `Engine::precompile_component` of this program, see `vouch_for_file`.
            // The path names the very file that was read and whose MAC was right, not whatever has its name by now. Only
            // this user could change it, and this user could as well change our memory.
            return unsafe { Component::deserialize_file(engine, path) };
        }
        // SAFETY: the bytes come unchanged from `Engine::precompile_component` of this program, see `vouch_for`. They are in
        // memory of our own, so nobody changes them between the check of the MAC and here.
        unsafe { Component::deserialize(engine, &self.bytes) }
    }

    /// The core module in it. One for each process, so it is copied.
    #[expect(unsafe_code, reason = "loading machine code cannot be checked by a compiler")]
    pub(crate) fn module(&self, engine: &Engine) -> wasmtime::Result<Module> {
        // SAFETY: as in `component`, with `Engine::precompile_module`.
        unsafe { Module::deserialize(engine, &self.bytes) }
    }
}

/// A path that opens this very file again, whatever has become of its name.
#[cfg(target_os = "linux")]
fn path_of(file: &File) -> Option<PathBuf> {
    use std::os::fd::AsRawFd;
    let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
    path.exists().then_some(path)
}

/// Elsewhere there is no such path: the code is copied.
#[cfg(not(target_os = "linux"))]
fn path_of(_file: &File) -> Option<PathBuf> {
    None
}

/// SHA-256 of a binary.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string does not fail.
        write!(text, "{byte:02x}").ok();
        text
    })
}

/// The hash that [`hex`] wrote.
pub(crate) fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    for (index, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(index * 2..index * 2 + 2)?, 16).ok()?;
    }
    (hex(&hash) == text).then_some(hash)
}
