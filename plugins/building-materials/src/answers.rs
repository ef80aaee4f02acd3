//! The answers of the site-visit steps as the rules read them, by step id.
//!
//! Members a form may leave out are optional here. Dates are `YYYY-MM-DD`, moments RFC 3339, units UCUM codes.

use serde::Deserialize;

/// Answers of step `check_in`: safety at the gate.
#[derive(Debug, Deserialize)]
pub struct CheckIn {
    /// What the rep wears: `helmet`, `vest`, `shoes`, …
    #[serde(default)]
    pub ppe: Vec<String>,
    /// The site gave its safety induction.
    pub induction: Option<bool>,
    /// What endangers people.
    #[serde(default)]
    pub hazards: Vec<Hazard>,
    /// Sheets of a JGJ 59 inspection, if one was made.
    #[serde(default)]
    pub sheets: Vec<SafetySheet>,
}

/// One hazard.
#[derive(Debug, Deserialize)]
pub struct Hazard {
    /// The site was told.
    #[serde(default)]
    pub reported: bool,
}

/// One sheet of a JGJ 59 inspection.
#[derive(Debug, Deserialize)]
pub struct SafetySheet {
    /// Key of dataset `safety_sheets`.
    pub sheet: String,
    /// Points of the guarantee items, 0 to 60.
    pub guarantee: Option<f64>,
    /// Points of the general items, 0 to 40.
    pub general: Option<f64>,
}

/// Answers of step `stage`.
#[derive(Debug, Deserialize)]
pub struct Stage {
    /// Where the building is: `planning` … `warranty`.
    pub stage: String,
    /// Where our business with it is: `planning`, `design`, `tender`, `contract` or `supply`.
    pub deal: Option<String>,
    /// Why the building is at an earlier stage than before.
    pub back_reason: Option<String>,
    /// When the next material is decided on.
    pub next_window: Option<String>,
}

/// Answers of step `decision_makers`.
#[derive(Debug, Deserialize)]
pub struct DecisionMakers {
    /// The most influential first.
    #[serde(default)]
    pub people: Vec<Person>,
}

/// One decision maker.
#[derive(Debug, Deserialize)]
pub struct Person {
    /// Name.
    pub name: String,
    /// Company.
    #[serde(default)]
    pub org: String,
    /// `specifies`, `buys`, `uses`, `approves` or `blocks`.
    pub role: String,
    /// −2 against us to +2 for us.
    pub stance: Option<f64>,
    /// When somebody of ours last spoke with them.
    pub last_contact: Option<String>,
}

/// Answers of step `materials`.
#[derive(Debug, Deserialize)]
pub struct Materials {
    /// One row per batch on the site.
    #[serde(default)]
    pub items: Vec<Material>,
}

/// One batch of material on the site.
#[derive(Debug, Deserialize)]
pub struct Material {
    /// Key of dataset `sampling_rules`, or `other`.
    pub material: String,
    /// What people call it.
    pub product: String,
    /// How much.
    pub qty: Option<f64>,
    /// Key of dataset `units`.
    pub unit: Option<String>,
    /// Batch number.
    pub batch: String,
    /// Certificate number.
    pub certificate: Option<String>,
    /// Why there is no certificate and what was done.
    pub missing_reason: Option<String>,
    /// Date of the last type test.
    pub type_test_date: Option<String>,
    /// Work with it has begun.
    #[serde(default)]
    pub in_use: bool,
}

/// Answers of step `sampling`.
#[derive(Debug, Deserialize)]
pub struct Sampling {
    /// One row per batch sampled.
    #[serde(default)]
    pub samples: Vec<Sample>,
}

/// Samples of one batch.
#[derive(Debug, Deserialize)]
pub struct Sample {
    /// Key of dataset `sampling_rules`.
    pub material: String,
    /// Batch number.
    pub batch: String,
    /// Quantity of the batch.
    pub qty: Option<f64>,
    /// Key of dataset `units`.
    pub unit: Option<String>,
    /// Poured in one go.
    #[serde(default)]
    pub continuous: bool,
    /// Mixer charges the batch was made in.
    pub mixer_batches: Option<f64>,
    /// Shifts the batch was made in.
    pub shifts: Option<f64>,
    /// Specimens by test.
    #[serde(default)]
    pub taken: Vec<Taken>,
    /// Mass of the composite sample in kg.
    pub mass_kg: Option<f64>,
    /// Places the composite sample was taken from.
    pub points: Option<f64>,
    /// Who watched 见证人.
    pub witness: Option<String>,
    /// Seal on the sample.
    pub seal_no: Option<String>,
    /// Day of sampling.
    pub taken_on: Option<String>,
    /// Day the result is due.
    pub result_due: Option<String>,
}

/// Specimens for one test.
#[derive(Debug, Deserialize)]
pub struct Taken {
    /// Test as the sampling rule names it.
    pub test: String,
    /// How many.
    pub specimens: Option<f64>,
}

/// Answers of step `waterproofing`.
#[derive(Debug, Deserialize)]
pub struct Waterproofing {
    /// One row per place.
    #[serde(default)]
    pub areas: Vec<WaterproofArea>,
}

/// Waterproofing work at one place.
#[derive(Debug, Deserialize)]
pub struct WaterproofArea {
    /// `roof`, `wet_room` or `basement`.
    pub part: String,
    /// `hot_melt`, `self_adhesive`, `cold_bonded` or `coating`.
    pub method: String,
    /// Moisture of the substrate in percent.
    pub moisture_percent: Option<f64>,
    /// Air temperature in °C.
    pub celsius: Option<f64>,
    /// Thickness measured, mm.
    pub thickness_mm: Option<f64>,
    /// Thickness by the drawing, mm.
    pub design_thickness_mm: Option<f64>,
    /// Lap of two sheets, mm; asked for unless it is a coating.
    pub lap_mm: Option<f64>,
    /// Radius of the fillet in corners, mm.
    pub fillet_mm: Option<f64>,
    /// Working life by the drawing, years; always asked for.
    pub design_life_y: Option<f64>,
}

/// Answers of step `flood_test` 蓄水试验.
#[derive(Debug, Deserialize)]
pub struct FloodTest {
    /// `not_started`, `running` or `finished`.
    pub state: String,
    /// When the water stood.
    pub start: Option<String>,
    /// When it was let off.
    pub end: Option<String>,
    /// Least depth, mm.
    pub depth_mm: Option<f64>,
    /// Water came through.
    pub leak: Option<bool>,
}

/// Answers of step `concrete`.
#[derive(Debug, Deserialize)]
pub struct Concrete {
    /// One row per pour.
    #[serde(default)]
    pub pours: Vec<Pour>,
    /// One row per truck.
    #[serde(default)]
    pub trucks: Vec<Truck>,
}

/// One pour.
#[derive(Debug, Deserialize)]
pub struct Pour {
    /// Which part of the building.
    pub part: String,
    /// Slump by the mix design, mm.
    pub design_slump_mm: Option<f64>,
    /// Slump measured, mm.
    pub slump_mm: Option<f64>,
    /// Temperature of the concrete in °C.
    pub celsius: Option<f64>,
}

/// One truck mixer.
#[derive(Debug, Deserialize)]
pub struct Truck {
    /// Number of the delivery ticket 发货单.
    pub ticket: String,
    /// Volume on the ticket, m³.
    pub volume_m3: Option<f64>,
    /// When it was mixed.
    pub mixed_at: Option<String>,
    /// When it came to the site.
    pub arrived_at: Option<String>,
    /// When specimens were taken from it.
    pub sampled_at: Option<String>,
    /// When it was poured.
    pub poured_at: Option<String>,
    /// Why it was poured so long after mixing, and what was done.
    pub late_reason: Option<String>,
}

/// Answers of step `steel`.
#[derive(Debug, Deserialize)]
pub struct Steel {
    /// One row per kind of bar.
    #[serde(default)]
    pub bars: Vec<Bar>,
}

/// Bars of one kind.
#[derive(Debug, Deserialize)]
pub struct Bar {
    /// `HRB400`, `HRB400E`, …
    pub grade: String,
    /// Nominal diameter, mm.
    pub diameter_mm: Option<f64>,
    /// Spacing measured, mm.
    pub spacing_mm: Option<f64>,
    /// Spacing by the drawing, mm.
    pub design_spacing_mm: Option<f64>,
    /// Mass against the nominal one, percent.
    pub mass_deviation_percent: Option<f64>,
}

/// Answers of step `tile_adhesive`.
#[derive(Debug, Deserialize)]
pub struct TileAdhesive {
    /// One row per surface.
    #[serde(default)]
    pub surfaces: Vec<TiledSurface>,
}

/// One tiled surface.
#[derive(Debug, Deserialize)]
pub struct TiledSurface {
    /// Where.
    pub part: String,
    /// Air temperature in °C.
    pub celsius: Option<f64>,
    /// Adhesive on the back of a lifted tile, percent.
    pub coverage_percent: Option<f64>,
    /// Tiles that sound hollow, percent.
    pub hollow_percent: Option<f64>,
    /// Pull-off strength, MPa.
    pub pull_off_mpa: Option<f64>,
}

/// Answers of step `competitor`.
#[derive(Debug, Deserialize)]
pub struct Competitors {
    /// One row per competing product.
    #[serde(default)]
    pub items: Vec<CompetitorItem>,
}

/// One competing product.
#[derive(Debug, Deserialize)]
pub struct CompetitorItem {
    /// Brand.
    pub brand: String,
    /// Key of dataset `units` the price is for.
    pub unit: Option<String>,
    /// Estimated share of this project in percent.
    pub share_percent: Option<f64>,
    /// Supplies this project now.
    #[serde(default)]
    pub incumbent: bool,
}

/// Answers of step `spec_in`.
#[derive(Debug, Deserialize)]
pub struct SpecIn {
    /// `none`, `generic`, `or_equal`, `named_with_alternatives` or `sole`.
    pub level: String,
}

/// Answers of step `takeoff`.
#[derive(Debug, Deserialize)]
pub struct Takeoff {
    /// One row per product.
    #[serde(default)]
    pub lines: Vec<TakeoffLine>,
}

/// The quantity of one product.
#[derive(Debug, Deserialize)]
pub struct TakeoffLine {
    /// Product line, for instance `waterproofing`.
    pub line: String,
    /// What people call it.
    pub product: String,
    /// Surface in m².
    pub area_m2: Option<f64>,
    /// Layers.
    pub layers: Option<f64>,
    /// Lap in percent of the surface.
    #[serde(default)]
    pub lap_percent: f64,
    /// Waste in percent.
    #[serde(default)]
    pub waste_percent: f64,
    /// Use per m² and layer in `unit`; 1 for what is sold by the m².
    pub use_per_m2: Option<f64>,
    /// What the rep makes of it.
    pub qty: Option<f64>,
    /// Key of dataset `units`.
    pub unit: Option<String>,
    /// Why it is so much.
    pub reason: Option<String>,
}

/// Answers of step `close`.
#[derive(Debug, Deserialize)]
pub struct Close {
    /// What was agreed.
    #[serde(default)]
    pub actions: Vec<Action>,
    /// When the rep comes again.
    pub next_visit: Option<String>,
}

/// One agreed action.
#[derive(Debug, Deserialize)]
pub struct Action {
    /// Until when.
    pub due: Option<String>,
    /// Already done.
    #[serde(default)]
    pub done: bool,
}

/// Whether the rep wrote anything.
pub fn is_given(text: Option<&str>) -> bool {
    text.is_some_and(|text| !text.trim().is_empty())
}
