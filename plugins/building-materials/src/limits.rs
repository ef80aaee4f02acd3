//! Limits of the trade, read from the parameters of the SOP: a check and the score must use the same.
//!
//! The defaults here hold where an SOP has no such parameter; each parameter of the template names its source.

use serde::Deserialize;
use sopwith_sdk::{Input, RuleError};
use std::collections::BTreeMap;

/// The parameters the rules of this plugin read. Percentages are 0 to 100.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// What must be worn on a site.
    pub required_ppe: Vec<String>,
    /// Fewest points of the guarantee items of a JGJ 59 sheet, else the sheet scores 0.
    pub sheet_guarantee_min: f64,
    /// JGJ 59 total from which a site is good.
    pub sheet_good_from: f64,
    /// JGJ 59 total from which a site passes.
    pub sheet_pass_from: f64,
    /// Coldest air for hot-melt work, °C.
    pub hot_melt_min_celsius: f64,
    /// Wettest substrate for waterproofing, percent.
    pub moisture_max_percent: f64,
    /// Shortest lap of sheets, mm.
    pub lap_min_mm: f64,
    /// Smallest fillet in corners, mm.
    pub fillet_min_mm: f64,
    /// Shortest flood test, hours.
    pub flood_min_hours: f64,
    /// Shallowest flood test, mm.
    pub flood_min_mm: f64,
    /// Shortest design life of a roof's waterproofing, years.
    pub life_roof_min_y: f64,
    /// Shortest design life of a wet room's waterproofing, years.
    pub life_wet_room_min_y: f64,
    /// Coldest concrete, °C.
    pub concrete_min_celsius: f64,
    /// Warmest concrete, °C.
    pub concrete_max_celsius: f64,
    /// Allowed slump error below 50 mm, 50 to 99 mm, from 100 mm on; mm.
    pub slump_tolerance_mm: [f64; 3],
    /// Longest time from mixing to pouring, minutes.
    pub pour_max_min: f64,
    /// Latest sampling after the truck came, minutes.
    pub sample_max_min: f64,
    /// Most a truck mixer carries, m³.
    pub mixer_max_m3: f64,
    /// Allowed error of bar spacing, mm.
    pub spacing_tolerance_mm: f64,
    /// Coldest air for tiling, °C.
    pub tiling_min_celsius: f64,
    /// Least adhesive on a tile's back, percent.
    pub coverage_min_percent: f64,
    /// Most hollow tiles, percent.
    pub hollow_max_percent: f64,
    /// Least pull-off strength, MPa.
    pub pull_off_min_mpa: f64,
    /// Chance to win by the stage of the deal, 0 to 1.
    pub win_by_deal: BTreeMap<String, f64>,
    /// Factor by how firmly we are in the specification.
    pub win_by_spec: BTreeMap<String, f64>,
    /// Factor with an incumbent competitor.
    pub win_incumbent: f64,
    /// Factor when nobody was spoken with for long.
    pub win_stale: f64,
    /// Days without contact that are not yet long.
    pub win_stale_days: i64,
    /// Chance times value (in money) from which a project is in the company's top decile.
    pub top_decile_value: f64,
    /// Chance above which a project is visited more often.
    pub likely_from: f64,
    /// Days to the next visit: top decile, likely, others.
    pub next_visit_days: [i64; 3],
}

impl Limits {
    /// The limits of the run.
    ///
    /// # Errors
    /// `bad_input` when a parameter is of another type.
    pub fn of(input: &Input) -> Result<Self, RuleError> {
        input.parameters.read().map_err(|error| RuleError::new("bad_input", format!("/parameters: {error}")))
    }

    /// How far a measured slump may be from the designed one, mm.
    pub fn slump_tolerance(&self, design_mm: f64) -> f64 {
        let [low, middle, high] = self.slump_tolerance_mm;
        if design_mm < 50.0 {
            low
        } else if design_mm < 100.0 {
            middle
        } else {
            high
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        let table = |rows: &[(&str, f64)]| rows.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        Self {
            required_ppe: ["helmet", "vest", "shoes"].map(str::to_owned).to_vec(),
            sheet_guarantee_min: 40.0,
            sheet_good_from: 80.0,
            sheet_pass_from: 70.0,
            hot_melt_min_celsius: 5.0,
            moisture_max_percent: 9.0,
            lap_min_mm: 100.0,
            fillet_min_mm: 50.0,
            flood_min_hours: 24.0,
            flood_min_mm: 20.0,
            life_roof_min_y: 20.0,
            life_wet_room_min_y: 25.0,
            concrete_min_celsius: 5.0,
            concrete_max_celsius: 35.0,
            slump_tolerance_mm: [10.0, 20.0, 30.0],
            pour_max_min: 90.0,
            sample_max_min: 20.0,
            mixer_max_m3: 12.0,
            spacing_tolerance_mm: 10.0,
            tiling_min_celsius: 5.0,
            coverage_min_percent: 95.0,
            hollow_max_percent: 5.0,
            pull_off_min_mpa: 0.4,
            win_by_deal: table(&[
                ("planning", 0.1),
                ("design", 0.2),
                ("tender", 0.35),
                ("contract", 0.6),
                ("supply", 0.9),
            ]),
            win_by_spec: table(&[
                ("none", 0.7),
                ("generic", 0.9),
                ("or_equal", 1.1),
                ("named_with_alternatives", 1.35),
                ("sole", 1.6),
            ]),
            win_incumbent: 0.8,
            win_stale: 0.9,
            win_stale_days: 14,
            top_decile_value: 1_000_000.0,
            likely_from: 0.3,
            next_visit_days: [7, 14, 30],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Limits;

    #[test]
    fn the_slump_tolerance_changes_at_fifty_and_at_a_hundred() {
        let limits = Limits::default();
        let bands = [0.0, 40.0, 50.0, 90.0, 100.0, 220.0].map(|design| limits.slump_tolerance(design));
        assert_eq!(bands, [10.0, 10.0, 20.0, 20.0, 30.0, 30.0]);
    }
}
