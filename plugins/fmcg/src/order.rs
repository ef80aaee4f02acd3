//! `order`: whole cases, a reason where the order is not the suggested one, and what the customer may still buy on credit.

use crate::answers::{self, OrderLine, is_given};
use crate::money;
use crate::rows::{PRODUCTS, Product};
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use sopwith_sdk::{About, Context, Finding, Findings, Input, Rule, RuleError, Validate, texts};

/// Config of `order`: how many days of sales an order must cover.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Order {
    /// Days from order to delivery.
    #[schemars(range(min = 0.0, max = 365.0))]
    lead_days: f64,
    /// Days until the next visit.
    #[schemars(range(min = 0.0, max = 365.0))]
    review_days: f64,
    /// Days of sales kept in reserve.
    #[schemars(range(min = 0.0, max = 365.0))]
    safety_days: f64,
}

impl Default for Order {
    fn default() -> Self {
        Self { lead_days: 2.0, review_days: 7.0, safety_days: 3.0 }
    }
}

impl Rule for Order {
    type Kind = Validate;
    const ABOUT: About = About {
        id: "order",
        title: texts! { "en": "Order", "zh-CN": "订单" },
        description: texts! {
            "en": "Order quantities must be whole cases; ordering another quantity than the suggested one needs a reason. An order above what is left of the customer's credit (customer field `credit_left`, from the CRM) is named.",
            "zh-CN": "订货量须为整箱；与建议订货量不一致时须说明原因。订单金额超过客户剩余信用额度（客户字段 credit_left，来自 CRM）时予以提示。",
        },
        codes: &[
            (
                "order.not_listed",
                texts! {
                    "en": "{gtin} is not in the product list and cannot be ordered.",
                    "zh-CN": "产品清单中没有 {gtin}，不能下单。",
                },
            ),
            (
                "order.not_whole_cases",
                texts! {
                    "en": "{name}: {order_qty} pieces are not whole cases of {case_size}.",
                    "zh-CN": "{name}：{order_qty} 件不是整箱（每箱 {case_size} 件）。",
                },
            ),
            (
                "order.suggestion_differs",
                texts! {
                    "en": "{name}: the form suggested {shown}, the formula gives {suggested}.",
                    "zh-CN": "{name}：表单建议订货 {shown}，按公式应为 {suggested}。",
                },
            ),
            (
                "order.needs_reason",
                texts! {
                    "en": "{name}: {order_qty} are ordered, {suggested} were suggested. Say why.",
                    "zh-CN": "{name}：订货 {order_qty}，建议订货 {suggested}，请说明原因。",
                },
            ),
            (
                "order.over_credit",
                texts! {
                    "en": "The order comes to {total}; the customer may still buy for {credit_left} on credit.",
                    "zh-CN": "订单金额 {total}，该客户剩余信用额度为 {credit_left}。",
                },
            ),
        ],
        datasets: &[PRODUCTS],
        source: "order-up-to level over lead, review and safety days, in whole cases; days: tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, context: &Context<'_>) -> Result<Findings, RuleError> {
        let answers: answers::Order = input.submission()?.answers_as()?;
        let mut findings = Findings::new();
        let mut total = Decimal::ZERO;
        for (index, line) in answers.lines.iter().enumerate() {
            match Product::find(context, &line.gtin)? {
                Some(product) => {
                    findings.extend(self.line(line, &product, index));
                    total = total.saturating_add(worth(line, &product));
                }
                None => findings.push(
                    Finding::error("order.not_listed")
                        .at(format!("/lines/{index}/gtin"))
                        .with("gtin", line.gtin.as_str()),
                ),
            }
        }
        let credit_left = input.customer.fields.get("credit_left").and_then(Value::as_str);
        if let Some(left) = credit_left.and_then(money::parse_from_zero).filter(|left| total > *left) {
            let finding = Finding::warning("order.over_credit").at("/lines");
            let finding = finding.with("total", money::two_decimals(total));
            findings.push(finding.with("credit_left", money::two_decimals(left)));
        }
        Ok(findings)
    }
}

/// What a line costs the customer; nothing where its price is not known.
fn worth(line: &OrderLine, product: &Product) -> Decimal {
    let price = product.trade_price.as_deref().and_then(money::parse);
    let pieces = line.order_qty.map(|pieces| Decimal::from(pieces.max(0)));
    price.zip(pieces).map(|(price, pieces)| price.saturating_mul(pieces)).unwrap_or_default()
}

impl Order {
    fn line(&self, line: &OrderLine, product: &Product, index: usize) -> Findings {
        let mut findings = Findings::new();
        let about = |finding: Finding, member: &str| {
            finding
                .at(format!("/lines/{index}/{member}"))
                .with("gtin", line.gtin.as_str())
                .with("name", product.name.as_str())
        };
        let case_size = product.case_size.max(1);
        let formula = line.ads.map(|ads| self.suggested(ads, line.stock, line.in_transit, case_size));
        if let (Some(suggested), Some(shown)) = (formula, line.suggested)
            && suggested != shown
        {
            let finding = about(Finding::warning("order.suggestion_differs"), "suggested");
            findings.push(finding.with("shown", shown).with("suggested", suggested));
        }
        let Some(order_qty) = line.order_qty else { return findings };
        if order_qty % case_size != 0 {
            let finding = about(Finding::error("order.not_whole_cases"), "order_qty");
            findings.push(finding.with("order_qty", order_qty).with("case_size", case_size));
        }
        if let Some(suggested) = formula.or(line.suggested)
            && suggested != order_qty
            && !is_given(line.deviation_reason.as_deref())
        {
            let finding = about(Finding::error("order.needs_reason"), "deviation_reason");
            findings.push(finding.with("order_qty", order_qty).with("suggested", suggested));
        }
        findings
    }

    /// `max(0, ceil((ads × (lead + review + safety days) − stock − in transit) / case)) × case`, in pieces.
    fn suggested(&self, ads: f64, stock: i64, in_transit: i64, case_size: i64) -> i64 {
        let days = self.lead_days + self.review_days + self.safety_days;
        #[expect(clippy::cast_precision_loss, reason = "stock counts are far below 2^53")]
        let cases = (ads * days - stock as f64 - in_transit as f64) / case_size as f64;
        // A millionth of a case is a rounding error of the multiplication, not demand.
        let whole = ((cases * 1e6).round() / 1e6).ceil().clamp(0.0, 1e9);
        #[expect(clippy::cast_possible_truncation, reason = "whole and between 0 and a milliard")]
        let whole = whole as i64;
        whole.saturating_mul(case_size)
    }
}
