//! A thousand companies, each with a plugin of its own: what they take in memory, and what a call costs when no two calls
//! in a row are to the same plugin.
//!
//! The plugins are versions of the FMCG component (`versions`).

use super::scene::{self, Scene};
use super::{GROUP, rounds, typical};
use crate::measure::{Measure, Of, Settings};
use crate::process::resident;
use crate::versions::{played_back, version_of};
use anyhow::Context as _;
use host_api::{Host, Limits, Plugin};
use std::hint::black_box;
use std::sync::Arc;

/// See the module header.
pub fn measure(settings: &Settings, scene: &Scene) -> anyhow::Result<Vec<Measure>> {
    let tenants = settings.rounds(1_000, 20);
    let folder = tempfile::tempdir()?;
    let wasm = scene::component("fmcg")?;
    let compiler = played_back(&wasm, &folder.path().join("frame"))?;
    let host = scene::host_with(compiler, Limits::default(), Some(folder.path().join("cache")))?;
    let before = resident("self")?;
    let begun = std::time::Instant::now();
    let plugins = (0..tenants).map(|tenant| {
        host.load(&version_of(&wasm, &format!("tenant {tenant}"))).with_context(|| format!("plugin {tenant}"))
    });
    let plugins: Vec<Arc<Plugin>> = plugins.collect::<anyhow::Result<_>>()?;
    let loaded = begun.elapsed().as_secs_f64() * 1e3 / tenants as f64;

    let calls: Vec<_> = plugins.iter().map(|plugin| scene.call(plugin)).collect();
    for (plugin, call) in plugins.iter().zip(&calls) {
        scene::answered(host.call(plugin, call, &scene.datasets))?;
    }
    let after = resident("self")?;
    let (all, one) = in_turns(settings, scene, &host, &plugins)?;
    let memory = |what: &str, after: f64, before: f64| {
        let name = format!("{tenants} plugins loaded and called: {what}");
        Measure::beside(GROUP, name, "MB", &[after], "before", &[before]).at_most(Of::Value, 400.0)
    };
    Ok(vec![
        memory("memory in use", after.all, before.all),
        memory("of it the process's own", after.own, before.own),
        Measure::alone(GROUP, "loading one, compiled before", "ms", &[loaded]),
        Measure::beside(GROUP, format!("{tenants} plugins in turn"), "us", &all, "one plugin", &one)
            .at_most(Of::Ratio, 1.2),
    ])
}

/// Rounds of calls that go through all plugins, beside calls of a single one.
fn in_turns(
    settings: &Settings,
    scene: &Scene,
    host: &Host,
    plugins: &[Arc<Plugin>],
) -> anyhow::Result<(Vec<f64>, Vec<f64>)> {
    let (rounds, lasting) = rounds(settings);
    let calls: Vec<_> = plugins.iter().map(|plugin| scene.call(plugin)).collect();
    let (mut all, mut one) = (Vec::new(), Vec::new());
    let mut turn = plugins.iter().zip(&calls).cycle();
    let (single, its_call) = plugins.iter().zip(&calls).next().context("no plugins")?;
    for _ in 0..rounds {
        all.push(typical(lasting, || {
            let (plugin, call) = turn.next().context("no plugins")?;
            scene::answered(black_box(host.call(plugin, call, &scene.datasets)))
        })?);
        one.push(typical(lasting, || scene::answered(black_box(host.call(single, its_call, &scene.datasets))))?);
    }
    Ok((all, one))
}
