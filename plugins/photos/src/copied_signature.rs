//! `copied_signature`: two people signed with one and the same strokes.
//!
//! Nobody signs twice alike to the stroke, and no two people do: strokes that agree were recorded and played back, or one hand
//! signed for both. That another visit has the same bytes is `presence/evidence_reuse`'s to see.

use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{
    About, Assess, Availability, Context, Evidence, Finding, Findings, Input, Need, Rule, RuleError, texts,
};
use std::collections::BTreeSet;

/// Config of `copied_signature`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CopiedSignature {
    /// From which similarity of their strokes on, in percent of 64 bits, two signatures are one. Signatures that differ in more
    /// than 7 bits, below 89 %, are never looked at.
    #[schemars(range(min = 89.0, max = 100.0))]
    above_percent: f64,
    /// Classes of signatures to look at; none: all.
    classes: BTreeSet<String>,
}

impl Default for CopiedSignature {
    fn default() -> Self {
        Self { above_percent: 98.0, classes: BTreeSet::new() }
    }
}

/// A signature like one of this visit.
struct Copy<'a> {
    own: &'a Evidence,
    other: &'a str,
    percent: f64,
    visit: &'a str,
}

impl Rule for CopiedSignature {
    type Kind = Assess;
    const ABOUT: About = About {
        id: "copied_signature",
        title: texts! { "en": "Signature of somebody else", "zh-CN": "签名雷同" },
        description: texts! {
            "en": "Compares the strokes of signatures with those of other people, in this visit and in others. A person's own earlier signatures are not compared.",
            "zh-CN": "将签名笔迹与本次及其他拜访中其他人的签名比较。同一人自己以往的签名不作比较。",
        },
        needs: &[(Need::Steps, Availability::Device), (Need::PhotoNeighbours, Availability::Server)],
        codes: &[(
            "photos.copied_signature",
            texts! {
                "en": "The signature is {percent} % the one of somebody else ({visit}). Each person signs for themselves.",
                "zh-CN": "该签名与他人签名的笔迹相似度为 {percent}%（{visit}），请由本人亲笔签署。",
            },
        )],
        source: "similarity of strokes above 0.98 to another person's signature; limit and weight: tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, _: &Context<'_>) -> Result<Findings, RuleError> {
        let signatures: Vec<&Evidence> =
            input.submissions().flat_map(|it| &it.evidence).filter(|it| self.is_meant(it)).collect();
        let copies: Vec<Copy<'_>> =
            self.in_this_visit(input, &signatures).chain(self.in_others(input, &signatures)).collect();
        let nearest = copies.iter().max_by(|a, b| a.percent.total_cmp(&b.percent).then(b.visit.cmp(a.visit)));
        let Some(nearest) = nearest else { return Ok(Findings::new()) };
        let evidence: BTreeSet<&str> = copies.iter().flat_map(|copy| [copy.own.sha256.as_str(), copy.other]).collect();
        let finding = Finding::warning("photos.copied_signature").weight(60);
        let finding = finding.with("percent", (nearest.percent * 10.0).round() / 10.0).with("visit", nearest.visit);
        Ok(vec![finding.evidence_all(evidence)])
    }
}

impl CopiedSignature {
    fn is_meant(&self, evidence: &Evidence) -> bool {
        evidence.kind == "signature" && (self.classes.is_empty() || self.classes.contains(&evidence.class))
    }

    fn is_copy(&self, percent: f64) -> bool {
        percent > self.above_percent
    }

    /// Two signers, one hand, in one visit. A signature that does not say whose it is is left alone here.
    fn in_this_visit<'a>(&self, input: &'a Input, signatures: &[&'a Evidence]) -> impl Iterator<Item = Copy<'a>> {
        let all: Vec<&Evidence> = input
            .steps
            .values()
            .chain(&input.submission)
            .flat_map(|it| &it.evidence)
            .filter(|it| self.is_meant(it))
            .collect();
        let copies = signatures.iter().flat_map(|own| {
            all.iter().filter_map(|other| {
                let (signer, another) = (own.signer.as_deref()?, other.signer.as_deref()?);
                let percent = percent(own.distance(other)?);
                (signer != another && self.is_copy(percent)).then_some(Copy {
                    own,
                    other: &other.sha256,
                    percent,
                    visit: &input.visit.id,
                })
            })
        });
        copies.collect::<Vec<_>>().into_iter()
    }

    /// One that somebody else gave in another visit; where one of both does not say whose it is, of another customer.
    fn in_others<'a>(&self, input: &'a Input, signatures: &[&'a Evidence]) -> impl Iterator<Item = Copy<'a>> {
        let copies = input.photo_neighbours.iter().filter_map(|neighbour| {
            let own = signatures.iter().find(|own| own.sha256 == neighbour.sha256 && own.class == neighbour.class)?;
            let is_another = match (&own.signer, &neighbour.signer) {
                (Some(signer), Some(another)) => signer != another,
                _ => neighbour.customer != input.customer.id,
            };
            let percent = percent(neighbour.distance);
            (is_another && self.is_copy(percent)).then_some(Copy {
                own,
                other: &neighbour.other,
                percent,
                visit: &neighbour.visit,
            })
        });
        copies.collect::<Vec<_>>().into_iter()
    }
}

/// How alike strokes are whose shapes differ in so many of 64 bits.
fn percent(bits: u32) -> f64 {
    100.0 * (1.0 - f64::from(bits) / 64.0)
}
