//! Write a Sopwith rule: a struct that is the rule's config, an `impl Rule`, and a line in `export_plugin!`.
//!
//! ```
//! use schemars::JsonSchema;
//! use serde::Deserialize;
//! use sopwith_sdk::{About, Context, Finding, Findings, Input, Rule, RuleError, Validate, export_plugin, texts};
//!
//! /// The config of the rule; its JSON Schema goes into the manifest.
//! #[derive(Deserialize, JsonSchema)]
//! #[serde(default, deny_unknown_fields)]
//! struct Stairs {
//!     /// Most steps a staircase may have.
//!     most: u32,
//! }
//!
//! impl Default for Stairs {
//!     fn default() -> Self {
//!         Self { most: 20 }
//!     }
//! }
//!
//! /// The answers the rule reads; members it does not name are ignored.
//! #[derive(Deserialize)]
//! struct Answers {
//!     steps: u32,
//! }
//!
//! impl Rule for Stairs {
//!     type Kind = Validate;
//!     const ABOUT: About = About {
//!         id: "stairs",
//!         title: texts! { "en": "Stairs", "zh-CN": "楼梯" },
//!         description: texts! { "en": "Counts the steps.", "zh-CN": "检查台阶数量。" },
//!         codes: &[("stairs.too_many", texts! { "en": "{steps} steps are too many", "zh-CN": "{steps} 级台阶过多" })],
//!         ..About::EMPTY
//!     };
//!
//!     fn run(&self, input: &Input, _: &Context) -> Result<Findings, RuleError> {
//!         let answers: Answers = input.submission()?.answers_as()?;
//!         let mut findings = Findings::new();
//!         if answers.steps > self.most {
//!             findings.push(Finding::error("stairs.too_many").at("/steps").with("steps", answers.steps).weight(10));
//!         }
//!         Ok(findings)
//!     }
//! }
//!
//! export_plugin! {
//!     name: "house",
//!     title: { "en": "House rules", "zh-CN": "家规" },
//!     rules: [Stairs],
//! }
//! # fn main() {}
//! ```
//!
//! A rule is a pure function of its `Input` and of the dataset rows it looks up: no clock, no random, no files. On
//! `wasm32-unknown-unknown` the macro exports the rules as the world `sopwith:plugin/plugin`; elsewhere the same rules run
//! in the process (`native`), which is how `testing::check_cases` runs the case files of a plugin.
//!
//! What must not live here: anything an industry knows, and anything the engine decides (effects, risk, scores).

mod about;
mod answer;
mod context;
pub mod dates;
mod export;
mod geo;
mod input;
mod manifest;
#[cfg(target_arch = "wasm32")]
mod memory;
pub mod money;
mod number;
mod on_demand;
mod rule;

#[cfg(not(target_arch = "wasm32"))]
pub mod native;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
#[cfg(target_arch = "wasm32")]
pub mod wasm;

/// Of every guest that is made with this crate.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static MEMORY: memory::Memory = memory::Memory::new();

pub use about::{About, Availability, Need, Text};
pub use answer::{Answer, Finding, Findings, Part, RuleError, Scorecard, Severity};
pub use context::{Context, Level};
pub use geo::distance_m;
pub use input::{
    Absent, AbsentCode, CheckIn, Crs, Customer, Evidence, EvidenceUse, Exif, Input, Integrity, Interval, Moment,
    OnDevice, Origin, PartStanding, PhotoNeighbour, Position, PreviousVisit, RepStanding, SameText, Submission,
    TimeSource, Visit,
};
pub use manifest::{CodeManifest, Manifest, NeedDeclaration, RuleManifest};
pub use number::{ratio, round1};
pub use on_demand::OnDemand;
pub use rule::{Assess, Interface, Kind, Plugin, Rule, RuleEntry, Score, Validate};

#[cfg(test)]
mod tests;
