//! The pure core of Sopwith.
pub mod command;
pub mod input;
pub mod place;
pub mod rule;
pub mod sop;
pub mod text;
