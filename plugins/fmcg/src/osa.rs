//! `osa`: what the rep says about each listed product must hold together.

use crate::answers::{self, is_given};
use crate::gtin;
use crate::rows::{PRODUCTS, Product};
use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{About, Context, Finding, Findings, Input, Rule, RuleError, Validate, texts};
use std::collections::BTreeSet;

/// Config of `osa`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Osa {
    /// GTINs this store must answer for (its must-stock list); empty: whatever the rep answered.
    listed: Vec<String>,
}

impl Rule for Osa {
    type Kind = Validate;
    const ABOUT: About = About {
        id: "osa",
        title: texts! { "en": "On-shelf availability", "zh-CN": "在架情况" },
        description: texts! {
            "en": "Checks bar codes against their check digit and the product list, and that out-of-stock answers hold together.",
            "zh-CN": "核对条码校验位和产品清单，并检查缺货信息是否前后一致。",
        },
        codes: &[
            (
                "osa.gtin_check_digit",
                texts! {
                    "en": "{gtin} is not a valid bar code. Scan it again or check the digits.",
                    "zh-CN": "{gtin} 不是有效条码，请重新扫码或核对数字。",
                },
            ),
            (
                "osa.not_listed",
                texts! {
                    "en": "{gtin} is not in the product list.",
                    "zh-CN": "产品清单中没有 {gtin}。",
                },
            ),
            (
                "osa.duplicate",
                texts! {
                    "en": "{name} is entered twice. Keep one row.",
                    "zh-CN": "{name} 重复填写，请只保留一行。",
                },
            ),
            (
                "osa.needs_reason",
                texts! {
                    "en": "{name} is not on the shelf. Say why.",
                    "zh-CN": "{name} 不在货架上，请填写缺货原因。",
                },
            ),
            (
                "osa.backroom_reason",
                texts! {
                    "en": "There are {backroom_qty} pieces of {name} in the back room, so the reason must be \"back room\".",
                    "zh-CN": "{name} 后仓还有 {backroom_qty} 件，缺货原因应选“后仓有货”。",
                },
            ),
            (
                "osa.contradiction",
                texts! {
                    "en": "{name} is marked as on the shelf, yet also as out of stock or not carried. Correct one of them.",
                    "zh-CN": "{name} 既填了在架，又填了缺货原因或不适用，请更正。",
                },
            ),
            (
                "osa.missing",
                texts! {
                    "en": "{name} is on this store's list but was not answered.",
                    "zh-CN": "{name} 在本店必备清单中，但没有填写。",
                },
            ),
        ],
        datasets: &[PRODUCTS],
        source: "GS1 General Specifications (GTIN check digit); out-of-stock reasons: usual practice of store audits",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, context: &Context<'_>) -> Result<Findings, RuleError> {
        let answers: answers::Osa = input.submission()?.answers_as()?;
        let mut findings = Findings::new();
        let mut seen = BTreeSet::new();
        let mut has_unreadable = false;
        for (index, sku) in answers.skus.iter().enumerate() {
            let at = |member: &str| format!("/skus/{index}/{member}");
            if !gtin::is_valid(&sku.gtin) {
                findings.push(Finding::error("osa.gtin_check_digit").at(at("gtin")).with("gtin", sku.gtin.as_str()));
                has_unreadable = true;
                continue;
            }
            let Some(product) = Product::find(context, &sku.gtin)? else {
                findings.push(Finding::error("osa.not_listed").at(at("gtin")).with("gtin", sku.gtin.as_str()));
                continue;
            };
            let about = |code: &str, member: &str| {
                Finding::error(code).at(at(member)).with("gtin", sku.gtin.as_str()).with("name", product.name.as_str())
            };
            if !seen.insert(sku.gtin.as_str()) {
                findings.push(about("osa.duplicate", "gtin"));
            }
            let has_reason = is_given(sku.oos_reason.as_deref());
            match sku.on_shelf {
                Some(true) if has_reason || sku.not_applicable => {
                    findings.push(about("osa.contradiction", "on_shelf"));
                }
                Some(false) if !sku.not_applicable => {
                    if sku.backroom_qty > 0 && sku.oos_reason.as_deref() != Some("backroom") {
                        findings
                            .push(about("osa.backroom_reason", "oos_reason").with("backroom_qty", sku.backroom_qty));
                    } else if !has_reason {
                        findings.push(about("osa.needs_reason", "oos_reason"));
                    }
                }
                _ => {}
            }
        }
        // A code that cannot be read is some product of the list: what is missing is known once it is corrected.
        let listed = self.listed.iter().map(String::as_str).filter(|_| !has_unreadable);
        let unanswered: BTreeSet<&str> = listed.filter(|gtin| !seen.contains(gtin)).collect();
        for gtin in unanswered {
            let name = Product::name(context, gtin)?;
            findings.push(Finding::error("osa.missing").at("/skus").with("gtin", gtin).with("name", name));
        }
        Ok(findings)
    }
}
