//! The pure core of Sopwith: it decides.
//!
//! Vocabulary: a *sop* has *steps* with *forms*; a *visit* is one stay at a *customer*, its *run* executes one effective
//! SOP; a rep's *submission* of a step is checked by built-in checks and by *rules* of plugins, which make *findings*; the
//! visit gets a *decision*, a *validity*, a *score* and a *risk*; what happened is kept as *events*.
//!
//! Reading order: `sop` (the document), `command` (what people ask for), `submit` (check → rule calls → decide),
//! `complete` (the verdict), `visit` (events and state), `journal` (a whole book of visits), `explain` (why, in words).
//!
//! Invariants: PURE: no async, IO, clock or random; the answer depends on the arguments only, and is byte-equal natively
//! and in engine.wasm. PINNED: a run never changes version by itself. REPLAY: stored inputs give the same findings.
//! EXPLAIN: every decision names checks, rules, inputs and versions. CRS: every coordinate names its system.

pub mod alike;
mod calls;
pub mod canon;
pub mod command;
pub mod complete;
pub mod condition;
pub mod contest;
pub mod decimal;
pub mod door;
pub mod draw;
pub mod effective;
pub mod event;
pub mod explain;
pub mod finding;
pub mod form;
mod gate;
pub mod gather;
pub mod history;
pub mod id;
pub mod input;
pub mod journal;
pub mod ledger;
pub mod lint;
pub mod output;
pub mod overlay;
pub mod parameters;
pub mod parts;
pub mod place;
pub mod progress;
pub mod recheck;
pub mod rejection;
pub mod resolve;
pub mod risk;
pub mod rule;
pub mod score;
pub mod signature;
pub mod sop;
mod spawn;
pub mod standing;
mod step_check;
pub mod strokes;
pub mod submit;
pub mod task;
#[cfg(test)]
mod tests;
pub mod text;
pub mod time;
pub mod verdict;
pub mod visit;
#[cfg(target_arch = "wasm32")]
mod wasm;
