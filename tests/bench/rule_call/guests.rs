//! The same rule written in JavaScript and in Python (`tests/bench/guests/`), each with its interpreter in the component.
//!
//! `cargo xtask bench` builds them into a folder that is named in `SOPWITH_BENCH_GUESTS`. Where one is missing this says so
//! and goes on, as it does where the sandbox refuses one.

use super::scene::{self, Scene};
use super::{GROUP, paired, stages};
use crate::measure::{Measure, Of, Settings};
use anyhow::ensure;
use host_api::{Host, Limits, Plugin};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

/// One language.
struct Language {
    name: &'static str,
    file: &'static str,
    limits: fn() -> Limits,
    /// What a call must not exceed, microseconds.
    most: Option<f64>,
}

const LANGUAGES: [Language; 2] = [
    Language { name: "JavaScript (QuickJS)", file: "price-js.wasm", limits: Limits::default, most: Some(100.0) },
    Language { name: "Python", file: "price-py.wasm", limits: for_python, most: None },
];

/// See the module header.
pub fn measure(settings: &Settings, scene: &Scene, host: &Host, rust: &Arc<Plugin>) -> anyhow::Result<Vec<Measure>> {
    let Ok(folder) = tests::built("SOPWITH_BENCH_GUESTS") else {
        eprintln!("NOT RUN: rules in JavaScript and Python: SOPWITH_BENCH_GUESTS is not set");
        return Ok(Vec::new());
    };
    let mut measures = Vec::new();
    for language in &LANGUAGES {
        let file = folder.join(language.file);
        if file.exists() {
            let other = scene::host((language.limits)(), None)?;
            match other.load(&scene::read(&file)?) {
                Ok(plugin) => measures.extend(one(settings, scene, host, rust, language, &other, &plugin)?),
                Err(refused) => eprintln!("NOT RUN: the rule in {}: the sandbox refuses it: {refused}", language.name),
            }
        } else {
            eprintln!("NOT RUN: the rule in {}: {} is missing", language.name, file.display());
        }
    }
    Ok(measures)
}

fn one(
    settings: &Settings,
    scene: &Scene,
    host: &Host,
    rust: &Arc<Plugin>,
    language: &Language,
    other: &Host,
    plugin: &Arc<Plugin>,
) -> anyhow::Result<Vec<Measure>> {
    let (call, of_rust) = (scene.call(plugin), scene.call(rust));
    let here = other.call(plugin, &call, &scene.datasets);
    let there = host.call(rust, &of_rust, &scene.datasets);
    ensure!(here.answer == there.answer, "{} says {:?}, Rust {:?}", language.name, here.answer, there.answer);
    let (fresh, floor) = paired(
        settings,
        || scene::answered(black_box(other.call(plugin, &call, &scene.datasets))),
        || scene::answered(black_box(host.call(rust, &of_rust, &scene.datasets))),
    )?;
    let measure =
        Measure::beside(GROUP, format!("{}, fresh store", language.name), "us", &fresh, "the rule in Rust", &floor);
    let measure = match language.most {
        Some(most) => measure.at_most(Of::Value, most),
        None => measure,
    };
    // What the guest does by itself, whatever the machine: how many instructions its interpreter needs for those of the rule.
    let (fuel, of_rust) = ([here.fuel as f64], [there.fuel as f64]);
    let name = format!("{}, instructions (fuel)", language.name);
    let fuel = Measure::beside(GROUP, name, "", &fuel, "the rule in Rust", &of_rust);
    let parts = stages(settings, scene, other, plugin, &format!(", {}", language.name))?;
    Ok([vec![measure, fuel], parts].concat())
}

/// What an interpreter of 18 MB needs: no server grants it today.
fn for_python() -> Limits {
    const MIB: usize = 1 << 20;
    let mut limits = Limits::default();
    limits.plugin.bytes = 32 * MIB;
    limits.plugin.modules = 64;
    limits.plugin.instances = 64;
    limits.plugin.functions = 100_000;
    limits.plugin.function_bytes = 4 * MIB;
    limits.plugin.globals = 20_000;
    limits.plugin.module_imports = 20_000;
    limits.plugin.initial_memory_bytes = 128 * MIB;
    limits.plugin.initial_table_elements = 100_000;
    limits.compile.wall = Duration::from_secs(300);
    limits.compile.cpu_seconds = 300;
    limits.compile.address_space_bytes = 8 << 30;
    limits.compile.code_bytes = 256 * MIB;
    for call in [&mut limits.describe, &mut limits.validate] {
        call.memory_bytes = 128 * MIB;
        call.table_elements = 100_000;
        call.fuel = 2_000_000_000;
    }
    limits.room.kept_bytes = Some(16 * MIB);
    limits
}
