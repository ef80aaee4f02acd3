//! Machine code that this installation made itself, and the only place where it turns into something that runs.
//!
//! Nothing else may hold bytes and call them code: `TrustedCode` comes from the compiling child or from a cache file whose
//! MAC was right.

use sha2::{Digest, Sha256};
use wasmtime::component::Component;
use wasmtime::{Engine, Module};

/// What was compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A plugin.
    Component,
    /// `engine.wasm`.
    Module,
}

impl Kind {
    /// Part of the MAC: code of one kind is never taken for the other.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Component => "component",
            Self::Module => "module",
        }
    }
}

/// Serialized machine code for the engine of this host.
pub(crate) struct TrustedCode(Vec<u8>);

impl TrustedCode {
    /// Only for `compile` (bytes the child made) and `cache` (bytes with the right MAC).
    pub(crate) fn vouch_for(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The component in it.
    #[expect(unsafe_code, reason = "loading machine code cannot be checked by a compiler")]
    pub(crate) fn component(&self, engine: &Engine) -> wasmtime::Result<Component> {
        // SAFETY: the bytes come unchanged from `Engine::precompile_component` of this program, see `vouch_for`. They are in
        // memory of our own, so nobody changes them between the check of the MAC and here.
        unsafe { Component::deserialize(engine, &self.0) }
    }

    /// The core module in it.
    #[expect(unsafe_code, reason = "loading machine code cannot be checked by a compiler")]
    pub(crate) fn module(&self, engine: &Engine) -> wasmtime::Result<Module> {
        // SAFETY: as in `component`, with `Engine::precompile_module`.
        unsafe { Module::deserialize(engine, &self.0) }
    }
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
