//! `perfect_store`: the leaves of the perfect-store score. The SOP's score tree weighs them and caps the total; within a
//! part what does not apply is left out, and the rest counts in full.

use crate::answers::{self, Lot};
use crate::freshness::Bands;
use crate::rows::{PLANOGRAM, PRODUCTS, PROMOTIONS, PlanogramRow, Product, PromotionRow, TARGETS, TargetRow, Tier};
use crate::{freshness, money};
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sopwith_sdk::{About, Availability, Context, Input, Need, Rule, RuleError, Score, Scorecard, dates, ratio, texts};
use std::collections::BTreeSet;

/// The parts, in the order they are reported.
const PARTS: [&str; 8] = ["osa", "sos", "planogram", "price", "promo", "posm", "freshness", "fixes"];

/// Config of `perfect_store`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PerfectStore {
    /// A shelf price this far from the recommended one still counts as right, as a share of it.
    #[schemars(range(min = 0.0, max = 1.0))]
    price_tolerance: f64,
    /// What is near expiry; the same as in `freshness`.
    near_expiry: Bands,
}

impl Default for PerfectStore {
    fn default() -> Self {
        Self { price_tolerance: 0.1, near_expiry: Bands::default() }
    }
}

impl Rule for PerfectStore {
    type Kind = Score;
    const ABOUT: About = About {
        id: "perfect_store",
        title: texts! { "en": "Perfect store", "zh-CN": "完美门店" },
        description: texts! {
            "en": "Availability, share of shelf, planogram, price, promotion, material, freshness and fixes, each from 0 to 1. Marks: expired_on_shelf, hero_absent.",
            "zh-CN": "在架率、货架占比、陈列图、价格、促销、物料、新鲜度和整改，各项 0 到 1。标记：expired_on_shelf（货架有过期品）、hero_absent（主打品缺货）。",
        },
        needs: &[(Need::Steps, Availability::Device)],
        codes: &[],
        datasets: &[PRODUCTS, PLANOGRAM, PROMOTIONS, TARGETS],
        source: "weighted parts of a perfect store; weights: tenant parameter",
    };

    fn run(&self, input: &Input, context: &Context<'_>) -> Result<Scorecard, RuleError> {
        let status = input.step_answers::<answers::Status>("status")?;
        if let Some(status) = status.filter(|status| status.status != "open") {
            let detail = json!({ "status": status.status });
            return Ok(PARTS.into_iter().fold(Scorecard::new(), |card, id| card.part(id, None, detail.clone())));
        }
        let scores = [
            osa(input, context)?,
            sos(input, context)?,
            planogram(input, context)?,
            self.price(input, context)?,
            promo(input, context)?,
            posm(input)?,
            freshness(input, context, &self.near_expiry)?,
            fixes(input)?,
        ];
        let mut card = Scorecard::new();
        for (id, part) in PARTS.into_iter().zip(scores) {
            card = card.part(id, part.value, part.detail);
            if let Some(mark) = part.mark {
                card = card.mark(mark);
            }
        }
        Ok(card)
    }
}

/// A leaf before it has its name.
#[derive(Default)]
struct Leaf {
    value: Option<f64>,
    detail: Value,
    mark: Option<&'static str>,
}

impl Leaf {
    /// `right` of `all`; not applicable when there are none.
    fn share(right: i64, all: i64, names: [&str; 2]) -> Self {
        let [right_name, all_name] = names;
        Self { value: share(right, all), detail: json!({ right_name: right, all_name: all }), mark: None }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn share(right: i64, all: i64) -> Option<f64> {
    ratio(right as f64, all as f64)
}

/// Listed products on the shelf by listed products, hero 3, core 2, tail 1. A row counts once.
fn osa(input: &Input, context: &Context<'_>) -> Result<Leaf, RuleError> {
    let Some(answers) = input.step_answers::<answers::Osa>("osa")? else { return Ok(Leaf::default()) };
    let (mut on_shelf, mut listed, mut left_out) = (0, 0, 0);
    let mut absent_heroes = Vec::new();
    let mut seen = BTreeSet::new();
    for sku in &answers.skus {
        if !seen.insert(sku.gtin.as_str()) {
            continue;
        }
        let product = Product::find(context, &sku.gtin)?;
        let (Some(product), Some(is_there), false) = (product, sku.on_shelf, sku.not_applicable) else {
            left_out += 1;
            continue;
        };
        let weight = i64::from(product.tier.weight());
        listed += weight;
        if is_there {
            on_shelf += weight;
        } else if product.tier == Tier::Hero {
            absent_heroes.push(sku.gtin.clone());
        }
    }
    absent_heroes.sort();
    Ok(Leaf {
        value: share(on_shelf, listed),
        mark: (!absent_heroes.is_empty()).then_some("hero_absent"),
        detail: json!({
            "on_shelf_weight": on_shelf, "listed_weight": listed, "left_out": left_out, "absent_heroes": absent_heroes,
        }),
    })
}

/// Mean over categories of `min(1, share / target)`. Categories without facings or target are left out.
fn sos(input: &Input, context: &Context<'_>) -> Result<Leaf, RuleError> {
    let Some(answers) = input.step_answers::<answers::Facings>("facings")? else { return Ok(Leaf::default()) };
    let mut categories = Map::new();
    let mut left_out = 0;
    let mut sum = 0.0;
    for row in &answers.categories {
        let target = context.lookup::<TargetRow>(TARGETS, &row.category)?.map_or(0.0, |target| target.sos_target);
        let facings = row.own_facings.zip(row.category_facings);
        let share = facings.and_then(|(own, all)| share(own, all));
        let reached = facings.and_then(|(own, all)| reached(own, all, target));
        let (Some(share), Some(reached)) = (share, reached) else {
            left_out += 1;
            continue;
        };
        let detail = json!({
            "own_facings": row.own_facings, "category_facings": row.category_facings, "share": share, "target": target,
            "value": reached,
        });
        if categories.insert(row.category.clone(), detail).is_none() {
            sum += reached;
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "a handful of categories")]
    let value = ratio(sum, categories.len() as f64);
    Ok(Leaf { value, detail: json!({ "categories": categories, "left_out": left_out }), mark: None })
}

/// `min(1, (own / all) / target)`; none without facings or target.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn reached(own: i64, all: i64, target: f64) -> Option<f64> {
    ratio(own as f64, all as f64 * target).map(|reached| reached.clamp(0.0, 1.0))
}

/// Right answers by answers to the six questions, over products that version of the planogram has.
fn planogram(input: &Input, context: &Context<'_>) -> Result<Leaf, RuleError> {
    let Some(answers) = input.step_answers::<answers::Planogram>("planogram")? else { return Ok(Leaf::default()) };
    let (mut right, mut asked) = (0, 0);
    for sku in &answers.skus {
        let place = format!("{}/{}", answers.planogram, sku.gtin);
        if context.lookup::<PlanogramRow>(PLANOGRAM, &place)?.is_none() {
            continue;
        }
        for answer in [sku.bay, sku.shelf, sku.position, sku.facings, sku.tag, sku.price].into_iter().flatten() {
            asked += 1;
            right += i64::from(answer);
        }
    }
    Ok(Leaf::share(right, asked, ["right", "asked"]))
}

impl PerfectStore {
    /// Products with a price tag and a price within the tolerance, by listed products with a price.
    fn price(&self, input: &Input, context: &Context<'_>) -> Result<Leaf, RuleError> {
        let Some(answers) = input.step_answers::<answers::Prices>("price")? else { return Ok(Leaf::default()) };
        let (mut right, mut priced) = (0, 0);
        for sku in &answers.skus {
            let Some(product) = Product::find(context, &sku.gtin)? else { continue };
            let shelf = sku.shelf_price.as_deref().and_then(money::parse);
            let Some((shelf, rrp)) = shelf.zip(money::parse(&product.rrp)) else { continue };
            let allowed = money::factor(self.price_tolerance).and_then(|tolerance| tolerance.checked_mul(rrp));
            let is_near = allowed.is_some_and(|allowed| (shelf - rrp).abs() <= allowed);
            priced += 1;
            right += i64::from(is_near && sku.tag_present != Some(false));
        }
        Ok(Leaf::share(right, priced, ["right", "priced"]))
    }
}

/// Running promotions that are live as agreed and displays that stand, by all of them.
fn promo(input: &Input, context: &Context<'_>) -> Result<Leaf, RuleError> {
    let Some(answers) = input.step_answers::<answers::Promo>("promo")? else { return Ok(Leaf::default()) };
    let (mut right, mut agreed) = (0, 0);
    for promotion in &answers.promotions {
        let row = context.lookup::<PromotionRow>(PROMOTIONS, &promotion.promo_id)?;
        let runs = row.is_some_and(|row| row.runs_on(&input.visit.business_date));
        let Some(live) = promotion.live.filter(|_| runs) else { continue };
        agreed += 1;
        right += i64::from(live && promotion.mechanic_ok != Some(false));
    }
    for present in answers.displays.iter().filter_map(|display| display.present) {
        agreed += 1;
        right += i64::from(present);
    }
    Ok(Leaf::share(right, agreed, ["right", "agreed"]))
}

/// Expected material that is there and in order, by expected material.
fn posm(input: &Input) -> Result<Leaf, RuleError> {
    let Some(answers) = input.step_answers::<answers::Posm>("posm")? else { return Ok(Leaf::default()) };
    let (mut right, mut expected) = (0, 0);
    for item in answers.items.iter().filter(|item| item.expected) {
        let Some(present) = item.present else { continue };
        expected += 1;
        right += i64::from(present && item.condition.as_deref().is_none_or(|condition| condition == "ok"));
    }
    Ok(Leaf::share(right, expected, ["right", "expected"]))
}

/// Pieces outside near expiry by pieces. Lots with an unreadable date are left out.
fn freshness(input: &Input, context: &Context<'_>, near_expiry: &Bands) -> Result<Leaf, RuleError> {
    let Some(answers) = input.step_answers::<answers::Stock>("stock")? else { return Ok(Leaf::default()) };
    let today = dates::business_date(input)?;
    let (mut fresh, mut all) = (0, 0);
    let mut is_expired_on_shelf = false;
    for lot in &answers.lots {
        let product = Product::find(context, &lot.gtin)?;
        let Some(age) = age(lot, product.as_ref(), today, near_expiry) else { continue };
        let pieces = pieces(lot, product.as_ref());
        all += pieces;
        fresh += if age == Age::Fresh { pieces } else { 0 };
        is_expired_on_shelf |= age == Age::Expired && lot.qty_shelf > 0;
    }
    let mark = is_expired_on_shelf.then_some("expired_on_shelf");
    Ok(Leaf { mark, ..Leaf::share(fresh, all, ["fresh_pieces", "pieces"]) })
}

#[derive(PartialEq, Eq)]
enum Age {
    Fresh,
    NearExpiry,
    Expired,
}

fn age(lot: &Lot, product: Option<&Product>, today: NaiveDate, near_expiry: &Bands) -> Option<Age> {
    let best_before = dates::parse(lot.best_before.as_deref()?)?;
    let days_left = dates::days_between(today, best_before);
    if days_left < 0 {
        return Some(Age::Expired);
    }
    let made = lot.made.as_deref().and_then(dates::parse);
    let near_days = near_expiry.near_days(freshness::shelf_life_days(product, made, best_before)?);
    Some(if days_left <= near_days { Age::NearExpiry } else { Age::Fresh })
}

/// A lot in pieces; a case of an unlisted product counts as one.
fn pieces(lot: &Lot, product: Option<&Product>) -> i64 {
    let per_unit = match lot.unit.as_deref() {
        Some("case") => product.map_or(1, |product| product.case_size.max(1)),
        _ => 1,
    };
    lot.qty_shelf.max(0).saturating_add(lot.qty_back.max(0)).saturating_mul(per_unit)
}

/// What was put right by what there was to put right.
fn fixes(input: &Input) -> Result<Leaf, RuleError> {
    let Some(answers) = input.step_answers::<answers::Fixes>("fixes")? else { return Ok(Leaf::default()) };
    let all = i64::try_from(answers.fixes.len()).unwrap_or(i64::MAX);
    let done = answers.fixes.iter().filter(|fix| fix.done).map(|_| 1).sum();
    Ok(Leaf::share(done, all, ["done", "all"]))
}
