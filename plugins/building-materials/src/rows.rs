//! Rows of the datasets the rules look up.

use serde::Deserialize;
use sopwith_sdk::{Context, RuleError};

/// Units of the trade as UCUM codes, key `code`.
pub const UNITS: &str = "units";
/// How each material is sampled, key `material`.
pub const SAMPLING_RULES: &str = "sampling_rules";
/// Who issues certificates and how they number them, key `code`.
pub const CERTIFICATE_ISSUERS: &str = "certificate_issuers";
/// How large batches are and where else they were seen, key `batch`.
pub const BATCHES: &str = "batches";
/// The company's own people, key `user`.
pub const STAFF: &str = "staff";
/// Usual quantities by product line and project type, key `norm`.
pub const TAKEOFF_NORMS: &str = "takeoff_norms";
/// Sheets of JGJ 59, key `sheet`.
pub const SAFETY_SHEETS: &str = "safety_sheets";
/// Nominal diameters of bars, key `diameter`.
pub const REBAR: &str = "rebar";
/// Weather by district and day, key `day`.
pub const WEATHER: &str = "weather";

/// A row of `units`.
#[derive(Debug, Deserialize)]
pub struct Unit {
    /// Only whole numbers of it exist.
    pub whole: bool,
}

impl Unit {
    /// The row of a UCUM code; none when the trade does not use it.
    ///
    /// # Errors
    /// `bad_row`.
    pub fn find(context: &Context<'_>, code: &str) -> Result<Option<Self>, RuleError> {
        context.lookup(UNITS, code)
    }
}

/// A row of `weather`.
#[derive(Debug, Deserialize)]
pub struct Weather {
    /// Rain of the day, mm.
    pub rain_mm: f64,
}

/// A row of `sampling_rules`.
#[derive(Debug, Deserialize)]
pub struct SamplingRule {
    /// What people call it.
    pub name: String,
    /// UCUM code quantities are given in.
    pub unit: String,
    /// Into how many batches a quantity is divided; the first entry that fits. Empty: one batch, however large.
    #[serde(default)]
    pub batches: Vec<BatchSize>,
    /// Each shift begins a batch, however little it makes.
    #[serde(default)]
    pub per_shift: bool,
    /// What is taken from each batch.
    pub tests: Vec<Test>,
    /// Least mass of a composite sample, kg.
    pub min_mass_kg: Option<f64>,
    /// Fewest places of a composite sample.
    pub min_points: Option<f64>,
    /// Days until the specimens can be tested.
    #[serde(default)]
    pub age_days: i64,
}

/// How large a batch may be.
#[derive(Debug, Deserialize)]
pub struct BatchSize {
    /// For quantities up to this; none for any.
    pub up_to: Option<f64>,
    /// Only for what is poured in one go.
    #[serde(default)]
    pub continuous: bool,
    /// Most in one batch.
    pub each: f64,
    /// Most mixer charges in one batch, where they are counted.
    pub mixer_batches: Option<f64>,
}

/// How much there is to sample, and how it was made.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lot {
    /// In the unit of the rule.
    pub qty: f64,
    /// Poured in one go.
    pub continuous: bool,
    /// Mixer charges it was made in; 0 where nobody counted them.
    pub mixer_batches: f64,
    /// Shifts it was made in; 0 where nobody counted them.
    pub shifts: f64,
}

/// One test of a batch.
#[derive(Debug, Deserialize)]
pub struct Test {
    /// Its name.
    pub test: String,
    /// Specimens of each batch.
    pub specimens: f64,
    /// More specimens of large batches.
    pub extra: Option<Extra>,
}

/// More specimens of large batches.
#[derive(Debug, Deserialize)]
pub struct Extra {
    /// Above this quantity …
    pub above: f64,
    /// … for each of these, begun ones included, …
    pub each: f64,
    /// … this many more.
    pub specimens: f64,
}

impl SamplingRule {
    /// The rule of a material; none when there is none.
    ///
    /// # Errors
    /// `bad_row`.
    pub fn find(context: &Context<'_>, material: &str) -> Result<Option<Self>, RuleError> {
        context.lookup(SAMPLING_RULES, material)
    }

    /// Specimens of `test` that a lot needs: of quantity, mixer charges and shifts, the one that asks for most counts.
    pub fn required(&self, test: &Test, lot: Lot) -> f64 {
        let Lot { qty, continuous, mixer_batches, shifts } = lot;
        let fits = |size: &&BatchSize| size.up_to.is_none_or(|most| qty <= most) && (continuous || !size.continuous);
        let size = self.batches.iter().find(fits).or_else(|| self.batches.first());
        let by_size = size.map_or(1.0, |size| {
            let by_charges = size.mixer_batches.map_or(0.0, |each| begun(mixer_batches, each));
            begun(qty, size.each).max(by_charges).max(1.0)
        });
        let batches = if self.per_shift { by_size.max(shifts) } else { by_size };
        let extra = test.extra.as_ref().map_or(0.0, |extra| begun(qty - extra.above, extra.each) * extra.specimens);
        test.specimens * batches + extra
    }
}

/// How many of `each` are begun by `qty`; a millionth of one is a rounding error, not material.
fn begun(qty: f64, each: f64) -> f64 {
    if qty > 0.0 && each > 0.0 { (qty / each - 1e-6).ceil().max(0.0) } else { 0.0 }
}

/// A row of `certificate_issuers`.
#[derive(Debug, Deserialize)]
pub struct CertificateIssuer {
    /// What people call it.
    pub issuer: String,
    /// What stands behind the code and its hyphen: `9` a digit, `A` a capital letter, anything else itself.
    pub format: String,
}

impl CertificateIssuer {
    /// Whether the part of a certificate number behind the issuer's code has the issuer's format.
    pub fn fits(&self, rest: &str) -> bool {
        let mut given = rest.chars();
        let all = self.format.chars().all(|wanted| match (wanted, given.next()) {
            ('9', Some(digit)) => digit.is_ascii_digit(),
            ('A', Some(letter)) => letter.is_ascii_uppercase(),
            (wanted, given) => given == Some(wanted),
        });
        all && given.next().is_none()
    }
}

/// A row of `batches`.
#[derive(Debug, Deserialize)]
pub struct Batch {
    /// How much was made.
    pub made: f64,
    /// UCUM code of all quantities.
    pub unit: String,
    /// Where earlier visits saw it.
    #[serde(default)]
    pub seen: Vec<Seen>,
}

/// Where a batch was seen before.
#[derive(Debug, Deserialize)]
pub struct Seen {
    /// Customer id of the project.
    pub customer: String,
    /// What people call it.
    pub project: String,
    /// How much of the batch was there.
    pub qty: f64,
}

/// A row of `staff`.
#[derive(Debug, Deserialize)]
pub struct Staff {
    /// Name.
    pub name: String,
}

/// A row of `takeoff_norms`: quantity for each m² of floor area.
#[derive(Debug, Deserialize)]
pub struct TakeoffNorm {
    /// UCUM code of the quantity.
    pub unit: String,
    /// Mean of past projects.
    pub mean: f64,
    /// Their standard deviation.
    pub deviation: f64,
}

/// A row of `safety_sheets`.
#[derive(Debug, Deserialize)]
pub struct SafetySheetRow {
    /// What people call it.
    pub name: String,
    /// Points of the total, of 100.
    pub weight: f64,
}

/// A row of `rebar`.
#[derive(Debug, Deserialize)]
pub struct RebarRow {
    /// Most the mass may differ from the nominal one, percent.
    pub mass_tolerance_percent: f64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rule(value: serde_json::Value) -> SamplingRule {
        serde_json::from_value(value).unwrap()
    }

    fn of(qty: f64) -> Lot {
        Lot { qty, ..Lot::default() }
    }

    fn in_one_go(qty: f64) -> Lot {
        Lot { continuous: true, ..of(qty) }
    }

    #[test]
    fn batches_are_begun_at_their_edge() {
        let rule = rule(json!({
            "name": "membrane", "unit": "m2", "batches": [{"each": 10_000}], "tests": [{"test": "look", "specimens": 5}],
        }));
        let required = [0.0, 1.0, 10_000.0, 10_000.5, 20_001.0].map(|qty| rule.required(&rule.tests[0], of(qty)));
        assert_eq!(required, [5.0, 5.0, 5.0, 10.0, 15.0]);
    }

    #[test]
    fn extra_specimens_come_with_each_step_begun() {
        let rule = rule(json!({"name": "bar", "unit": "t", "tests": [
            {"test": "tensile", "specimens": 2, "extra": {"above": 60, "each": 40, "specimens": 1}},
        ]}));
        let required = [60.0, 60.1, 100.0, 100.1].map(|qty| rule.required(&rule.tests[0], of(qty)));
        assert_eq!(required, [2.0, 3.0, 3.0, 4.0]);
    }

    #[test]
    fn only_what_is_poured_in_one_go_has_the_larger_batches() {
        let rule = rule(json!({
            "name": "concrete", "unit": "m3", "tests": [{"test": "cube", "specimens": 3}],
            "batches": [{"up_to": 1000, "each": 100}, {"continuous": true, "each": 200}],
        }));
        let test = &rule.tests[0];
        assert_eq!(rule.required(test, in_one_go(1000.0)), 30.0);
        assert_eq!(rule.required(test, in_one_go(1200.0)), 18.0);
        assert_eq!(rule.required(test, of(1200.0)), 36.0);
    }

    #[test]
    fn of_volume_charges_and_shifts_the_one_that_asks_for_most_counts() {
        let rule = rule(json!({
            "name": "concrete", "unit": "m3", "tests": [{"test": "cube", "specimens": 3}], "per_shift": true,
            "batches": [{"up_to": 1000, "each": 100, "mixer_batches": 100}, {"continuous": true, "each": 200}],
        }));
        let made = |lot: Lot, mixer_batches: f64, shifts: f64| {
            rule.required(&rule.tests[0], Lot { mixer_batches, shifts, ..lot })
        };
        assert_eq!(made(of(90.0), 100.0, 1.0), 3.0);
        assert_eq!(made(of(90.0), 101.0, 1.0), 6.0);
        assert_eq!(made(of(90.0), 80.0, 3.0), 9.0);
        assert_eq!(made(of(250.0), 120.0, 2.0), 9.0);
        // What is poured in one go goes by its volume, not by its charges; each shift is sampled all the same.
        assert_eq!(made(in_one_go(1200.0), 600.0, 4.0), 18.0);
        assert_eq!(made(in_one_go(1200.0), 600.0, 7.0), 21.0);
    }

    #[test]
    fn a_format_is_kept_to_the_letter() {
        let issuer = CertificateIssuer { issuer: "lab".into(), format: "9999-A999".into() };
        assert!(issuer.fits("2026-W001"));
        for rest in ["2026-W01", "2026-W0011", "2026-w001", "2026W001", "二026-W001", ""] {
            assert!(!issuer.fits(rest), "{rest}");
        }
    }
}
