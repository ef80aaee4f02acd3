//! Two towns with customers and the people who visit them: where things truly are, and what is on file of them.

use super::chance::Chance;
use super::phone::{Model, Sky};
use super::place::Point;
use super::recipe::{Recipe, Rows, Whose};
use super::template::{Draw, Manner};
use crate::dataset::LoadedDataset;
use chrono::NaiveDate;
use engine::command::{Customer, Record};
use engine::place::Crs;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Customers of each rep.
pub const ROUND: usize = 14;
/// Visits of a rep, in all: how many reps there are follows from it.
const VISITS_OF_A_REP: usize = 100;
/// Everybody's time zone; it has had one offset since 1991.
pub const TIME_ZONE: &str = "Asia/Shanghai";

/// Everything that is there.
pub struct World {
    /// The people.
    pub reps: Vec<Rep>,
    /// The customers.
    pub customers: Vec<Site>,
}

/// Somebody who visits.
pub struct Rep {
    /// `usr_…`
    pub user: String,
    /// The phone.
    pub phone: Model,
    /// Where they live.
    pub home: Point,
    /// Which town.
    pub town: usize,
    /// Their customers, in the order of a round.
    pub round: Vec<usize>,
}

/// A customer as it truly is, and as it is on file.
pub struct Site {
    /// On file.
    pub record: Value,
    /// The same, read.
    pub customer: Customer,
    /// Where the door is.
    pub door: Point,
    /// Where it is on the map: what somebody finds who looks it up.
    pub on_map: Point,
    /// What is above.
    pub sky: Sky,
}

impl World {
    /// A world large enough for so many visits.
    ///
    /// # Errors
    /// The recipe's fields are no template.
    pub fn new(
        chance: Chance,
        recipe: &Recipe,
        datasets: &BTreeMap<String, Arc<LoadedDataset>>,
        visits: usize,
    ) -> anyhow::Result<Self> {
        let mut world = Self { reps: Vec::new(), customers: Vec::new() };
        for number in 0..visits.div_ceil(VISITS_OF_A_REP).max(4) {
            let mine = chance.of(format!("rep {number}"));
            let town = number % 2;
            let first = world.customers.len();
            world.district(mine, recipe, datasets, centre(chance, town))?;
            let home = centre(chance, town).away(mine.between("home", 800.0, 6000.0), mine.between("side", 0.0, 360.0));
            world.reps.push(Rep {
                user: format!("usr_rep{number}"),
                phone: Model::of(mine, &format!("dev_phone{number}")),
                home,
                town,
                round: nearest_first(home, &world.customers, first..first + ROUND),
            });
        }
        Ok(world)
    }

    /// Rows of one table about these customers and people.
    ///
    /// # Errors
    /// The recipe's row is no template.
    pub fn rows(
        &self,
        chance: Chance,
        date: NaiveDate,
        rows: &Rows,
        datasets: &BTreeMap<String, Arc<LoadedDataset>>,
    ) -> anyhow::Result<Vec<Value>> {
        let whose: Vec<Value> = match rows.of {
            Whose::Customers => self.customers.iter().map(|site| json!({"customer": site.record})).collect(),
            Whose::Reps => self.reps.iter().map(|rep| json!({"user": rep.user})).collect(),
        };
        let each = whose.iter().flat_map(|scope| (0..rows.count).map(move |index| (scope, index)));
        each.map(|(scope, index)| {
            let mut scope = scope.clone();
            scope["index"] = json!(index);
            known(chance.of(scope.to_string()), date, &scope, datasets).answers(&rows.row)
        })
        .collect()
    }

    /// The customers of one rep: some in a shopping street, some in one building, the others spread over a district.
    fn district(
        &mut self,
        chance: Chance,
        recipe: &Recipe,
        datasets: &BTreeMap<String, Arc<LoadedDataset>>,
        town: Point,
    ) -> anyhow::Result<()> {
        let middle = town.away(chance.between("district", 500.0, 7000.0), chance.between("district side", 0.0, 360.0));
        let street = middle.away(chance.between("street", 200.0, 1500.0), chance.between("street side", 0.0, 360.0));
        for number in 0..ROUND {
            let draw = chance.of(format!("customer {number}"));
            let side = draw.between("side", 0.0, 360.0);
            let door = match number {
                0..5 => street.away(draw.between("along", 5.0, 170.0), side),
                5 => self.customers.last().map_or(street, |neighbour| neighbour.door.away(8.0, side)),
                _ => middle.away(2500.0 * draw.unit("out").sqrt() + 150.0, side),
            };
            let site = Site::new(draw, recipe, datasets, door, self.customers.len())?;
            self.customers.push(site);
        }
        Ok(())
    }
}

impl Site {
    fn new(
        chance: Chance,
        recipe: &Recipe,
        datasets: &BTreeMap<String, Arc<LoadedDataset>>,
        door: Point,
        number: usize,
    ) -> anyhow::Result<Self> {
        // Surveyed from the pavement, mostly; now and then somebody trusted an address.
        let astray = chance.happens("by address", 0.015);
        let metres = if astray { chance.between("astray", 80.0, 260.0) } else { chance.spread("surveyed", 9.0, 0.6) };
        let on_map = door.away(metres, chance.between("surveyed side", 0.0, 360.0));
        let crs = if chance.happens("map", 0.5) { Crs::Gcj02 } else { Crs::Wgs84 };
        let sky = match chance.unit("sky") {
            draw if draw < 0.05 => Sky::Basement,
            draw if draw < 0.3 => Sky::Canyon,
            _ => Sky::Open,
        };
        let scope = json!({"customer": {"number": number}});
        let fields = known(chance, recipe.first_day()?, &scope, datasets).answers(&recipe.customers.fields)?;
        let shown = on_map.in_crs(crs);
        let mut location =
            json!({"id": format!("loc_{number}"), "lat": shown.lat, "lon": shown.lon, "crs": crs, "accuracy_m": 10});
        if let Some([least, greatest]) = recipe.customers.outline_m {
            location["polygon"] = outline(chance, on_map, crs, least, greatest);
        }
        let record = json!({
            "record": "customer", "id": format!("cus_{number}"), "revision": 1, "type": recipe.customers.kind,
            "name": format!("{} {number}", recipe.customers.name), "time_zone": TIME_ZONE, "fields": fields,
            "location": location,
        });
        let Record::Customer(customer) = Record::from_json(record.to_string().as_bytes())
            .map_err(|problem| anyhow::anyhow!("the customer of the recipe cannot be read: {problem:?}"))?
        else {
            anyhow::bail!("the recipe makes no customer")
        };
        Ok(Self { record, customer, door, on_map, sky })
    }
}

/// Draws of what is known before anybody goes anywhere.
const fn known<'a>(
    chance: Chance,
    date: NaiveDate,
    scope: &'a Value,
    datasets: &'a BTreeMap<String, Arc<LoadedDataset>>,
) -> Draw<'a> {
    let manner = Manner::Looks;
    Draw { stable: chance, fresh: chance, person: chance, changes: 0.0, manner, date, now_ms: 0, scope, datasets }
}

/// A closed ring of five corners, `[lon, lat]`.
fn outline(chance: Chance, middle: Point, crs: Crs, least: f64, greatest: f64) -> Value {
    let corner = |number: u32| {
        let metres = chance.between(&format!("corner {number}"), least, greatest);
        let corner = middle.away(metres, f64::from(number % 5) * 72.0).in_crs(crs);
        json!([corner.lon, corner.lat])
    };
    [0, 1, 2, 3, 4, 0].map(corner).to_vec().into()
}

/// The middle of a town; the towns are two hours' drive apart.
fn centre(chance: Chance, town: usize) -> Point {
    let first = Point { lat: 30.66, lon: 104.07 };
    if town == 0 { first } else { first.away(chance.between("between towns", 120_000.0, 240_000.0), 75.0) }
}

/// A round that goes to the nearest customer each time.
fn nearest_first(home: Point, customers: &[Site], which: std::ops::Range<usize>) -> Vec<usize> {
    let mut left: Vec<(usize, Point)> = which.filter_map(|index| Some((index, customers.get(index)?.door))).collect();
    let (mut round, mut here) = (Vec::new(), home);
    while let Some(at) = (0..left.len()).min_by(|a, b| {
        let metres = |at: &usize| left.get(*at).map_or(f64::MAX, |(_, door)| here.metres_to(*door));
        metres(a).total_cmp(&metres(b))
    }) {
        let (index, door) = left.remove(at);
        round.push(index);
        here = door;
    }
    round
}
