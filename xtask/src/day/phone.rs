//! A rep's phone: its clocks, what it hears of the server, its network and its positions.
//!
//! Every moment is true time in milliseconds since the Unix epoch; a phone turns it into what it would have reported.

use super::chance;
use super::place::Point;
use super::script::{PhoneStory, Rep};
use anyhow::Result;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const SECOND: i64 = 1000;

/// A phone through the day.
pub struct Phone {
    /// `dev_…`
    pub device: String,
    crs: String,
    knows_mock: bool,
    clock_off_ms: f64,
    /// When it was started, ascending; the first the evening before.
    boots: Vec<i64>,
    /// Without network.
    offline: Vec<(i64, i64)>,
    /// When it last asked the server for the time, ascending.
    syncs: Vec<i64>,
    last_received: i64,
}

/// The phones by user.
///
/// # Errors
/// A time of the script is none.
pub fn phones(reps: &BTreeMap<String, Rep>, date: &str) -> Result<BTreeMap<String, Phone>> {
    reps.iter().map(|(user, rep)| Ok((user.clone(), Phone::new(user, rep, date)?))).collect()
}

impl Phone {
    fn new(user: &str, rep: &Rep, date: &str) -> Result<Self> {
        let morning = chance::moment(date, "07:00")?;
        let mut boots = vec![morning - chance::whole(&format!("boot {user}"), 6 * 3600, 30 * 3600) * SECOND];
        for reboot in &rep.reboots {
            boots.push(chance::moment(date, reboot)?);
        }
        let mut offline = Vec::new();
        for [from, to] in &rep.offline {
            offline.push((chance::moment(date, from)?, chance::moment(date, to)?));
        }
        let login = chance::moment(date, "08:10")? + chance::whole(&format!("login {user}"), 0, 900) * SECOND;
        Ok(Self {
            device: rep.device.clone(),
            crs: rep.crs.clone(),
            knows_mock: rep.knows_mock,
            clock_off_ms: rep.clock_off_s * 1000.0,
            boots,
            offline,
            syncs: vec![login],
            last_received: login,
        })
    }

    /// The network coming back at the end of the gap `at` lies in, if it lies in one.
    fn back_online(&self, at: i64) -> Option<i64> {
        self.offline.iter().find(|(from, to)| (*from..*to).contains(&at)).map(|(_, to)| *to)
    }

    /// Asks the server for the time, where there is network.
    pub fn sync(&mut self, at: i64) {
        if self.back_online(at).is_none() {
            self.syncs.push(at);
        }
    }

    /// When the server receives what is sent at `at`; in order, whatever the network does.
    pub fn deliver(&mut self, at: i64) -> i64 {
        let name = format!("latency {} {at}", self.device);
        let arrives = match self.back_online(at) {
            Some(back) => back + chance::whole(&name, 200, 900),
            None => at + chance::whole(&name, 300, 2400),
        };
        self.last_received = arrives.max(self.last_received + chance::whole(&name, 60, 400));
        self.last_received
    }

    /// When the server received the last command.
    pub fn last_received(&self) -> i64 {
        self.last_received
    }

    /// What the phone's clocks say of a moment.
    ///
    /// # Errors
    /// Outside the calendar.
    #[expect(clippy::cast_possible_truncation, reason = "clock errors are days at most")]
    pub fn times(&self, at: i64, story: &PhoneStory) -> Result<Value> {
        let boot = self.boots.iter().copied().filter(|boot| *boot <= at).max().unwrap_or(at);
        let off = (self.clock_off_ms + story.clock_off_s * 1000.0) as i64;
        let mut times = json!({
            "wall": chance::local(at + off)?, "monotonic_ms": at - boot, "boot": self.boot_name(boot),
        });
        if let Some(sync) = self.syncs.iter().copied().filter(|sync| (boot..=at).contains(sync)).max() {
            let error = chance::whole(&format!("round trip {} {sync}", self.device), 40, 220);
            let heard = sync + chance::whole(&format!("heard {} {sync}", self.device), -error, error);
            times["anchor"] = json!({
                "server": chance::utc(heard)?, "monotonic_ms": sync - boot, "error_ms": error,
            });
        }
        Ok(times)
    }

    /// What a phone that has long been started anew said of a moment before: another boot, no server time kept.
    ///
    /// # Errors
    /// Outside the calendar.
    #[expect(clippy::cast_possible_truncation, reason = "clock errors are days at most")]
    pub fn old_times(&self, at: i64) -> Result<Value> {
        let boot = at - chance::whole(&format!("old boot {} {at}", self.device), 3600, 36_000) * SECOND;
        Ok(json!({
            "wall": chance::local(at + self.clock_off_ms as i64)?, "monotonic_ms": at - boot, "boot": self.boot_name(boot),
        }))
    }

    fn boot_name(&self, boot: i64) -> String {
        let hash = chance::hash(format!("boot {} {boot}", self.device));
        hash.chars().take(12).collect()
    }

    /// What the phone reports when it is at a point, or nothing where there is no fix.
    pub fn position(&self, name: &str, at: Point, story: &PhoneStory) -> Option<Value> {
        if story.no_fix.is_some() {
            return None;
        }
        let round = |value: f64| (value * 10.0).round() / 10.0;
        let shown = at.in_crs(&self.crs);
        let accuracy_m =
            story.accuracy_m.unwrap_or_else(|| round(chance::between(&format!("accuracy {name}"), 8.0, 40.0)));
        let provider = if accuracy_m > 100.0 {
            "network"
        } else if accuracy_m < 15.0 {
            "gps"
        } else {
            "fused"
        };
        let mut position = json!({
            "lat": shown.lat, "lon": shown.lon, "crs": self.crs, "accuracy_m": accuracy_m,
            "age_s": round(chance::between(&format!("age {name}"), 0.3, 12.0)), "provider": provider,
        });
        if self.knows_mock {
            position["mock"] = json!(story.mock);
        }
        Some(position)
    }
}
