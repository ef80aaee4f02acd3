//! Use cases, one in a file: load, decide, write down. They know the engine, the store and the sandbox, but neither HTTP nor
//! SQL. Whoever calls them has found out who is asking (`caller`).

pub mod audit;
pub mod book;
pub mod calendar;
pub mod caller;
pub mod close_visit;
pub mod customers;
pub mod datasets;
pub mod evidence;
mod exif;
pub mod explanation;
pub mod follow_up;
pub mod import;
pub mod installations;
pub mod judge;
pub mod ledgers;
pub mod load;
pub mod location_checks;
pub mod once;
pub mod outputs;
pub mod overlays;
pub mod people;
pub mod plugins;
pub mod problem;
pub mod publish;
pub mod reassess;
pub mod records;
pub mod remind;
pub mod report;
pub mod rules;
pub mod sessions;
pub mod sops;
pub mod task_view;
pub mod tasks;
pub mod tokens;
pub mod visit_command;
pub mod visits;
