//! The single end-to-end test binary.
