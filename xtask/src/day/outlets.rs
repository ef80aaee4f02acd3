//! What people write of stores, `customers.json`: the outlets, and what each format of store is like.
//!
//! Unknown members are refused, so that a typo is not ignored.

use super::place::Point;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// `customers.json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outlets {
    /// IANA time zone of the city.
    pub time_zone: String,
    /// Planogram every store with a planned shelf has, `id@version`.
    planogram: String,
    /// Must-stock lists by name: GTINs.
    assortments: BTreeMap<String, Vec<String>>,
    /// What a store of a format is like, by channel.
    formats: BTreeMap<String, Format>,
    /// The outlets.
    pub customers: Vec<Outlet>,
}

/// What a store of a format is like.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Format {
    /// Facings of a hero, core and tail product.
    pub facings: [i64; 3],
    /// Pieces sold in a day of a hero, core and tail product.
    pub daily_sales: [f64; 3],
    /// Shelf price by recommended price.
    pub price_level: f64,
    /// Whether the back room is counted in cases.
    pub back_in_cases: bool,
    /// Material that should be there.
    pub material: Vec<String>,
    /// Coolers of ours.
    pub coolers: i64,
    /// Promotions agreed.
    pub promotions: Vec<String>,
    /// Displays agreed.
    pub displays: Vec<Display>,
}

/// A display agreed with a format of store.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Display {
    /// `floor_stack`, …
    pub display: String,
    /// Size.
    pub area_m2: f64,
    /// Paid for where the outlet has a display contract.
    #[serde(default)]
    pub paid: bool,
}

/// An outlet.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outlet {
    /// `cus_…`
    pub id: String,
    /// What people call it.
    pub name: String,
    /// `hyper`, `super`, …: which format it is of.
    pub channel: String,
    /// `KA`, `A`, `B` or `C`.
    pub tier: String,
    /// Length of its shelf, in metres.
    pub shelf_m: f64,
    /// What stands on it from left to right, where the company knows.
    #[serde(default)]
    pub shelves: Vec<Shelf>,
    /// Name of its must-stock list.
    pub assortment: String,
    /// Contract that pays for its displays.
    #[serde(default)]
    pub display_contract: Option<String>,
    /// Who answers for it, where only the customer card says so.
    #[serde(default)]
    pub contact: Option<Contact>,
    /// Latitude in degrees, in `crs`.
    pub lat: f64,
    /// Longitude in degrees, in `crs`.
    pub lon: f64,
    /// System of the coordinates.
    pub crs: String,
}

/// Part of a shelf with products of one category.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Shelf {
    /// Category code.
    pub category: String,
    /// Its length, in metres.
    pub m: f64,
}

/// Somebody at an outlet.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// What reps call them.
    pub name: String,
    /// Number.
    pub phone: String,
}

/// Sections of 1.2 m.
#[expect(clippy::cast_possible_truncation, reason = "a shelf has few metres")]
fn sections(m: f64) -> i64 {
    (m / 1.2 - 0.001).ceil() as i64
}

impl Outlet {
    /// Where it truly is (WGS-84).
    pub fn point(&self) -> Point {
        Point { lat: self.lat, lon: self.lon }.behind(&self.crs)
    }

    /// Photos that cover its shelf, one for each 1.2 m.
    pub fn sections(&self) -> i64 {
        sections(self.shelf_m)
    }

    /// What the photo of a section, counted from 0, says that it shows: `tea-1`, or its number.
    pub fn part(&self, number: i64) -> String {
        let mut first = 0;
        for shelf in &self.shelves {
            let next = first + sections(shelf.m);
            if number < next {
                return format!("{}-{}", shelf.category, number - first + 1);
            }
            first = next;
        }
        format!("{}", number + 1)
    }
}

impl Outlets {
    /// The outlet of an id.
    ///
    /// # Errors
    /// There is none.
    pub fn find(&self, id: &str) -> Result<&Outlet> {
        self.customers.iter().find(|outlet| outlet.id == id).with_context(|| format!("no outlet {id}"))
    }

    /// What an outlet's format is like.
    ///
    /// # Errors
    /// Nobody said.
    pub fn format(&self, outlet: &Outlet) -> Result<&Format> {
        self.formats.get(&outlet.channel).with_context(|| format!("no format {}", outlet.channel))
    }

    /// GTINs an outlet must stock.
    ///
    /// # Errors
    /// No such assortment.
    pub fn listed(&self, outlet: &Outlet) -> Result<&[String]> {
        let listed = self.assortments.get(&outlet.assortment);
        Ok(listed.with_context(|| format!("no assortment {}", outlet.assortment))?)
    }

    /// The planogram every store has.
    pub fn planogram(&self) -> &str {
        &self.planogram
    }

    /// The custom fields of an outlet but for its planogram.
    ///
    /// # Errors
    /// No such assortment.
    pub fn fields(&self, outlet: &Outlet) -> Result<Value> {
        let mut fields = json!({
            "channel": outlet.channel, "tier": outlet.tier, "shelf_m": outlet.shelf_m, "msl": self.listed(outlet)?,
        });
        if !outlet.shelves.is_empty() {
            fields["shelves"] = json!(outlet.shelves);
        }
        if let Some(contract) = &outlet.display_contract {
            fields["display_contract"] = json!(contract);
        }
        Ok(fields)
    }

    /// The outlet as the server knows it.
    ///
    /// # Errors
    /// No such assortment.
    pub fn record(&self, outlet: &Outlet) -> Result<Value> {
        let mut fields = self.fields(outlet)?;
        fields["planogram"] = json!(self.planogram);
        Ok(json!({
            "record": "customer", "id": outlet.id, "revision": 1, "type": "outlet", "name": outlet.name,
            "time_zone": self.time_zone, "fields": fields,
            "location": {
                "id": outlet.id.replacen("cus_", "loc_", 1), "lat": outlet.lat, "lon": outlet.lon, "crs": outlet.crs,
                "accuracy_m": 10,
            },
        }))
    }
}
