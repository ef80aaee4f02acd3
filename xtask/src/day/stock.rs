//! What is in the store by production lot, and what is ordered to fill it up.

use super::answers::Store;
use super::catalog::Product;
use super::chance;
use anyhow::Result;
use serde_json::{Value, json};

/// Days an order covers: lead, review and safety days of the SOP's parameters.
const COVER_DAYS: i64 = 2 + 7 + 3;

impl Store<'_> {
    /// Every lot in the store.
    ///
    /// # Errors
    /// The script contradicts the catalog.
    pub(super) fn lots(&self) -> Result<Vec<Value>> {
        let mut lots = Vec::new();
        for product in self.carried()? {
            lots.extend(self.lots_of(product)?);
        }
        Ok(lots)
    }

    fn lots_of(&self, product: &Product) -> Result<Vec<Value>> {
        let name = self.name(&format!("stock {}", product.gtin));
        let in_cases = self.format()?.back_in_cases;
        let back = if self.is_missing(product) {
            self.backroom(product)
        } else {
            chance::whole(&name, 0, if in_cases { 2 } else { product.case_size })
        };
        let shelf = self.facings_of(product)? * chance::whole(&format!("depth {name}"), 3, 5);
        let age = |part: &str, from: i64, to: i64| {
            chance::whole(
                &format!("age {part} {name}"),
                product.shelf_life_days * from / 100,
                product.shelf_life_days * to / 100,
            )
        };
        let mut lots = Vec::new();
        if let Some(days_left) = self.entry.found.old_lots.get(&product.gtin) {
            lots.push(self.lot(product, product.shelf_life_days - days_left, [3, 0], "piece")?);
        }
        if in_cases && !self.is_missing(product) {
            lots.push(self.lot(product, age("shelf", 20, 45), [shelf, 0], "piece")?);
            if back > 0 {
                lots.push(self.lot(product, age("back", 8, 18), [0, back], "case")?);
            }
        } else if shelf + back > 0 {
            lots.push(self.lot(product, age("shelf", 15, 45), [shelf, back], "piece")?);
        }
        Ok(lots)
    }

    /// A lot of this age; its code is the factory's date code and a line letter.
    fn lot(&self, product: &Product, age_days: i64, [shelf, back]: [i64; 2], unit: &str) -> Result<Value> {
        let made = chance::days_after(&self.script.date, -age_days)?;
        let best_before = chance::days_after(&made, product.shelf_life_days)?;
        let line = chance::pick(&format!("line {} {made}", product.gtin), &["A", "B", "C"]).copied().unwrap_or("A");
        Ok(json!({
            "gtin": product.gtin, "lot": format!("{}{line}", made.replace('-', "")), "made": made,
            "best_before": best_before, "qty_shelf": shelf, "qty_back": back, "unit": unit,
        }))
    }

    /// Pieces a shopper may still buy.
    fn pieces(&self, product: &Product) -> Result<i64> {
        let mut pieces = 0;
        for lot in self.lots_of(product)? {
            let number = |member: &str| lot.get(member).and_then(Value::as_i64).unwrap_or_default();
            let text = |member: &str| lot.get(member).and_then(Value::as_str).unwrap_or_default();
            if text("best_before") >= self.script.date.as_str() {
                let size = if text("unit") == "case" { product.case_size } else { 1 };
                pieces += (number("qty_shelf") + number("qty_back")) * size;
            }
        }
        Ok(pieces)
    }

    /// The order: as suggested, in whole cases, or as the script has it.
    ///
    /// # Errors
    /// The script contradicts the catalog.
    #[expect(clippy::cast_possible_truncation, reason = "daily sales are few")]
    pub(super) fn order(&self) -> Result<Value> {
        let mut lines = Vec::new();
        for product in self.carried()? {
            let usual = self.format()?.daily_sales.get(product.rank()).copied().unwrap_or(1.0);
            let habit = chance::between(&format!("sales {} {}", self.outlet.id, product.gtin), 0.7, 1.3);
            let tenths_a_day = (usual * habit * 10.0).round() as i64;
            let stock = self.pieces(product)?;
            let on_the_way = chance::unit(&self.name(&format!("way {}", product.gtin))) < 0.15;
            let in_transit = if on_the_way { product.case_size } else { 0 };
            let wanted_tenths = tenths_a_day * COVER_DAYS - (stock + in_transit) * 10;
            let cases = wanted_tenths.max(0).div_euclid(product.case_size * 10)
                + i64::from(wanted_tenths.max(0).rem_euclid(product.case_size * 10) > 0);
            let suggested = cases * product.case_size;
            let mut line = json!({
                "gtin": product.gtin, "suggested": suggested, "order_qty": suggested, "ads": tenths(tenths_a_day),
                "stock": stock, "in_transit": in_transit,
            });
            if let Some((order_qty, reason)) = self.deviation(product) {
                line["order_qty"] = json!(order_qty);
                if order_qty != suggested {
                    line["deviation_reason"] = json!(reason);
                }
            }
            lines.push(line);
        }
        Ok(json!({ "lines": lines }))
    }

    /// Another quantity than suggested, and why.
    fn deviation(&self, product: &Product) -> Option<(i64, String)> {
        let found = &self.entry.found;
        if let Some(story) = found.orders.get(&product.gtin) {
            return Some((story.cases * product.case_size, story.reason.clone()));
        }
        match found.missing.get(&product.gtin).map(String::as_str) {
            Some("dc_oos") => Some((0, "经销商断货，到货后补单".to_owned())),
            Some("delisted") => Some((0, "门店已下架该单品".to_owned())),
            _ => None,
        }
    }
}

/// Tenths as a number.
#[expect(clippy::cast_precision_loss, reason = "small")]
pub fn tenths(tenths: i64) -> Value {
    json!(tenths as f64 / 10.0)
}
