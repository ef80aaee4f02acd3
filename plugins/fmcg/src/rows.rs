//! Rows of the datasets the rules look up.

use serde::Deserialize;
use sopwith_sdk::{Context, RuleError};

/// Name of the dataset of products, key `gtin`.
pub const PRODUCTS: &str = "products";
/// Name of the dataset of planograms, key `<planogram>@<version>/<gtin>`.
pub const PLANOGRAM: &str = "planogram";
/// Name of the dataset of promotions, key `promo_id`.
pub const PROMOTIONS: &str = "promotions";
/// Name of the dataset of share-of-shelf targets, key `category`.
pub const TARGETS: &str = "targets";

/// A row of `products`.
#[derive(Clone, Debug, Deserialize)]
pub struct Product {
    /// What people call it.
    pub name: String,
    /// How much its absence hurts.
    pub tier: Tier,
    /// Recommended retail price, a decimal string.
    pub rrp: String,
    /// What the customer pays for a piece, a decimal string; none where nobody says.
    #[serde(default)]
    pub trade_price: Option<String>,
    /// Pieces in a case.
    pub case_size: i64,
    /// Days from production to best before.
    pub shelf_life_days: i64,
    /// Amount in the pack.
    pub pack: f64,
    /// `g`, `ml` or `piece`.
    pub unit: String,
}

impl Product {
    /// The row of a GTIN; none when it is not listed.
    ///
    /// # Errors
    /// `bad_row`.
    pub fn find(context: &Context<'_>, gtin: &str) -> Result<Option<Self>, RuleError> {
        context.lookup(PRODUCTS, gtin)
    }

    /// What a rep calls the product; the GTIN when it is not listed.
    ///
    /// # Errors
    /// `bad_row`.
    pub fn name(context: &Context<'_>, gtin: &str) -> Result<String, RuleError> {
        Ok(Self::find(context, gtin)?.map_or_else(|| gtin.to_owned(), |product| product.name))
    }
}

/// How much the absence of a product hurts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// Must be everywhere.
    Hero,
    /// Should be everywhere.
    Core,
    /// Rounds the range off.
    Tail,
}

impl Tier {
    /// Weight in on-shelf availability: hero 3, core 2, tail 1.
    pub const fn weight(self) -> u32 {
        match self {
            Self::Hero => 3,
            Self::Core => 2,
            Self::Tail => 1,
        }
    }
}

/// A row of `planogram`: where a product is to stand. Only that there is one matters to the rules.
#[derive(Debug, Deserialize)]
pub struct PlanogramRow {}

/// A row of `promotions`.
#[derive(Debug, Deserialize)]
pub struct PromotionRow {
    /// What people call it.
    pub name: String,
    /// First business date, `YYYY-MM-DD`.
    pub valid_from: String,
    /// Last business date.
    pub valid_to: String,
}

impl PromotionRow {
    /// Whether it runs on a business date; ISO dates compare as text.
    pub fn runs_on(&self, business_date: &str) -> bool {
        self.valid_from.as_str() <= business_date && business_date <= self.valid_to.as_str()
    }
}

/// A row of `targets`.
#[derive(Debug, Deserialize)]
pub struct TargetRow {
    /// Share of the category's facings to reach, 0 to 1.
    pub sos_target: f64,
}
