//! `freshness`: dates of production lots must be possible; what is expired or near expiry is said.

use crate::answers::{self, Lot};
use crate::rows::{PRODUCTS, Product};
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{About, Context, Finding, Findings, Input, Rule, RuleError, Validate, dates, texts};
use std::collections::BTreeSet;

/// Config of `freshness`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Freshness {
    /// What is near expiry.
    near_expiry: Bands,
}

impl Rule for Freshness {
    type Kind = Validate;
    const ABOUT: About = About {
        id: "freshness",
        title: texts! { "en": "Stock dates", "zh-CN": "库存日期" },
        description: texts! {
            "en": "Checks production and best-before dates of each lot, and names lots that are expired or near expiry.",
            "zh-CN": "检查各批次的生产日期和保质期，并提示过期和临期批次。",
        },
        codes: &[
            (
                "freshness.bad_date",
                texts! {
                    "en": "{name}, lot {lot}: \"{date}\" is not a date of the calendar.",
                    "zh-CN": "{name} 批次 {lot}：“{date}”不是有效日期。",
                },
            ),
            (
                "freshness.dates_reversed",
                texts! {
                    "en": "{name}, lot {lot}: best before {best_before} must be later than made {made}. Are they swapped?",
                    "zh-CN": "{name} 批次 {lot}：到期日 {best_before} 应晚于生产日期 {made}，是否填反了？",
                },
            ),
            (
                "freshness.made_in_future",
                texts! {
                    "en": "{name}, lot {lot}: made {made} is after the day of the visit.",
                    "zh-CN": "{name} 批次 {lot}：生产日期 {made} 晚于拜访日期。",
                },
            ),
            (
                "freshness.duplicate_lot",
                texts! {
                    "en": "{name}, lot {lot} is entered twice. Merge the rows.",
                    "zh-CN": "{name} 批次 {lot} 重复填写，请合并为一行。",
                },
            ),
            (
                "freshness.expired_on_shelf",
                texts! {
                    "en": "{name}, lot {lot} expired on {best_before} and {qty_shelf} are still on the shelf. Take them down.",
                    "zh-CN": "{name} 批次 {lot} 已于 {best_before} 过期，货架上还有 {qty_shelf}，请立即下架。",
                },
            ),
            (
                "freshness.near_expiry",
                texts! {
                    "en": "{name}, lot {lot} has {days_left} day(s) left; near expiry begins at {near_days}.",
                    "zh-CN": "{name} 批次 {lot} 距到期还有 {days_left} 天，已进入 {near_days} 天临期期。",
                },
            ),
        ],
        datasets: &[PRODUCTS],
        source: "near-expiry days by shelf life as retail guidelines in China set them; tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, context: &Context<'_>) -> Result<Findings, RuleError> {
        let answers: answers::Stock = input.submission()?.answers_as()?;
        let today = dates::business_date(input)?;
        let mut findings = Findings::new();
        let mut seen = BTreeSet::new();
        for (index, lot) in answers.lots.iter().enumerate() {
            let product = Product::find(context, &lot.gtin)?;
            let row = Row { lot, product: product.as_ref(), at: format!("/lots/{index}") };
            if !seen.insert((lot.gtin.as_str(), lot.lot.as_str())) {
                findings.push(row.about(Finding::error("freshness.duplicate_lot"), "lot"));
            }
            let made = row.date(lot.made.as_deref(), "made", &mut findings);
            let best_before = row.date(lot.best_before.as_deref(), "best_before", &mut findings);
            findings.extend(row.order_of_dates(made, best_before, today));
            if let Some(best_before) = best_before {
                findings.extend(row.age(made, best_before, today, &self.near_expiry));
            }
        }
        Ok(findings)
    }
}

struct Row<'a> {
    lot: &'a Lot,
    product: Option<&'a Product>,
    at: String,
}

impl Row<'_> {
    fn about(&self, finding: Finding, member: &str) -> Finding {
        let name = self.product.map_or(self.lot.gtin.as_str(), |product| product.name.as_str());
        finding
            .at(format!("{}/{member}", self.at))
            .with("gtin", self.lot.gtin.as_str())
            .with("name", name)
            .with("lot", self.lot.lot.as_str())
    }

    fn date(&self, text: Option<&str>, member: &str, findings: &mut Findings) -> Option<NaiveDate> {
        let text = text?;
        let date = dates::parse(text);
        if date.is_none() {
            findings.push(self.about(Finding::error("freshness.bad_date"), member).with("date", text));
        }
        date
    }

    fn order_of_dates(&self, made: Option<NaiveDate>, best_before: Option<NaiveDate>, today: NaiveDate) -> Findings {
        let mut findings = Findings::new();
        let Some(made) = made else { return findings };
        if let Some(best_before) = best_before.filter(|best_before| *best_before <= made) {
            findings.push(
                self.about(Finding::error("freshness.dates_reversed"), "best_before")
                    .with("made", made.to_string())
                    .with("best_before", best_before.to_string()),
            );
        }
        if made > today {
            findings
                .push(self.about(Finding::error("freshness.made_in_future"), "made").with("made", made.to_string()));
        }
        findings
    }

    fn age(
        &self,
        made: Option<NaiveDate>,
        best_before: NaiveDate,
        today: NaiveDate,
        near_expiry: &Bands,
    ) -> Option<Finding> {
        let days_left = dates::days_between(today, best_before);
        if days_left < 0 {
            return (self.lot.qty_shelf > 0).then(|| {
                self.about(Finding::warning("freshness.expired_on_shelf"), "best_before")
                    .with("best_before", best_before.to_string())
                    .with("qty_shelf", self.lot.qty_shelf)
            });
        }
        let near_days = near_expiry.near_days(shelf_life_days(self.product, made, best_before)?);
        (days_left <= near_days && self.lot.qty_shelf + self.lot.qty_back > 0).then(|| {
            self.about(Finding::info("freshness.near_expiry"), "best_before")
                .with("days_left", days_left)
                .with("near_days", near_days)
        })
    }
}

/// The product's shelf life, else the lot's own; none when neither is known.
pub fn shelf_life_days(product: Option<&Product>, made: Option<NaiveDate>, best_before: NaiveDate) -> Option<i64> {
    product.map(|product| product.shelf_life_days).or_else(|| made.map(|made| dates::days_between(made, best_before)))
}

/// From which shelf life on a product is near expiry how many days before its best-before date.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct Bands(Vec<Band>);

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Band {
    /// Shelf life in days from which on this holds.
    from_days: i64,
    /// Days before the best-before date.
    near_days: i64,
}

impl Default for Bands {
    /// The ones retailers in China use: a year and more 45, half a year 20, 90 days 15, 30 days 10, 16 days 5.
    fn default() -> Self {
        let bands = [(365, 45), (180, 20), (90, 15), (30, 10), (16, 5)];
        Self(bands.map(|(from_days, near_days)| Band { from_days, near_days }).to_vec())
    }
}

impl Bands {
    /// How many days before its best-before date a product of this shelf life is near expiry. Below all bands it is a quarter
    /// of the shelf life, 1 to 4 days.
    pub fn near_days(&self, shelf_life_days: i64) -> i64 {
        let holds = self.0.iter().filter(|band| band.from_days <= shelf_life_days).max_by_key(|band| band.from_days);
        holds.map_or_else(|| ((shelf_life_days + 3) / 4).clamp(1, 4), |band| band.near_days)
    }
}

#[cfg(test)]
mod tests {
    use super::Bands;

    #[test]
    fn the_bands_change_at_their_edges() {
        let bands = Bands::default();
        let days = [365, 364, 180, 179, 90, 89, 30, 29, 16, 15, 12, 4, 1, 0].map(|life| bands.near_days(life));
        assert_eq!(days, [45, 20, 20, 15, 15, 10, 10, 5, 5, 4, 3, 1, 1, 1]);
    }
}
