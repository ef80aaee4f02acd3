//! `facings`: counts must fit each other and what step `osa` says is on the shelf.

use crate::answers;
use crate::rows::{PRODUCTS, Product};
use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{About, Availability, Context, Finding, Findings, Input, Need, Rule, RuleError, Validate, texts};
use std::collections::{BTreeMap, BTreeSet};

/// Config of `facings`: none.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Facings {}

impl Rule for Facings {
    type Kind = Validate;
    const ABOUT: About = About {
        id: "facings",
        title: texts! { "en": "Facings", "zh-CN": "排面" },
        description: texts! {
            "en": "Own facings cannot exceed the category's, and must agree with what is on the shelf.",
            "zh-CN": "自有排面不能超过品类排面，并须与在架情况一致。",
        },
        needs: &[(Need::Steps, Availability::Device)],
        codes: &[
            (
                "facings.negative",
                texts! {
                    "en": "{name}: a count cannot be below zero.",
                    "zh-CN": "{name}：排面数不能小于零。",
                },
            ),
            (
                "facings.own_above_category",
                texts! {
                    "en": "{category}: {own_facings} own facings of {category_facings} in all cannot be. Count again.",
                    "zh-CN": "{category}：自有排面 {own_facings} 超过品类总排面 {category_facings}，请重新清点。",
                },
            ),
            (
                "facings.on_shelf_without_facing",
                texts! {
                    "en": "{name} is on the shelf, so it has at least one facing.",
                    "zh-CN": "{name} 已在架，至少应有 1 个排面。",
                },
            ),
            (
                "facings.missing",
                texts! {
                    "en": "On the shelf, but its facings were not counted: {names}.",
                    "zh-CN": "在架但未填写排面：{names}。",
                },
            ),
            (
                "facings.facing_without_stock",
                texts! {
                    "en": "{name} is not on the shelf, so it cannot have {own_facings} facings.",
                    "zh-CN": "{name} 不在货架上，不应有 {own_facings} 个排面。",
                },
            ),
            (
                "facings.duplicate",
                texts! {
                    "en": "{name} is counted twice. Keep one row.",
                    "zh-CN": "{name} 重复填写，请只保留一行。",
                },
            ),
        ],
        datasets: &[PRODUCTS],
        source: "usual practice of store audits (own facings are part of the category)",
    };

    fn run(&self, input: &Input, context: &Context<'_>) -> Result<Findings, RuleError> {
        let answers: answers::Facings = input.submission()?.answers_as()?;
        let on_shelf: BTreeMap<String, bool> = input
            .step_answers::<answers::Osa>("osa")?
            .into_iter()
            .flat_map(|osa| osa.skus)
            .filter_map(|sku| Some((sku.gtin, sku.on_shelf?)))
            .collect();
        let mut findings = Findings::new();
        let mut seen = BTreeSet::new();
        for (index, sku) in answers.skus.iter().enumerate() {
            let about = |code: &str, member: &str| -> Result<Finding, RuleError> {
                let finding = Finding::error(code).at(format!("/skus/{index}/{member}"));
                Ok(finding.with("gtin", sku.gtin.as_str()).with("name", Product::name(context, &sku.gtin)?))
            };
            if !seen.insert(sku.gtin.as_str()) {
                findings.push(about("facings.duplicate", "gtin")?);
            }
            match (sku.own_facings, on_shelf.get(&sku.gtin)) {
                (Some(own), _) if own < 0 => findings.push(about("facings.negative", "own_facings")?),
                (Some(0), Some(true)) => findings.push(about("facings.on_shelf_without_facing", "own_facings")?),
                (Some(own), Some(false)) if own > 0 => {
                    findings.push(about("facings.facing_without_stock", "own_facings")?.with("own_facings", own));
                }
                _ => {}
            }
        }
        let missing = on_shelf.iter().filter(|(gtin, is_there)| **is_there && !seen.contains(gtin.as_str()));
        let missing = missing.map(|(gtin, _)| Product::name(context, gtin)).collect::<Result<Vec<_>, _>>()?;
        if !missing.is_empty() {
            findings.push(Finding::error("facings.missing").at("/skus").with("names", missing.join(", ")));
        }
        findings.extend(categories(&answers.categories));
        Ok(findings)
    }
}

fn categories(categories: &[answers::FacingCategory]) -> Findings {
    let mut findings = Findings::new();
    let mut seen = BTreeSet::new();
    for (index, row) in categories.iter().enumerate() {
        let about = |code: &str, member: &str| {
            Finding::error(code).at(format!("/categories/{index}/{member}")).with("name", row.category.as_str())
        };
        if !seen.insert(row.category.as_str()) {
            findings.push(about("facings.duplicate", "category"));
        }
        if row.own_facings.is_some_and(|own| own < 0) {
            findings.push(about("facings.negative", "own_facings"));
        }
        if row.category_facings.is_some_and(|all| all < 0) {
            findings.push(about("facings.negative", "category_facings"));
        }
        if let (Some(own @ 0..), Some(all @ 0..)) = (row.own_facings, row.category_facings)
            && own > all
        {
            findings.push(
                Finding::error("facings.own_above_category")
                    .at(format!("/categories/{index}/own_facings"))
                    .with("category", row.category.as_str())
                    .with("own_facings", own)
                    .with("category_facings", all),
            );
        }
    }
    findings
}
