//! The answers of the store-audit steps as the rules read them, by step id.
//!
//! Members a form may leave out are optional here. Amounts of money are decimal strings, dates `YYYY-MM-DD`.

use serde::Deserialize;

/// Answers of step `status`.
#[derive(Debug, Deserialize)]
pub struct Status {
    /// `open`, `closed_temp`, `closed_perm`, `relocated` or `refused`.
    pub status: String,
}

/// Answers of step `osa`: what of the listed range is on the shelf.
#[derive(Debug, Deserialize)]
pub struct Osa {
    /// One row per listed product.
    #[serde(default)]
    pub skus: Vec<OsaSku>,
}

/// One listed product.
#[derive(Debug, Deserialize)]
pub struct OsaSku {
    /// GTIN-8, -12, -13 or -14.
    pub gtin: String,
    /// A shopper can take it.
    pub on_shelf: Option<bool>,
    /// `no_order`, `dc_oos`, `backroom`, `delisted`, `phantom` or `blocked`.
    pub oos_reason: Option<String>,
    /// Pieces in the back room.
    #[serde(default)]
    pub backroom_qty: i64,
    /// This store does not carry it.
    #[serde(default)]
    pub not_applicable: bool,
}

/// Answers of step `facings`.
#[derive(Debug, Deserialize)]
pub struct Facings {
    /// Own products.
    #[serde(default)]
    pub skus: Vec<FacingSku>,
    /// Whole categories.
    #[serde(default)]
    pub categories: Vec<FacingCategory>,
}

/// Facings of one own product.
#[derive(Debug, Deserialize)]
pub struct FacingSku {
    /// GTIN.
    pub gtin: String,
    /// Facings counted.
    pub own_facings: Option<i64>,
}

/// Facings of one category.
#[derive(Debug, Deserialize)]
pub struct FacingCategory {
    /// Category code.
    pub category: String,
    /// Own facings in it.
    pub own_facings: Option<i64>,
    /// All facings in it.
    pub category_facings: Option<i64>,
}

/// Answers of step `planogram`.
#[derive(Debug, Deserialize)]
pub struct Planogram {
    /// `<planogram>@<version>`.
    pub planogram: String,
    /// One row per product of the planogram.
    #[serde(default)]
    pub skus: Vec<PlanogramSku>,
}

/// Six yes-or-no questions about one product's place.
#[derive(Debug, Deserialize)]
pub struct PlanogramSku {
    /// GTIN.
    pub gtin: String,
    /// In the right bay.
    pub bay: Option<bool>,
    /// On the right shelf.
    pub shelf: Option<bool>,
    /// At the right position.
    pub position: Option<bool>,
    /// With the right number of facings.
    pub facings: Option<bool>,
    /// With its shelf tag.
    pub tag: Option<bool>,
    /// With the right price on it.
    pub price: Option<bool>,
}

/// Answers of step `price`.
#[derive(Debug, Deserialize)]
pub struct Prices {
    /// ISO 4217.
    pub currency: Option<String>,
    /// Own products.
    #[serde(default)]
    pub skus: Vec<PriceSku>,
    /// Competing products.
    #[serde(default)]
    pub competitors: Vec<Competitor>,
}

/// Price of one own product.
#[derive(Debug, Deserialize)]
pub struct PriceSku {
    /// GTIN.
    pub gtin: String,
    /// Regular price on the shelf.
    pub shelf_price: Option<String>,
    /// Price of a running promotion.
    pub promo_price: Option<String>,
    /// A tag shows the price.
    pub tag_present: Option<bool>,
    /// Why the price is unusual.
    pub reason: Option<String>,
}

/// Price of one competing product.
#[derive(Debug, Deserialize)]
pub struct Competitor {
    /// Brand.
    pub brand: String,
    /// Amount in the pack.
    pub pack: Option<f64>,
    /// `g`, `ml` or `piece`.
    pub unit: Option<String>,
    /// Price of the pack.
    pub price: Option<String>,
}

/// Answers of step `posm`: material at the point of sale.
#[derive(Debug, Deserialize)]
pub struct Posm {
    /// Material.
    #[serde(default)]
    pub items: Vec<PosmItem>,
    /// Coolers.
    #[serde(default)]
    pub coolers: Vec<Cooler>,
}

/// One piece of material.
#[derive(Debug, Deserialize)]
pub struct PosmItem {
    /// What.
    pub item: String,
    /// Should be there.
    #[serde(default)]
    pub expected: bool,
    /// Is there.
    pub present: Option<bool>,
    /// `ok`, `damaged`, `wrong_place` or `competitor_stock`.
    pub condition: Option<String>,
    /// Why it is not there.
    pub reason: Option<String>,
}

/// One cooler.
#[derive(Debug, Deserialize)]
pub struct Cooler {
    /// Which.
    pub cooler: String,
    /// Temperature inside.
    pub celsius: Option<f64>,
    /// Own products in it, percent of its content.
    pub purity_percent: Option<f64>,
}

/// Answers of step `promo`.
#[derive(Debug, Deserialize)]
pub struct Promo {
    /// Promotions.
    #[serde(default)]
    pub promotions: Vec<Promotion>,
    /// Displays.
    #[serde(default)]
    pub displays: Vec<Display>,
}

/// One promotion as found in the store.
#[derive(Debug, Deserialize)]
pub struct Promotion {
    /// Key of dataset `promotions`.
    pub promo_id: String,
    /// Shoppers see it.
    pub live: Option<bool>,
    /// It works as agreed.
    pub mechanic_ok: Option<bool>,
}

/// One display as found in the store.
#[derive(Debug, Deserialize)]
pub struct Display {
    /// Contract that pays for it.
    pub fee_contract: Option<String>,
    /// It stands.
    pub present: Option<bool>,
}

/// Answers of step `stock`.
#[derive(Debug, Deserialize)]
pub struct Stock {
    /// Production lots.
    #[serde(default)]
    pub lots: Vec<Lot>,
}

/// One production lot of one product.
#[derive(Debug, Deserialize)]
pub struct Lot {
    /// GTIN.
    pub gtin: String,
    /// Lot code.
    pub lot: String,
    /// Production date.
    pub made: Option<String>,
    /// Best-before date.
    pub best_before: Option<String>,
    /// On the shelf.
    #[serde(default)]
    pub qty_shelf: i64,
    /// In the back room.
    #[serde(default)]
    pub qty_back: i64,
    /// `piece` or `case`.
    pub unit: Option<String>,
}

/// Answers of step `order`.
#[derive(Debug, Deserialize)]
pub struct Order {
    /// Order lines.
    #[serde(default)]
    pub lines: Vec<OrderLine>,
}

/// One order line, in pieces.
#[derive(Debug, Deserialize)]
pub struct OrderLine {
    /// GTIN.
    pub gtin: String,
    /// What the client suggested.
    pub suggested: Option<i64>,
    /// What is ordered.
    pub order_qty: Option<i64>,
    /// Average daily sales.
    pub ads: Option<f64>,
    /// In the store.
    #[serde(default)]
    pub stock: i64,
    /// On the way.
    #[serde(default)]
    pub in_transit: i64,
    /// Why less or more is ordered than suggested.
    pub deviation_reason: Option<String>,
}

/// Answers of step `talk`.
#[derive(Debug, Deserialize)]
pub struct Talk {
    /// What was agreed.
    #[serde(default)]
    pub actions: Vec<Action>,
}

/// One agreed action.
#[derive(Debug, Deserialize)]
pub struct Action {
    /// What.
    pub what: String,
    /// Until when.
    pub due: Option<String>,
    /// Already done.
    #[serde(default)]
    pub done: bool,
}

/// Answers of step `fixes`.
#[derive(Debug, Deserialize)]
pub struct Fixes {
    /// What was put right, or not, during the visit.
    #[serde(default)]
    pub fixes: Vec<Fix>,
}

/// One thing to put right.
#[derive(Debug, Deserialize)]
pub struct Fix {
    /// Put right.
    #[serde(default)]
    pub done: bool,
}

/// Whether the rep wrote anything.
pub fn is_given(text: Option<&str>) -> bool {
    text.is_some_and(|text| !text.trim().is_empty())
}
