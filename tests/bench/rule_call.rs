//! What one call of a rule costs: in the sandbox, against the same rule run natively over the same JSON text.
//!
//! Every round runs what is measured and what it is measured against one after the other, so that what else the machine
//! does meets both. The call is always that of `Host::call`: its own store, fuel and deadline on.

mod guests;
mod scene;
mod tenants;

use crate::measure::{Measure, Of, Settings, median};
use anyhow::{Context as _, ensure};
use fmcg::Plugin as Fmcg;
use host_api::stages::{STAGES, Warm, run_staged};
use host_api::{Host, Limits, Plugin};
use scene::Scene;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

const GROUP: &str = "rule call";

/// See the module header.
pub fn measure(settings: &Settings) -> anyhow::Result<Vec<Measure>> {
    let scene = Scene::new()?;
    let host = scene::host(Limits::default(), None)?;
    let plugin = host.load(&scene::component("fmcg")?).context("fmcg.wasm")?;
    let mut measures =
        vec![Measure::alone(GROUP, "input of 20 products, as JSON", "B", &[scene.input.as_str().len() as f64])];
    scene.same_answer(&host, &plugin)?;
    measures.extend(against_native(settings, &scene, &host, &plugin)?);
    measures.push(without_a_pool(settings, &scene, &host, &plugin)?);
    measures.push(warm(settings, &scene, &host, &plugin)?);
    measures.extend(stages(settings, &scene, &host, &plugin, "")?);
    measures.extend(threads(settings, &scene, &host, &plugin)?);
    measures.extend(guests::measure(settings, &scene, &host, &plugin)?);
    measures.extend(tenants::measure(settings, &scene)?);
    Ok(measures)
}

/// How many rounds, and how long each side of one lasts.
fn rounds(settings: &Settings) -> (usize, Duration) {
    (settings.rounds(9, 1), Duration::from_millis(if settings.quick { 20 } else { 200 }))
}

/// Calls `work` for a while; the median of what one took, in microseconds.
fn typical(lasting: Duration, mut work: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<f64> {
    let mut took = Vec::new();
    let begun = Instant::now();
    while begun.elapsed() < lasting {
        let before = Instant::now();
        work()?;
        took.push(micros(before.elapsed()));
    }
    Ok(median(&took))
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

/// Two things in turns; the medians of each round.
fn paired(
    settings: &Settings,
    mut one: impl FnMut() -> anyhow::Result<()>,
    mut other: impl FnMut() -> anyhow::Result<()>,
) -> anyhow::Result<(Vec<f64>, Vec<f64>)> {
    let (rounds, lasting) = rounds(settings);
    typical(lasting / 4, &mut one)?;
    typical(lasting / 4, &mut other)?;
    let (mut ones, mut others) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        ones.push(typical(lasting, &mut one)?);
        others.push(typical(lasting, &mut other)?);
    }
    Ok((ones, others))
}

fn against_native(
    settings: &Settings,
    scene: &Scene,
    host: &Host,
    plugin: &Arc<Plugin>,
) -> anyhow::Result<Vec<Measure>> {
    let call = scene.call(plugin);
    let (fresh, native) = paired(
        settings,
        || scene::answered(black_box(host.call(plugin, &call, &scene.datasets))),
        || black_box(scene.native::<Fmcg>()).map(drop),
    )?;
    let floor = "the same rule natively, JSON text in and out";
    Ok(vec![Measure::beside(GROUP, "Rust, fresh store", "us", &fresh, floor, &native).at_most(Of::Above, 15.0)])
}

/// The same with memory that is asked of the system for each call.
fn without_a_pool(settings: &Settings, scene: &Scene, host: &Host, plugin: &Arc<Plugin>) -> anyhow::Result<Measure> {
    let mut limits = Limits::default();
    limits.room.kept_bytes = None;
    let other = scene::host(limits, None)?;
    let unpooled = other.load(&scene::component("fmcg")?)?;
    let call = scene.call(plugin);
    let outcomes = (host.call(plugin, &call, &scene.datasets), other.call(&unpooled, &call, &scene.datasets));
    ensure!(outcomes.0 == outcomes.1, "where memory comes from must not be seen in the outcome");
    let (pooled, unpooled) = paired(
        settings,
        || scene::answered(black_box(host.call(plugin, &call, &scene.datasets))),
        || scene::answered(black_box(other.call(&unpooled, &call, &scene.datasets))),
    )?;
    let floor = "the same with memory on demand";
    Ok(Measure::beside(GROUP, "Rust, fresh store, memory from the pool", "us", &pooled, floor, &unpooled))
}

fn warm(settings: &Settings, scene: &Scene, host: &Host, plugin: &Arc<Plugin>) -> anyhow::Result<Measure> {
    let call = scene.call(plugin);
    let mut instance = Warm::new(host, plugin, &call, &scene.datasets).map_err(scene::failed)?;
    let (fresh, warm) = paired(
        settings,
        || scene::answered(black_box(host.call(plugin, &call, &scene.datasets))),
        || black_box(instance.call(&call)).map(drop).map_err(scene::failed),
    )?;
    let floor = "an instance that is kept (never so in the server)";
    Ok(Measure::beside(GROUP, "Rust, fresh store beside a kept one", "us", &fresh, floor, &warm))
}

/// The parts of a call of `whose` rule.
fn stages(
    settings: &Settings,
    scene: &Scene,
    host: &Host,
    plugin: &Arc<Plugin>,
    whose: &str,
) -> anyhow::Result<Vec<Measure>> {
    let call = scene.call(plugin);
    let (rounds, lasting) = rounds(settings);
    let mut medians: [Vec<f64>; 5] = Default::default();
    for _ in 0..rounds {
        let mut took: [Vec<f64>; 5] = Default::default();
        typical(lasting, || {
            let (_, stages) = run_staged(host, plugin, &call, &scene.datasets).map_err(scene::failed)?;
            took.iter_mut().zip(stages).for_each(|(took, stage)| took.push(micros(stage)));
            Ok(())
        })?;
        medians.iter_mut().zip(&took).for_each(|(medians, took)| medians.push(median(took)));
    }
    let measure =
        |(name, rounds): (&str, &Vec<f64>)| Measure::alone(GROUP, format!("of it{whose}: {name}"), "us", rounds);
    Ok(STAGES.into_iter().zip(&medians).map(measure).collect())
}

/// Calls a second of two threads against those of one; and natively, which is what the machine itself has to give.
fn threads(settings: &Settings, scene: &Scene, host: &Host, plugin: &Arc<Plugin>) -> anyhow::Result<[Measure; 2]> {
    let call = scene.call(plugin);
    let sandboxed = || scene::answered(black_box(host.call(plugin, &call, &scene.datasets)));
    let native = || black_box(scene.native::<Fmcg>()).map(drop);
    let beside = |name: &str, (one, two): (Vec<f64>, Vec<f64>)| {
        Measure::beside(GROUP, format!("{name}, two threads"), "1/s", &two, "one thread", &one)
    };
    Ok([
        beside("Rust, fresh store", of_two_threads(settings, &sandboxed)?).at_least(Of::Ratio, 1.6),
        beside("the same rule natively", of_two_threads(settings, &native)?),
    ])
}

/// Calls a second of one thread and of two, round by round.
fn of_two_threads(
    settings: &Settings,
    work: &(impl Fn() -> anyhow::Result<()> + Sync),
) -> anyhow::Result<(Vec<f64>, Vec<f64>)> {
    let (rounds, lasting) = rounds(settings);
    let count = || -> anyhow::Result<f64> {
        let begun = Instant::now();
        let mut calls = 0_u32;
        while begun.elapsed() < lasting {
            work()?;
            calls += 1;
        }
        Ok(f64::from(calls) / begun.elapsed().as_secs_f64())
    };
    let (mut one, mut two) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        one.push(count()?);
        two.push(std::thread::scope(|scope| -> anyhow::Result<f64> {
            let other = scope.spawn(count);
            let here = count()?;
            Ok(here + other.join().map_err(|_| anyhow::anyhow!("a thread panicked"))??)
        })?);
    }
    Ok((one, two))
}
