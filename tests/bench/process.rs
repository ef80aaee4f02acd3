//! What a process takes of the machine, as Linux tells it in `/proc`.

use anyhow::Context as _;

/// Processor time of a process with all its threads, in seconds: `self` or a number.
pub fn cpu_s(process: &str) -> anyhow::Result<f64> {
    const TICKS_A_SECOND: f64 = 100.0;
    let stat =
        std::fs::read_to_string(format!("/proc/{process}/stat")).context("processor time needs Linux's /proc")?;
    // The name, in brackets, may hold anything; the fields after it are numbers.
    let fields: Vec<&str> = stat.rsplit_once(')').context("stat")?.1.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok()).context("stat");
    Ok((ticks(11)? + ticks(12)?) / TICKS_A_SECOND)
}

/// Megabytes of a process that are in memory.
pub struct Resident {
    /// All.
    pub all: f64,
    /// Those that are its own. The rest are clean pages of files, which the system shares, takes back when it needs them and
    /// reads again.
    pub own: f64,
}

/// What of a process is in memory.
pub fn resident(process: &str) -> anyhow::Result<Resident> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).context("memory needs Linux's /proc")?;
    let mb = |name: &str| -> anyhow::Result<f64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).with_context(|| name.to_owned())?;
        let kib: f64 = line.trim().trim_end_matches(" kB").trim().parse()?;
        Ok(kib * 1024.0 / 1e6)
    };
    Ok(Resident { all: mb("VmRSS:")?, own: mb("RssAnon:")? + mb("RssShmem:")? })
}

/// Processor time of those threads of a process whose names begin like this, in seconds.
pub fn threads_s(process: u32, names: &str) -> anyhow::Result<f64> {
    let mut nanoseconds = 0.0;
    for thread in std::fs::read_dir(format!("/proc/{process}/task")).context("threads need Linux's /proc")? {
        let folder = thread?.path();
        // A thread may end while it is looked at.
        let (Ok(name), Ok(stat)) =
            (std::fs::read_to_string(folder.join("comm")), std::fs::read_to_string(folder.join("schedstat")))
        else {
            continue;
        };
        if name.starts_with(names) {
            nanoseconds += stat.split(' ').next().context("schedstat")?.parse::<f64>()?;
        }
    }
    Ok(nanoseconds / 1e9)
}
