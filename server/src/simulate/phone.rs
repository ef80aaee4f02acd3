//! A phone through a day: its clocks, its network, and what it believes of where it is.
//!
//! Every moment is true time in ms since the Unix epoch; a phone turns it into what it would report. The errors are those
//! people measure of such phones, not those somebody tolerates: docs/SIMULATION.md names them.

use super::chance::Chance;
use super::place::Point;
use engine::place::Crs;
use engine::time::format_utc;
use serde_json::{Value, json};

/// A second, in ms.
pub const SECOND: i64 = 1000;
/// An hour, in ms.
pub const HOUR: i64 = 3_600_000;

/// What of a phone stays the same.
#[derive(Clone, Debug)]
pub struct Model {
    /// `dev_…`
    pub device: String,
    /// The system its positions come in.
    pub crs: Crs,
    /// An app of its own: it says whether a position is simulated, and what it makes of photos; browsers and mini-programs
    /// say nothing of either.
    pub is_app: bool,
    /// How far its clock is fast, in ms.
    pub clock_off_ms: i64,
}

impl Model {
    /// Somebody's phone.
    pub fn of(chance: Chance, device: &str) -> Self {
        // Most clocks are set by the network; some people set theirs by hand.
        let by_hand = chance.happens("set by hand", 0.015);
        let off_s = if by_hand { chance.normal("by hand") * 300.0 } else { chance.normal("clock") * 4.0 };
        Self {
            device: device.to_owned(),
            crs: if chance.happens("map", 0.4) { Crs::Gcj02 } else { Crs::Wgs84 },
            is_app: chance.happens("app", 0.65),
            clock_off_ms: (off_s * 1000.0) as i64,
        }
    }
}

/// What is around somebody that a satellite is seen through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sky {
    /// A street.
    Open,
    /// Between tall buildings.
    Canyon,
    /// Below the ground.
    Basement,
}

/// A phone through one day.
pub struct Phone {
    /// Whose.
    pub model: Model,
    chance: Chance,
    /// When it was started, ascending.
    boots: Vec<i64>,
    /// When it last heard the server's time, ascending.
    syncs: Vec<i64>,
    /// Without network.
    offline: Vec<(i64, i64)>,
    /// Photos wait until it is at home.
    photos_wait_until: Option<i64>,
    last_received: i64,
}

impl Phone {
    /// The day that begins (local midnight) at `midnight`.
    pub fn new(model: Model, chance: Chance, midnight: i64) -> Self {
        let boot = midnight - chance.whole("boot", 0, 72) * HOUR - chance.whole("boot minute", 0, 3599) * SECOND;
        let login = midnight + 8 * HOUR + chance.whole("login", 0, 1500) * SECOND;
        let mut offline = Vec::new();
        if chance.happens("dead spot", 0.12) {
            let from = midnight + 9 * HOUR + chance.whole("dead spot from", 0, 25_000) * SECOND;
            offline.push((from, from + chance.whole("dead spot for", 300, 7200) * SECOND));
        }
        if chance.happens("late", 0.05) {
            let from = midnight + chance.whole("late from", 11, 15) * HOUR;
            offline.push((from, midnight + chance.whole("late to", 19, 32) * HOUR));
        }
        let evening = midnight + 19 * HOUR + chance.whole("home", 0, 10_000) * SECOND;
        let photos_wait_until = chance.happens("photos by wifi", 0.05).then_some(evening);
        Self { model, chance, boots: vec![boot], syncs: vec![login], offline, photos_wait_until, last_received: login }
    }

    /// Started anew at a moment; what it knew of the server's time is gone.
    pub fn reboot(&mut self, at: i64) {
        self.boots.push(at);
    }

    /// Without network between two moments.
    pub fn lose_network(&mut self, from: i64, to: i64) {
        self.offline.push((from, to));
    }

    /// Asks the server for the time, where there is network.
    pub fn sync(&mut self, at: i64) {
        if self.back_online(at).is_none() {
            self.syncs.push(at);
        }
    }

    fn back_online(&self, at: i64) -> Option<i64> {
        self.offline.iter().filter(|(from, to)| (*from..*to).contains(&at)).map(|(_, to)| *to).max()
    }

    /// When the server receives what is sent at `at`; in order, whatever the network does.
    pub fn deliver(&mut self, at: i64) -> i64 {
        let latency = (self.chance.spread(&format!("latency {at}"), 700.0, 0.7) as i64).clamp(80, 20_000);
        let arrives = self.back_online(at).unwrap_or(at) + latency;
        self.last_received = arrives.max(self.last_received + 40);
        self.last_received
    }

    /// When the server receives a photo whose command it received at `received`.
    pub fn upload(&self, name: &str, received: i64) -> i64 {
        let after = (self.chance.spread(name, 2500.0, 0.6) as i64).clamp(300, 120_000);
        self.photos_wait_until.unwrap_or(received).max(received) + after
    }

    /// What its clocks say of a moment; `shifted_ms`: somebody set the clock.
    pub fn times(&self, at: i64, shifted_ms: i64) -> Value {
        let boot = self.boots.iter().copied().filter(|boot| *boot <= at).max().unwrap_or(at);
        let mut times = json!({
            "wall": format_utc(at + self.model.clock_off_ms + shifted_ms), "monotonic_ms": at - boot,
            "boot": format!("{:012x}", self.chance.bits(&format!("boot {boot}")) >> 16),
        });
        if let Some(sync) = self.syncs.iter().copied().filter(|sync| (boot..=at).contains(sync)).max() {
            let error = self.chance.whole(&format!("round trip {sync}"), 30, 400);
            let heard = sync + self.chance.whole(&format!("heard {sync}"), -error, error);
            times["anchor"] = json!({"server": format_utc(heard), "monotonic_ms": sync - boot, "error_ms": error});
        }
        times
    }

    /// What it reports when it is at a point, or nothing where there is no fix.
    pub fn fix(&self, name: &str, at: Point, sky: Sky) -> Option<Value> {
        let draw = self.chance.of(name);
        if sky == Sky::Basement && draw.happens("no fix", 0.6) {
            return None;
        }
        let by_network = sky == Sky::Basement || draw.happens("network", 0.05);
        let provider = if by_network {
            "network"
        } else if draw.happens("gps", 0.55) {
            "gps"
        } else {
            "fused"
        };
        let (accuracy, error) = match (provider, sky) {
            // The middle of a cell or of the access points in sight: at one place always the same.
            ("network", _) => return Some(self.by_network(at, sky)),
            ("gps", Sky::Open) => (draw.spread("accuracy", 5.0, 0.4), 1.0),
            ("gps", _) => (draw.spread("accuracy", 14.0, 0.5), 1.7),
            (_, Sky::Open) => (draw.spread("accuracy", 14.0, 0.45), 1.0),
            (_, _) => (draw.spread("accuracy", 24.0, 0.5), 1.5),
        };
        // 68 % of the errors lie within the accuracy, where the phone is right about itself.
        let rayleigh = (-(1.0 - draw.unit("error")).ln() / 1.139).sqrt();
        let astray = if draw.happens("astray", 0.004) { draw.between("astray by", 120.0, 500.0) } else { 0.0 };
        let shown = at.away(accuracy * error * rayleigh + astray, draw.between("direction", 0.0, 360.0));
        let old = draw.happens("old", 0.012);
        let age_s = if old { draw.between("age", 60.0, 600.0) } else { draw.between("age", 0.2, 14.0) };
        Some(self.position(shown, round1(accuracy), round1(age_s), provider))
    }

    fn by_network(&self, at: Point, sky: Sky) -> Value {
        let cell = Chance::new(0).of(format!("{:.3} {:.3}", at.lat, at.lon));
        let accuracy = if sky == Sky::Basement {
            cell.between("accuracy", 40.0, 600.0)
        } else {
            cell.between("accuracy", 20.0, 90.0)
        };
        let middle = at.away(accuracy * cell.between("off", 0.1, 1.1), cell.between("direction", 0.0, 360.0));
        let middle = Point { lat: (middle.lat * 1e4).round() / 1e4, lon: (middle.lon * 1e4).round() / 1e4 };
        self.position(middle, accuracy.round(), 1.0, "network")
    }

    /// A position as this phone writes it.
    pub fn position(&self, at: Point, accuracy_m: f64, age_s: f64, provider: &str) -> Value {
        let shown = at.in_crs(self.model.crs);
        let mut position = json!({
            "lat": shown.lat, "lon": shown.lon, "crs": self.model.crs, "accuracy_m": accuracy_m, "age_s": age_s,
            "provider": provider,
        });
        if self.model.is_app {
            position["mock"] = json!(false);
        }
        position
    }
}

fn round1(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}
