//! `price`: a price far from the recommended one is a slip of the finger or worth a reason and a photo.

use crate::answers::{self, Competitor, PriceSku, is_given};
use crate::money;
use crate::rows::{PRODUCTS, Product};
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{About, Context, Finding, Findings, Input, Rule, RuleError, Submission, Validate, texts};
use std::collections::{BTreeMap, BTreeSet};

/// Evidence requirement of step `price` that holds the photos of price tags.
const PRICE_TAG: &str = "price_tag";

/// Config of `price`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Price {
    /// Lowest shelf price that needs no explanation, as a share of the recommended price.
    #[schemars(range(min = 0.0, max = 1.0))]
    min_ratio: f64,
    /// Highest shelf price that needs no explanation, as a share of the recommended price.
    #[schemars(range(min = 1.0, max = 100.0))]
    max_ratio: f64,
    /// Competitor prices per unit more than this factor outside our own are doubted.
    #[schemars(range(min = 1.0, max = 1000.0))]
    competitor_factor: f64,
    /// Currency of the recommended prices (ISO 4217); null: not compared.
    currency: Option<String>,
}

impl Default for Price {
    fn default() -> Self {
        Self { min_ratio: 0.5, max_ratio: 2.0, competitor_factor: 10.0, currency: None }
    }
}

impl Rule for Price {
    type Kind = Validate;
    const ABOUT: About = About {
        id: "price",
        title: texts! { "en": "Shelf price", "zh-CN": "货架价格" },
        description: texts! {
            "en": "Compares shelf prices with the recommended price; unusual ones need a reason and a photo of the price tag.",
            "zh-CN": "将货架价与建议零售价比较，价格异常时须说明原因并拍摄价签。",
        },
        codes: &[
            (
                "price.needs_reason_and_photo",
                texts! {
                    "en": "{name}: {shelf_price} is {ratio} times the recommended {rrp}. Correct it, or give a reason and a photo of the price tag.",
                    "zh-CN": "{name}：货架价 {shelf_price} 是建议零售价 {rrp} 的 {ratio} 倍。请更正；如属实，请填写原因并拍摄价签。",
                },
            ),
            (
                "price.unusual_explained",
                texts! {
                    "en": "{name}: {shelf_price} is {ratio} times the recommended {rrp}. The rep gave a reason and a photo.",
                    "zh-CN": "{name}：货架价 {shelf_price} 是建议零售价 {rrp} 的 {ratio} 倍，已说明原因并附价签照片。",
                },
            ),
            (
                "price.promo_above_shelf",
                texts! {
                    "en": "{name}: the promotion price {promo_price} is above the shelf price {shelf_price}.",
                    "zh-CN": "{name}：促销价 {promo_price} 高于货架价 {shelf_price}。",
                },
            ),
            (
                "price.invalid_amount",
                texts! {
                    "en": "{name}: \"{amount}\" is not a price. Enter an amount above zero, for instance 3.50.",
                    "zh-CN": "{name}：“{amount}”不是有效价格，请输入大于零的金额，例如 3.50。",
                },
            ),
            (
                "price.not_listed",
                texts! {
                    "en": "{gtin} is not in the product list, so its price cannot be compared.",
                    "zh-CN": "产品清单中没有 {gtin}，无法核对价格。",
                },
            ),
            (
                "price.duplicate",
                texts! {
                    "en": "{name} is entered twice. Keep one row.",
                    "zh-CN": "{name} 重复填写，请只保留一行。",
                },
            ),
            (
                "price.competitor_pack",
                texts! {
                    "en": "{name}: enter how much is in the pack.",
                    "zh-CN": "{name}：请填写包装规格。",
                },
            ),
            (
                "price.competitor_unusual",
                texts! {
                    "en": "{name}: {unit_price} per {per} is far from our own prices. Check price and pack size.",
                    "zh-CN": "{name}：每 {per} 合 {unit_price}，与我方产品相差过大，请核对价格和规格。",
                },
            ),
            (
                "price.currency",
                texts! {
                    "en": "Prices are expected in {expected}, not in {currency}.",
                    "zh-CN": "价格币种应为 {expected}，而不是 {currency}。",
                },
            ),
        ],
        datasets: &[PRODUCTS],
        source: "usual practice: half to double the recommended price; tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, context: &Context<'_>) -> Result<Findings, RuleError> {
        let submission = input.submission()?;
        let answers: answers::Prices = submission.answers_as()?;
        let mut findings = Findings::new();
        if let (Some(expected), Some(currency)) = (&self.currency, &answers.currency)
            && expected != currency
        {
            let finding = Finding::error("price.currency").at("/currency");
            findings.push(finding.with("expected", expected.as_str()).with("currency", currency.as_str()));
        }
        let usual = Usual { least: money::factor(self.min_ratio), most: money::factor(self.max_ratio) };
        let mut seen = BTreeSet::new();
        let mut own = UnitPrices::default();
        for (index, sku) in answers.skus.iter().enumerate() {
            let at = format!("/skus/{index}");
            let Some(product) = Product::find(context, &sku.gtin)? else {
                let finding = Finding::warning("price.not_listed").at(format!("{at}/gtin"));
                findings.push(finding.with("gtin", sku.gtin.as_str()));
                continue;
            };
            if !seen.insert(sku.gtin.as_str()) {
                let finding = Finding::error("price.duplicate").at(format!("{at}/gtin"));
                findings.push(finding.with("gtin", sku.gtin.as_str()).with("name", product.name.as_str()));
            }
            if !answers.competitors.is_empty() {
                own.add(&product);
            }
            findings.extend(usual.check(sku, &product, &at, submission)?);
        }
        for (index, competitor) in answers.competitors.iter().enumerate() {
            findings.extend(self.competitor(competitor, &own, &format!("/competitors/{index}")));
        }
        Ok(findings)
    }
}

/// Shares of the recommended price between which a shelf price is usual; both belong to it.
struct Usual {
    least: Option<Decimal>,
    most: Option<Decimal>,
}

impl Usual {
    fn check(
        &self,
        sku: &PriceSku,
        product: &Product,
        at: &str,
        submission: &Submission,
    ) -> Result<Findings, RuleError> {
        let mut findings = Findings::new();
        let shelf = amount(sku.shelf_price.as_deref(), &product.name, (at, "shelf_price"), &mut findings);
        let promo = amount(sku.promo_price.as_deref(), &product.name, (at, "promo_price"), &mut findings);
        let Some(shelf) = shelf else { return Ok(findings) };
        let rrp = money::parse(&product.rrp)
            .ok_or_else(|| RuleError::new("bad_row", format!("{}: rrp `{}` is no amount", sku.gtin, product.rrp)))?;
        if !self.holds(shelf, rrp) {
            let photos = || submission.evidence_for(PRICE_TAG).map(|photo| photo.sha256.as_str());
            let explained = is_given(sku.reason.as_deref()) && photos().next().is_some();
            let finding = if explained {
                Finding::warning("price.unusual_explained").evidence_all(photos())
            } else {
                Finding::error("price.needs_reason_and_photo")
            };
            findings.push(
                finding
                    .at(format!("{at}/shelf_price"))
                    .with("gtin", sku.gtin.as_str())
                    .with("name", product.name.as_str())
                    .with("shelf_price", money::two_decimals(shelf))
                    .with("rrp", money::two_decimals(rrp))
                    .with("ratio", money::two_decimals(shelf / rrp)),
            );
        }
        if let Some(promo) = promo.filter(|promo| *promo > shelf) {
            findings.push(
                Finding::error("price.promo_above_shelf")
                    .at(format!("{at}/promo_price"))
                    .with("name", product.name.as_str())
                    .with("promo_price", money::two_decimals(promo))
                    .with("shelf_price", money::two_decimals(shelf)),
            );
        }
        Ok(findings)
    }

    fn holds(&self, shelf: Decimal, rrp: Decimal) -> bool {
        let bound = |share: Option<Decimal>| share.and_then(|share| share.checked_mul(rrp));
        bound(self.least).is_none_or(|least| least <= shelf) && bound(self.most).is_none_or(|most| shelf <= most)
    }
}

impl Price {
    fn competitor(&self, row: &Competitor, own: &UnitPrices, at: &str) -> Findings {
        let mut findings = Findings::new();
        let price = amount(row.price.as_deref(), &row.brand, (at, "price"), &mut findings);
        let pack = row.pack.map(|pack| money::factor(pack).filter(|pack| *pack > Decimal::ZERO));
        if pack == Some(None) {
            let finding = Finding::error("price.competitor_pack").at(format!("{at}/pack"));
            findings.push(finding.with("name", row.brand.as_str()));
        }
        let (Some(price), Some(Some(pack)), Some(unit)) = (price, pack, row.unit.as_deref()) else { return findings };
        let Some(unit_price) = price.checked_div(pack) else { return findings };
        if own.is_far(unit, unit_price, self.competitor_factor) {
            let (per, shown) = if unit == "piece" {
                ("1 piece".to_owned(), unit_price)
            } else {
                (format!("100 {unit}"), unit_price.saturating_mul(Decimal::ONE_HUNDRED))
            };
            findings.push(
                Finding::warning("price.competitor_unusual")
                    .at(format!("{at}/price"))
                    .with("name", row.brand.as_str())
                    .with("unit_price", money::two_decimals(shown))
                    .with("per", per),
            );
        }
        findings
    }
}

/// The amount, or a finding when there is one that is none.
fn amount(text: Option<&str>, name: &str, (at, member): (&str, &str), findings: &mut Findings) -> Option<Decimal> {
    let text = text?;
    let amount = money::parse(text);
    if amount.is_none() {
        findings.push(
            Finding::error("price.invalid_amount").at(format!("{at}/{member}")).with("name", name).with("amount", text),
        );
    }
    amount
}

/// Lowest and highest recommended price per unit of our own products in the submission, by unit.
#[derive(Default)]
struct UnitPrices(BTreeMap<String, (Decimal, Decimal)>);

impl UnitPrices {
    fn add(&mut self, product: &Product) {
        let pack = money::factor(product.pack).filter(|pack| *pack > Decimal::ZERO);
        let Some(price) = money::parse(&product.rrp).zip(pack).and_then(|(rrp, pack)| rrp.checked_div(pack)) else {
            return;
        };
        let range = self.0.entry(product.unit.clone()).or_insert((price, price));
        *range = (range.0.min(price), range.1.max(price));
    }

    fn is_far(&self, unit: &str, price: Decimal, factor: f64) -> bool {
        let Some(((least, most), factor)) = self.0.get(unit).zip(money::factor(factor)) else { return false };
        let above = most.checked_mul(factor).is_some_and(|bound| price > bound);
        let below = price.checked_mul(factor).is_some_and(|raised| raised < *least);
        above || below
    }
}
