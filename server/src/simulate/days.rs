//! The days of everybody: who is honest when, who cheats how, and what a server sees of it.
//!
//! Each rep is honest one day and, from the third day on, cheats the other, so that cheats find a past to use and honest
//! people come back where others cheated.

use super::chance::Chance;
use super::conduct::{Cheat, Conduct};
use super::phone::{HOUR, Model, Phone, SECOND};
use super::place::Point;
use super::recipe::Recipe;
use super::visit::{Lines, Past, Plan, Scene, tell};
use super::world::{ROUND, Rep, Site, World};
use anyhow::Context as _;
use chrono::{Datelike as _, Days, NaiveDate, Weekday};
use engine::time::format_utc;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Of `world::TIME_ZONE`, in ms.
const OFFSET_MS: i64 = 8 * HOUR;
/// Days by which the quotas are met, whatever happens.
const MOST_DAYS: u64 = 400;
/// Visits a day of somebody who never leaves home.
const MANY: [i64; 2] = [30, 45];

/// Visits by id with the class they belong to; honest ones have none.
pub type Labels = BTreeMap<String, Option<Cheat>>;

/// What was simulated.
pub struct Set {
    /// In the order a server saw it.
    pub lines: Vec<Value>,
    /// What is counted.
    pub labels: Labels,
    /// Classes this SOP gives no chance to.
    pub impossible: Vec<Cheat>,
}

/// Simulates until so many honest and so many cheating visits are told.
///
/// # Errors
/// The recipe does not lead through the SOP.
pub fn simulate(scene: &Scene<'_>, world: &World, honest: usize, cheating: usize) -> anyhow::Result<Set> {
    let mut days = Everybody {
        scene,
        world,
        honest,
        cheating: quotas(cheating),
        lines: Lines::default(),
        labels: Labels::new(),
        past: BTreeMap::new(),
        told: 0,
    };
    for site in &world.customers {
        days.lines.push(i64::MIN, site.record.clone());
    }
    let from = scene.recipe.first_day()?;
    let mut idle = 0;
    let open = (0..MOST_DAYS).filter_map(|day| from.checked_add_days(Days::new(day)));
    let free = |day: Weekday| day == Weekday::Sun || (day == Weekday::Sat && scene.recipe.five_days);
    for (number, date) in open.filter(|date| !free(date.weekday())).enumerate() {
        let before = days.told;
        days.day(number, date)?;
        // What nobody could do on two days running nobody will.
        idle = if days.told == before { idle + 1 } else { 0 };
        if idle == 2 {
            break;
        }
    }
    let impossible = days.cheating.into_iter().filter(|(_, left)| *left > 0).map(|(cheat, _)| cheat).collect();
    Ok(Set { lines: days.lines.sorted(), labels: days.labels, impossible })
}

/// The first customer in the shopping street of this one's district.
const fn street(index: usize) -> usize {
    index / ROUND * ROUND
}

/// As many of each class, the first ones one more.
fn quotas(cheating: usize) -> BTreeMap<Cheat, usize> {
    let classes = Cheat::ALL.len();
    let of = |at: usize| cheating / classes + usize::from(at < cheating % classes);
    Cheat::ALL.into_iter().enumerate().map(|(at, cheat)| (cheat, of(at))).collect()
}

struct Everybody<'a> {
    scene: &'a Scene<'a>,
    world: &'a World,
    /// Still to be told.
    honest: usize,
    cheating: BTreeMap<Cheat, usize>,
    lines: Lines,
    labels: Labels,
    /// By customer.
    past: BTreeMap<usize, Past>,
    told: u64,
}

/// One person's day.
struct Day<'a> {
    rep: &'a Rep,
    date: NaiveDate,
    midnight: i64,
    chance: Chance,
    phone: Phone,
    now_ms: i64,
    /// Where the person is, or makes believe to be; none where the way takes no time.
    at: Option<Point>,
}

impl<'a> Day<'a> {
    fn new(scene: &Scene<'_>, rep: &'a Rep, date: NaiveDate, model: Model) -> Self {
        let midnight = date.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis() - OFFSET_MS;
        let chance = scene.chance.of(format!("{} {date}", rep.user));
        let phone = Phone::new(model, chance.of("phone"), midnight);
        let now_ms = midnight + 8 * HOUR + 2400 * SECOND + chance.whole("begins", 0, 2400) * SECOND;
        Self { rep, date, midnight, chance, phone, now_ms, at: None }
    }
}

impl Day<'_> {
    /// So many seconds pass, and the next way takes none.
    fn rests(&mut self, least_s: i64, most_s: i64) {
        self.now_ms += self.chance.whole(&format!("rests {}", self.now_ms), least_s, most_s) * SECOND;
        self.at = None;
    }

    /// The way to a customer, in traffic. Who makes it up knows that it takes time.
    fn goes_to(&mut self, site: &Site, number: u64) {
        if let Some(here) = self.at.replace(site.door) {
            let metres = here.metres_to(site.door);
            let metres_a_second =
                if metres > 15_000.0 { 20.0 } else { self.chance.between(&format!("traffic {number}"), 4.0, 9.0) };
            let parks_s = self.chance.spread(&format!("parks {number}"), 240.0, 0.4);
            self.now_ms += ((metres / metres_a_second + parks_s) * 1000.0) as i64;
        }
    }
}

impl<'a> Everybody<'a> {
    fn day(&mut self, number: usize, date: NaiveDate) -> anyhow::Result<()> {
        for (at, rep) in self.world.reps.iter().enumerate() {
            let day = Day::new(self.scene, rep, date, rep.phone.clone());
            if number < 2 || (number + at).is_multiple_of(2) {
                self.honest_day(day)?;
            } else if let Some(cheat) = self.turn(rep) {
                self.cheating_day(day, cheat)?;
            }
        }
        // The server looks at its clock when everybody is asleep, and once more when the late ones are done.
        let midnight = date.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis() - OFFSET_MS;
        for hours in [23, 47] {
            let now = midnight + hours * HOUR;
            self.lines.push(now, json!({"record": "clock", "now": format_utc(now)}));
        }
        Ok(())
    }

    /// The class with most left to tell that this rep can be told of.
    fn turn(&self, rep: &Rep) -> Option<Cheat> {
        let possible = |cheat: &Cheat| !cheat.needs_past() || !self.suited(*cheat, rep).is_empty();
        let left = self.cheating.iter().filter(|(cheat, left)| **left > 0 && possible(cheat));
        left.max_by_key(|(_, left)| **left).map(|(cheat, _)| *cheat)
    }

    /// Customers of the rep where somebody can cheat in this way.
    fn suited(&self, cheat: Cheat, rep: &Rep) -> Vec<usize> {
        let near = |index: &usize| {
            let door = |index: usize| self.world.customers.get(index).map(|site| site.door);
            door(*index).zip(door(street(*index))).is_some_and(|(door, street)| door.metres_to(street) < 200.0)
        };
        let suits = |index: &usize| {
            let past = self.past.get(index);
            (cheat != Cheat::Cafe || near(index))
                && (!cheat.needs_past() || past.is_some())
                && (!cheat.needs_photos() || past.is_some_and(Past::has_photos))
                && (!cheat.needs_positions() || past.is_some_and(Past::has_satellite_positions))
        };
        rep.round.iter().copied().filter(suits).collect()
    }

    fn honest_day(&mut self, mut day: Day<'_>) -> anyhow::Result<()> {
        let count = self.count(&day);
        // Half of the round, and the other half next time.
        let round = &day.rep.round;
        let skip = if (day.date.ordinal0() / 2).is_multiple_of(2) { 0 } else { round.len() / 2 };
        for index in round.iter().copied().cycle().skip(skip).take(count) {
            if self.honest == 0 {
                break;
            }
            self.honest -= 1;
            self.visit(&mut day, index, &Conduct::HONEST, true, Some(None))?;
        }
        Ok(())
    }

    fn count(&self, day: &Day<'_>) -> usize {
        let Recipe { visits_per_day: [least, most], .. } = self.scene.recipe;
        usize::try_from(day.chance.whole("visits", *least, *most)).unwrap_or(1)
    }

    fn cheating_day(&mut self, mut day: Day<'_>, cheat: Cheat) -> anyhow::Result<()> {
        let left = self.cheating.get(&cheat).copied().unwrap_or(0);
        let count = match cheat {
            Cheat::TooMany => usize::try_from(day.chance.whole("many", MANY[0], MANY[1])).unwrap_or(1),
            _ => self.count(&day),
        };
        let suited = self.suited(cheat, day.rep);
        let customers: Vec<usize> = suited.iter().copied().cycle().take(count.min(left)).collect();
        match cheat {
            Cheat::SharedPhone => self.shared_phone(day, &customers),
            Cheat::Teleport => self.teleport(day, &customers),
            Cheat::Emulator => {
                let device = format!("dev_emulator{}", day.chance.whole("device", 0, 9999));
                let model = Model { device, is_app: false, clock_off_ms: 0, ..day.rep.phone.clone() };
                day.phone = Phone::new(model, day.chance.of("computer"), day.midnight);
                self.all(&mut day, cheat, &customers)
            }
            Cheat::ClockSetBack => {
                day.now_ms = day.midnight + 18 * HOUR + day.chance.whole("evening", 0, 3600) * SECOND;
                // Until bed time.
                self.all(&mut day, cheat, customers.get(..customers.len().min(4)).unwrap_or_default())
            }
            Cheat::BackDated => {
                // The day after: the phone is started without network, its clock set to the day before, and sent in the evening.
                let next = day.midnight + 24 * HOUR;
                day.now_ms += 24 * HOUR;
                day.phone.lose_network(next, next + 19 * HOUR + day.chance.whole("sent", 0, 7200) * SECOND);
                day.phone.reboot(day.now_ms - 600 * SECOND);
                self.all(&mut day, cheat, &customers)
            }
            _ => self.all(&mut day, cheat, &customers),
        }
    }

    fn all(&mut self, day: &mut Day<'_>, cheat: Cheat, customers: &[usize]) -> anyhow::Result<()> {
        for index in customers {
            self.cheated(day, *index, cheat)?;
            if cheat == Cheat::TooMany {
                day.rests(60, 240);
            }
        }
        Ok(())
    }

    /// A colleague goes to both people's customers in turn, with one phone. The owner's visits are as they should be.
    fn shared_phone(&mut self, day: Day<'_>, customers: &[usize]) -> anyhow::Result<()> {
        let colleagues = self.world.reps.iter().filter(|rep| rep.town == day.rep.town && rep.user != day.rep.user);
        let colleague = colleagues.min_by_key(|rep| rep.home.metres_to(day.rep.home) as i64).context("a colleague")?;
        let mut own = Day::new(self.scene, colleague, day.date, colleague.phone.clone());
        own.chance = day.chance.of("colleague");
        for (index, theirs) in customers.iter().zip(colleague.round.iter().cycle()) {
            self.visit(&mut own, *theirs, &Conduct::HONEST, false, None)?;
            own.rep = day.rep;
            self.cheated(&mut own, *index, Cheat::SharedPhone)?;
            own.rep = colleague;
        }
        Ok(())
    }

    /// The first visit is where the person lives, as short as the others; every other is in the other town.
    fn teleport(&mut self, mut day: Day<'_>, customers: &[usize]) -> anyhow::Result<()> {
        let elsewhere: Vec<usize> =
            self.world.reps.iter().filter(|rep| rep.town != day.rep.town).flat_map(|rep| rep.round.clone()).collect();
        let (home, mut away) = (day.rep.round.clone(), elsewhere.into_iter().cycle());
        let mut home = home.into_iter().cycle();
        let first = home.next().context("a round")?;
        self.visit(&mut day, first, &Conduct { pace: 0.4, ..Conduct::HONEST }, false, None)?;
        for number in 0..customers.len() {
            day.rests(120, 480);
            let index = if number % 2 == 0 { away.next() } else { home.next() };
            self.cheated(&mut day, index.context("a customer")?, Cheat::Teleport)?;
        }
        Ok(())
    }

    fn cheated(&mut self, day: &mut Day<'_>, index: usize, cheat: Cheat) -> anyhow::Result<()> {
        if let Some(left) = self.cheating.get_mut(&cheat) {
            *left = left.saturating_sub(1);
        }
        let site = self.world.customers.get(index).context("a customer")?;
        let street = self.world.customers.get(street(index)).unwrap_or(site).door;
        let conduct = cheat.conduct(day.chance.of(format!("cheat {index}")), day.rep, site, street);
        self.visit(day, index, &conduct, false, Some(Some(cheat)))
    }

    /// Tells a visit; `counted`: as what.
    fn visit(
        &mut self,
        day: &mut Day<'_>,
        index: usize,
        conduct: &Conduct,
        slips: bool,
        counted: Option<Option<Cheat>>,
    ) -> anyhow::Result<()> {
        let site = self.world.customers.get(index).context("a customer")?;
        self.told += 1;
        day.goes_to(site, self.told);
        let plan = Plan {
            name: format!("v{:06}", self.told),
            rep: day.rep,
            site,
            conduct,
            past: self.past.get(&index),
            date: day.date,
            begins_ms: day.now_ms,
            slips,
        };
        let (left, ends_ms) = tell(self.scene, &plan, &mut day.phone, &mut self.lines)?;
        if let Some(label) = counted {
            self.labels.insert(format!("vis_{}", plan.name), label);
        }
        if left.whole {
            self.past.insert(index, left);
        }
        day.now_ms = ends_ms;
        Ok(())
    }
}
