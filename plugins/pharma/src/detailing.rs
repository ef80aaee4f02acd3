//! `detailing`: what was shown to one doctor may be shown, to this doctor, on this day, in this room.

use crate::answers::{self, Topic};
use crate::rows::{HCPS, Hcp, MATERIALS, Material, PRODUCTS, Product, REPS, Rep};
use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{About, Context, Finding, Findings, Input, Rule, RuleError, Validate, texts};

/// Config of `detailing`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Detailing {
    /// Zones in which nobody promotes.
    forbidden_zones: Vec<String>,
    /// The authority must have the rep on file for the product.
    require_filing: bool,
}

impl Rule for Detailing {
    type Kind = Validate;
    const ABOUT: About = About {
        id: "detailing",
        title: texts! { "en": "Detailing", "zh-CN": "学术推广" },
        description: texts! {
            "en": "Material is approved and not expired, priorities have no gap, products may be shown to this doctor, the talk was in an allowed zone.",
            "zh-CN": "推广资料须已审批且在有效期内，优先级连续，产品可向该医生推广，地点不在禁入区域。",
        },
        codes: &[
            (
                "detailing.forbidden_zone",
                texts! {
                    "en": "The talk was in a zone where nobody promotes ({zone}).",
                    "zh-CN": "拜访发生在禁止推广的区域（{zone}）。",
                },
            ),
            (
                "detailing.priority",
                texts! {
                    "en": "Priorities must be 1 to {topics}, each once.",
                    "zh-CN": "优先级须为 1 至 {topics}，且不重复、不间断。",
                },
            ),
            (
                "detailing.unknown_product",
                texts! {
                    "en": "There is no product {product}.",
                    "zh-CN": "没有产品 {product}。",
                },
            ),
            (
                "detailing.restricted_product",
                texts! {
                    "en": "{product} must not be promoted to {hcp}.",
                    "zh-CN": "不得向 {hcp} 推广 {product}。",
                },
            ),
            (
                "detailing.product_not_filed",
                texts! {
                    "en": "You are not on file for {product}.",
                    "zh-CN": "您的备案产品不包含 {product}。",
                },
            ),
            (
                "detailing.unknown_material",
                texts! {
                    "en": "There is no material {material}.",
                    "zh-CN": "没有推广资料 {material}。",
                },
            ),
            (
                "detailing.material_not_approved",
                texts! {
                    "en": "\"{title}\" ({material}) is not approved. Do not show it.",
                    "zh-CN": "资料“{title}”（{material}）未获批准，不得使用。",
                },
            ),
            (
                "detailing.material_expired",
                texts! {
                    "en": "\"{title}\" ({material}) may be shown from {valid_from} to {valid_to}, not on {business_date}.",
                    "zh-CN": "资料“{title}”（{material}）有效期为 {valid_from} 至 {valid_to}，{business_date} 不得使用。",
                },
            ),
            (
                "detailing.material_other_product",
                texts! {
                    "en": "\"{title}\" ({material}) is not about {product}.",
                    "zh-CN": "资料“{title}”（{material}）不是 {product} 的资料。",
                },
            ),
            (
                "detailing.message_not_in_material",
                texts! {
                    "en": "The key message {message} is not in \"{title}\" ({material}).",
                    "zh-CN": "关键信息 {message} 不在资料“{title}”（{material}）中。",
                },
            ),
        ],
        datasets: &[HCPS, PRODUCTS, MATERIALS, REPS],
        source: "approved, unexpired material only (review by medical, legal and regulatory); restricted and allowed products by doctor; zones: tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, context: &Context<'_>) -> Result<Findings, RuleError> {
        let submission = input.submission()?;
        let answers: answers::Detailing = submission.answers_as()?;
        let hcp = submission.instance.as_deref().map(|hcp| Hcp::find(context, hcp)).transpose()?.flatten();
        let rep = if self.require_filing { Rep::find(context, &input.visit.user)? } else { None };
        let mut findings = Findings::new();
        if let Some(zone) = answers.zone.as_ref().filter(|zone| self.forbidden_zones.contains(zone)) {
            findings.push(Finding::error("detailing.forbidden_zone").at("/zone").with("zone", zone.as_str()));
        }
        if !is_contiguous(&answers.topics) {
            let finding = Finding::error("detailing.priority").at("/topics");
            findings.push(finding.with("topics", answers.topics.len()));
        }
        for (index, topic) in answers.topics.iter().enumerate() {
            let at = format!("/topics/{index}");
            let about = |code: &str| Finding::error(code).at(format!("{at}/product"));
            let Some(product) = Product::find(context, &topic.product)? else {
                findings.push(about("detailing.unknown_product").with("product", topic.product.as_str()));
                continue;
            };
            if let Some(hcp) = hcp.as_ref().filter(|hcp| !hcp.may_see(&topic.product)) {
                let finding = about("detailing.restricted_product").with("product", product.name.as_str());
                findings.push(finding.with("hcp", hcp.name.as_str()));
            }
            if self.require_filing && !rep.as_ref().is_some_and(|rep| rep.products.contains(&topic.product)) {
                findings.push(about("detailing.product_not_filed").with("product", product.name.as_str()));
            }
            findings.extend(material(topic, &product, &at, input, context)?);
        }
        Ok(findings)
    }
}

/// 1 to n, each once.
fn is_contiguous(topics: &[Topic]) -> bool {
    let mut priorities: Vec<i64> = topics.iter().filter_map(|topic| topic.priority).collect();
    priorities.sort_unstable();
    priorities.len() == topics.len() && priorities.into_iter().zip(1..).all(|(given, wanted)| given == wanted)
}

fn material(
    topic: &Topic,
    product: &Product,
    at: &str,
    input: &Input,
    context: &Context<'_>,
) -> Result<Findings, RuleError> {
    let mut findings = Findings::new();
    let Some(id) = topic.material.as_deref() else { return Ok(findings) };
    let about = |code: &str| Finding::error(code).at(format!("{at}/material")).with("material", id);
    let Some(material) = Material::find(context, id)? else { return Ok(vec![about("detailing.unknown_material")]) };
    let about = |code: &str| about(code).with("title", material.title.as_str());
    let today = input.visit.business_date.as_str();
    if !material.is_approved() {
        findings.push(about("detailing.material_not_approved"));
    }
    if !material.runs_on(today) {
        findings.push(
            about("detailing.material_expired")
                .with("valid_from", material.valid_from.as_str())
                .with("valid_to", material.valid_to.as_str())
                .with("business_date", today),
        );
    }
    if material.product != topic.product {
        findings.push(about("detailing.material_other_product").with("product", product.name.as_str()));
    }
    for (index, message) in topic.messages.iter().enumerate() {
        if !material.messages.contains(message) {
            let finding = about("detailing.message_not_in_material").at(format!("{at}/messages/{index}"));
            findings.push(finding.with("message", message.as_str()));
        }
    }
    Ok(findings)
}
