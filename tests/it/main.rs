//! The single end-to-end test binary. `cargo xtask test` builds what it needs and names it in the environment.

mod abuse;
mod access;
mod backup;
mod bad_input;
mod cases;
mod configured;
mod customers;
mod day;
#[cfg(target_os = "linux")]
mod fault;
#[cfg(target_os = "linux")]
mod fault_model;
mod fourth;
mod killed;
mod openapi;
mod outputs;
mod plugin_tools;
mod races;
mod scope;
mod served;
mod signals;
mod simulate;
mod standings;
mod tasks_api;
mod tasks_list;
mod unavailable;
mod user_end;
mod verify;
mod verify_tenant;
mod versions;
