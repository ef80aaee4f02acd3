//! The SOP's datasets as the day's stores use them.

use anyhow::{Context, Result};
use serde::Deserialize;
use std::path::Path;

/// Products, planogram, promotions and targets.
pub struct Catalog {
    products: Vec<Product>,
    planogram: Vec<Place>,
    promotions: Vec<Promotion>,
    targets: Vec<Target>,
}

/// A row of `products`, the members the day needs.
#[derive(Deserialize)]
pub struct Product {
    /// Bar code, the key.
    pub gtin: String,
    /// What people call it.
    pub name: String,
    /// Category code.
    pub category: String,
    /// `hero`, `core` or `tail`.
    pub tier: String,
    /// Recommended retail price in CNY, a decimal string.
    pub rrp: String,
    /// Pieces in a case.
    pub case_size: i64,
    /// Days from production to best before.
    pub shelf_life_days: i64,
}

impl Product {
    /// 0 for hero, 1 for core, 2 for tail.
    pub fn rank(&self) -> usize {
        match self.tier.as_str() {
            "hero" => 0,
            "core" => 1,
            _ => 2,
        }
    }
}

#[derive(Deserialize)]
struct Place {
    /// `<planogram>@<version>/<gtin>`, the key.
    place: String,
}

#[derive(Deserialize)]
struct Promotion {
    promo_id: String,
    valid_from: String,
    valid_to: String,
}

#[derive(Deserialize)]
struct Target {
    category: String,
    sos_target: f64,
}

#[derive(Deserialize)]
struct Dataset<T> {
    rows: Vec<T>,
}

impl Catalog {
    /// Reads the dataset files of a folder.
    ///
    /// # Errors
    /// A file is missing or malformed.
    pub fn read(folder: &Path) -> Result<Self> {
        Ok(Self {
            products: super::read::<Dataset<Product>>(&folder.join("products.json"))?.rows,
            planogram: super::read::<Dataset<Place>>(&folder.join("planogram.json"))?.rows,
            promotions: super::read::<Dataset<Promotion>>(&folder.join("promotions.json"))?.rows,
            targets: super::read::<Dataset<Target>>(&folder.join("targets.json"))?.rows,
        })
    }

    /// The product of a GTIN.
    ///
    /// # Errors
    /// There is none.
    pub fn product(&self, gtin: &str) -> Result<&Product> {
        self.products.iter().find(|row| row.gtin == gtin).with_context(|| format!("no product {gtin}"))
    }

    /// Whether a planogram places a product.
    pub fn places(&self, planogram: &str, gtin: &str) -> bool {
        self.planogram.iter().any(|row| row.place.split_once('/') == Some((planogram, gtin)))
    }

    /// Whether a promotion runs on a date.
    ///
    /// # Errors
    /// There is none of that id.
    pub fn runs(&self, promotion: &str, date: &str) -> Result<bool> {
        let row = self.promotions.iter().find(|row| row.promo_id == promotion);
        let row = row.with_context(|| format!("no promotion {promotion}"))?;
        // ISO dates compare as text.
        Ok((row.valid_from.as_str()..=row.valid_to.as_str()).contains(&date))
    }

    /// The share of shelf a category should reach.
    ///
    /// # Errors
    /// The category has none.
    pub fn target(&self, category: &str) -> Result<f64> {
        let row = self.targets.iter().find(|row| row.category == category);
        Ok(row.with_context(|| format!("no target for {category}"))?.sos_target)
    }
}
