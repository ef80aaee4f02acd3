//! Many tenants, each with plugin versions of its own: what they take in memory, and whether one of many waits longer than
//! one alone.

use crate::load::{Pace, drive};
use crate::measure::{Measure, Of, Settings, median};
use crate::process::resident;
use crate::submit::{SERVED, address};
use crate::versions::{played_back, version_of};
use crate::workload::{Crew, Judges, STEPS};
use host_api::{Host, HostConfig, Limits};
use std::path::{Path, PathBuf};
use tests::server::{Kind, Place, Server};

const GROUP: &str = "growth, tenants";
/// Submissions a second over all tenants.
const PACE: f64 = 100.0;

/// The figures for each number of tenants.
pub fn measure(settings: &Settings) -> anyhow::Result<Vec<Measure>> {
    let numbers: &[usize] = if settings.quick { &[1, 3] } else { &[1, 100, 1_000] };
    let (mut measures, mut first) = (Vec::new(), None);
    for number in numbers {
        let place = Place::new(Kind::Sqlite)?;
        let by_hand = Server::start(&place, &[], None)?;
        let crews = crews(&place, &by_hand, *number)?;
        drop(by_hand);
        let server = Server::start(&place, &SERVED, None)?;
        let rounds = settings.rounds(5, 1);
        // Once around warms up: every tenant's SOP and plugins are loaded.
        let laps = (settings.rounds(1_000, 30) / number).max(1);
        let visits = (1 + rounds * laps).div_ceil(STEPS);
        let mut lists = vec![Vec::new(); 16];
        for (at, crew) in crews.iter().enumerate() {
            let begun = crew.begin(address(&server), "v", visits)?;
            let own = crew.submissions(&begun, 1)?;
            if let Some(list) = lists.get_mut(at % 16) {
                list.push(own.into_iter().flatten().collect::<Vec<_>>());
            }
        }
        let (mut p50, mut p99) = (Vec::new(), Vec::new());
        for round in 0..=rounds {
            let range = if round == 0 { 0..1 } else { 1 + (round - 1) * laps..1 + round * laps };
            let requests: Vec<Vec<Vec<u8>>> = lists
                .iter()
                .filter(|tenants| !tenants.is_empty())
                .map(|tenants| {
                    // One lap after the other, so that every request is for another tenant.
                    range
                        .clone()
                        .flat_map(|lap| tenants.iter().filter_map(move |list| list.get(lap).cloned()))
                        .collect()
                })
                .collect();
            let load = drive(address(&server), &requests, Pace::Open(PACE))?.all_well()?;
            if round > 0 {
                p50.push(load.wait(0.5) / 1e3);
                p99.push(load.wait(0.99) / 1e3);
            }
        }
        let memory = resident(&server.pid().to_string())?;
        let name = |what: &str| format!("{number} tenants with plugins of their own: {what}");
        let floor = median(first.get_or_insert_with(|| p50.clone()));
        let floors = vec![floor; p50.len()];
        let memory = [("memory of the server", memory.all), ("of it its own", memory.own)];
        measures
            .extend(memory.map(|(what, mb)| Measure::alone(GROUP, name(what), "MB", &[mb]).at_most(Of::Value, 400.0)));
        let p50 = Measure::beside(GROUP, name("p50"), "ms", &p50, "one tenant", &floors).at_most(Of::Ratio, 1.2);
        measures.extend([p50, Measure::alone(GROUP, name("p99"), "ms", &p99)]);
    }
    Ok(measures)
}

/// So many tenants, each with versions of the store audit's plugins of its own.
fn crews(place: &Place, server: &Server, number: usize) -> anyhow::Result<Vec<Crew>> {
    let honest = Judges::honest(STEPS)?;
    let hosts = honest.components.iter().map(|component| here(place, component)).collect::<anyhow::Result<Vec<_>>>()?;
    let make = |tenant: usize| -> anyhow::Result<Crew> {
        let own = place.folder().join(format!("plugins-{tenant}"));
        std::fs::create_dir_all(&own)?;
        let mut components: Vec<PathBuf> = Vec::new();
        for (component, host) in honest.components.iter().zip(&hosts) {
            let bytes = version_of(&std::fs::read(component)?, &format!("tenant {tenant}"));
            host.load(&bytes)?;
            let file = own.join(component.file_name().unwrap_or_default());
            std::fs::write(&file, bytes)?;
            components.push(file);
        }
        let names = (format!("tnt_{tenant:04}"), format!("t{tenant}-"));
        let crew = Crew::new(place, server, (&names.0, &names.1), &Judges { components, ..honest.clone() }, 1)?;
        if tenant % 100 == 99 {
            eprintln!("{} tenants of {number}", tenant + 1);
        }
        Ok(crew)
    };
    (0..number).map(make).collect()
}

/// A sandbox that puts the code of this component's versions where the server, which has the same key, finds it.
fn here(place: &Place, component: &Path) -> anyhow::Result<Host> {
    let code = place.data().join("code");
    let key = std::fs::read(code.join("key"))?;
    let cache_key = key.try_into().map_err(|_| anyhow::anyhow!("the key has another length"))?;
    let name = component.file_stem().unwrap_or_default().to_string_lossy();
    let compiler = played_back(&std::fs::read(component)?, &place.folder().join(format!("{name}.frame")))?;
    Ok(Host::new(HostConfig { cache: Some(code), cache_key, compiler, limits: Limits::default() })?)
}
