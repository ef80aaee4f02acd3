//! `attendees`: who was there works here, is named once, and what must not be shown to them is said before the talk.

use crate::answers;
use crate::rows::{HCPS, Hcp, PRODUCTS, Product};
use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{About, Context, Finding, Findings, Input, Rule, RuleError, Validate, texts};
use std::collections::BTreeSet;

/// Config of `attendees`: none.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Attendees {}

impl Rule for Attendees {
    type Kind = Validate;
    const ABOUT: About = About {
        id: "attendees",
        title: texts! { "en": "Attendees", "zh-CN": "参与医生" },
        description: texts! {
            "en": "Every attendee is a listed doctor of this institution, named once. Products restricted for one of them are named.",
            "zh-CN": "参与者须为名单内本机构医生且不重复；对其限制推广的产品会予以提示。",
        },
        codes: &[
            (
                "attendees.unknown_hcp",
                texts! {
                    "en": "There is no doctor {hcp} in the list.",
                    "zh-CN": "医生名单中没有 {hcp}。",
                },
            ),
            (
                "attendees.elsewhere",
                texts! {
                    "en": "{name} does not work at this institution.",
                    "zh-CN": "{name} 不在本机构执业。",
                },
            ),
            (
                "attendees.duplicate",
                texts! {
                    "en": "{name} is named twice. Keep one row.",
                    "zh-CN": "{name} 重复填写，请只保留一行。",
                },
            ),
            (
                "attendees.restricted",
                texts! {
                    "en": "Do not talk about these products with {name}: {products}.",
                    "zh-CN": "不得向 {name} 推广以下产品：{products}。",
                },
            ),
        ],
        datasets: &[HCPS, PRODUCTS],
        source: "restricted products by doctor, as CRM systems of the trade keep them",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, context: &Context<'_>) -> Result<Findings, RuleError> {
        let answers: answers::Attendees = input.submission()?.answers_as()?;
        let mut findings = Findings::new();
        let mut seen = BTreeSet::new();
        for (index, attendee) in answers.attendees.iter().enumerate() {
            let id = attendee.hcp.as_str();
            let about = |finding: Finding| finding.at(format!("/attendees/{index}/hcp")).with("hcp", id);
            let Some(hcp) = Hcp::find(context, id)? else {
                findings.push(about(Finding::error("attendees.unknown_hcp")));
                continue;
            };
            let about = |finding: Finding| about(finding).with("name", hcp.name.as_str());
            if !seen.insert(id) {
                findings.push(about(Finding::error("attendees.duplicate")));
            }
            if hcp.institution != input.customer.id {
                findings.push(about(Finding::error("attendees.elsewhere")));
            }
            if !hcp.restricted_products.is_empty() {
                let names = hcp.restricted_products.iter().map(|product| Product::name(context, product));
                let names = names.collect::<Result<Vec<_>, _>>()?.join(", ");
                findings.push(about(Finding::info("attendees.restricted")).with("products", names));
            }
        }
        Ok(findings)
    }
}
