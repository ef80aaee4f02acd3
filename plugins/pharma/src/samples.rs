//! `samples`: who may have them, where, which pack, how many, and whether the rep has them at all.
//!
//! What the rep's balance and the doctor's sum over all visits say is the ledgers' business; this rule knows what the
//! datasets know.

use crate::answers::{self, SampleLine};
use crate::request;
use crate::rows::{HCPS, Hcp, LOTS, Lot, PRODUCTS, Product, SAMPLE_STOCK, Stock};
use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{About, Context, Finding, Findings, Input, Rule, RuleError, Validate, texts};
use std::collections::{BTreeMap, BTreeSet};

/// Config of `samples`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Samples {
    /// Packs of one product a doctor may have in one call.
    call_limit: u32,
    /// Packs of one product a doctor may have in the period.
    period_limit: u32,
    /// The doctor must have asked in writing, with all that 21 CFR 203.31(b) wants in the request.
    written_request: bool,
    /// How many days before the visit a request may have been written.
    request_max_days: u32,
    /// State in which the institution stands, as licences name it; empty: states do not matter.
    state: String,
    /// Samples of controlled substances: `refused`, or `registered` where the doctor's registration is on the request.
    controlled: String,
}

impl Default for Samples {
    fn default() -> Self {
        Self {
            call_limit: 4,
            period_limit: 24,
            written_request: true,
            request_max_days: 90,
            state: String::new(),
            controlled: "refused".to_owned(),
        }
    }
}

impl Rule for Samples {
    type Kind = Validate;
    const ABOUT: About = About {
        id: "samples",
        title: texts! { "en": "Samples", "zh-CN": "样品" },
        description: texts! {
            "en": "The doctor is licensed for this address and state and asked in writing for what is handed over; the pack is the lot it says, not expired or recalled, whole, within the limits, and one the rep was issued.",
            "zh-CN": "医生执业证书在该地址及所在州/省有效，并已就所交付的样品书面申请；样品批号相符、未过期、未召回、数量为整数且不超限，并属代表已领用的批次。",
        },
        codes: &[
            (
                "samples.licence_expired",
                texts! {
                    "en": "The licence of {hcp} ended on {expires}. No samples may be left.",
                    "zh-CN": "{hcp} 的执业证书已于 {expires} 到期，不得提供样品。",
                },
            ),
            (
                "samples.address",
                texts! {
                    "en": "{hcp} is not licensed at \"{address}\".",
                    "zh-CN": "{hcp} 的执业地点不包含“{address}”。",
                },
            ),
            (
                "samples.address_missing",
                texts! {
                    "en": "Say where {hcp} receives the samples: the licence holds at its addresses only.",
                    "zh-CN": "请填写向 {hcp} 交付样品的地址：执业证书仅在其执业地点有效。",
                },
            ),
            (
                "samples.licence_state",
                texts! {
                    "en": "{hcp} is licensed in {licensed}, and this institution is in {state}. No samples may be left.",
                    "zh-CN": "{hcp} 的执业证书属 {licensed}，本机构位于 {state}，不得提供样品。",
                },
            ),
            (
                "samples.request_missing",
                texts! {
                    "en": "{hcp} must ask for the samples in writing and sign.",
                    "zh-CN": "{hcp} 须书面申请样品并签字。",
                },
            ),
            (
                "samples.request_incomplete",
                texts! {
                    "en": "The written request of {hcp} does not say: {missing}.",
                    "zh-CN": "{hcp} 的书面申请缺少：{missing}。",
                },
            ),
            (
                "samples.request_date",
                texts! {
                    "en": "The written request of {hcp} is dated {date}: that must be a day not after the visit.",
                    "zh-CN": "{hcp} 的书面申请日期为 {date}，须为不晚于拜访当日的有效日期。",
                },
            ),
            (
                "samples.request_old",
                texts! {
                    "en": "The written request of {hcp} of {date} is {days} days old; {limit} at most. Ask for a new one.",
                    "zh-CN": "{hcp} 的书面申请（{date}）已过 {days} 天，最长 {limit} 天，请重新申请。",
                },
            ),
            (
                "samples.not_requested",
                texts! {
                    "en": "{product} {strength} is not on the written request.",
                    "zh-CN": "书面申请中没有 {product} {strength}。",
                },
            ),
            (
                "samples.over_request",
                texts! {
                    "en": "{qty} packs of {product} {strength} are handed over, {requested} were requested.",
                    "zh-CN": "{product} {strength} 交付 {qty} 盒，书面申请仅 {requested} 盒。",
                },
            ),
            (
                "samples.licence_differs",
                texts! {
                    "en": "The licence on the request ({licence_no}) is not that of {hcp}.",
                    "zh-CN": "申请单上的执业证书号（{licence_no}）与 {hcp} 不符。",
                },
            ),
            (
                "samples.controlled",
                texts! {
                    "en": "{product} is a controlled substance: no samples, or only to a registered doctor.",
                    "zh-CN": "{product} 属管制药品：不得提供样品，或仅限已登记的医生。",
                },
            ),
            (
                "samples.unknown_lot",
                texts! {
                    "en": "There is no lot {lot}.",
                    "zh-CN": "没有批号 {lot}。",
                },
            ),
            (
                "samples.lot_differs",
                texts! {
                    "en": "Lot {lot} is {product} {strength}, expires {expires}. Read the pack again.",
                    "zh-CN": "批号 {lot} 为 {product} {strength}，有效期至 {expires}，请核对包装。",
                },
            ),
            (
                "samples.recalled",
                texts! {
                    "en": "Lot {lot} has been recalled. Keep it apart.",
                    "zh-CN": "批号 {lot} 已召回，请单独存放。",
                },
            ),
            (
                "samples.expired",
                texts! {
                    "en": "Lot {lot} expired on {expires}.",
                    "zh-CN": "批号 {lot} 已于 {expires} 过期。",
                },
            ),
            (
                "samples.quantity",
                texts! {
                    "en": "Lot {lot}: {qty} is not a whole number of packs.",
                    "zh-CN": "批号 {lot}：数量 {qty} 不是正整数。",
                },
            ),
            (
                "samples.not_in_stock",
                texts! {
                    "en": "You were issued {issued} packs of lot {lot}, not {qty}.",
                    "zh-CN": "您领用的批号 {lot} 为 {issued} 盒，不足 {qty} 盒。",
                },
            ),
            (
                "samples.over_call_limit",
                texts! {
                    "en": "{qty} packs of {product} are more than the {limit} of one call.",
                    "zh-CN": "{product} {qty} 盒，超过单次上限 {limit} 盒。",
                },
            ),
            (
                "samples.over_period_limit",
                texts! {
                    "en": "With {qty} packs of {product}, {hcp} would have more than the {limit} of the period.",
                    "zh-CN": "加上本次 {product} {qty} 盒，{hcp} 将超过周期上限 {limit} 盒。",
                },
            ),
            (
                "samples.duplicate",
                texts! {
                    "en": "Lot {lot} is entered twice. Merge the rows.",
                    "zh-CN": "批号 {lot} 重复填写，请合并为一行。",
                },
            ),
        ],
        datasets: &[HCPS, PRODUCTS, LOTS, SAMPLE_STOCK],
        source: "US: 21 CFR 203.31; EU: Directive 2001/83/EC Art. 96; limits: tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, context: &Context<'_>) -> Result<Findings, RuleError> {
        let submission = input.submission()?;
        let answers: answers::Samples = submission.answers_as()?;
        if answers.lines.is_empty() {
            return Ok(Findings::new());
        }
        let hcp = submission.instance.as_deref().map(|hcp| Hcp::find(context, hcp)).transpose()?.flatten();
        let mut findings = Findings::new();
        let today = input.visit.business_date.as_str();
        if let Some(hcp) = &hcp {
            findings.extend(self.doctor(&answers, hcp, today));
        }
        // Somebody the list does not know has an id at least.
        let name = hcp.as_ref().map(|hcp| hcp.name.as_str()).or(submission.instance.as_deref()).unwrap_or_default();
        if !answers::is_given(answers.address.as_deref()) {
            findings.push(Finding::error("samples.address_missing").at("/address").with("hcp", name));
        }
        if self.written_request {
            findings.extend(match answers.request.as_ref().filter(|request| request.signed) {
                Some(asked) => request::check(asked, name, &answers.lines, (today, self.request_max_days), context)?,
                None => vec![Finding::error("samples.request_missing").at("/request").with("hcp", name)],
            });
        }
        let mut seen = BTreeSet::new();
        for (index, line) in answers.lines.iter().enumerate() {
            let at = format!("/lines/{index}");
            if !seen.insert(line.lot.as_str()) {
                let finding = Finding::error("samples.duplicate").at(format!("{at}/lot"));
                findings.push(finding.with("lot", line.lot.as_str()));
            }
            let registration = answers.request.as_ref().and_then(|request| request.dea_no.as_deref());
            findings.extend(self.controlled(line, registration, &at, context)?);
            findings.extend(pack(line, &at, today, context)?);
            findings.extend(stock(line, &at, &input.visit.user, context)?);
        }
        findings.extend(self.limits(&answers.lines, hcp.as_ref(), context)?);
        Ok(findings)
    }
}

impl Samples {
    /// May this doctor have samples at all, here.
    fn doctor(&self, answers: &answers::Samples, hcp: &Hcp, today: &str) -> Findings {
        let mut findings = Findings::new();
        let about = |code: &str, at: &str| Finding::error(code).at(at).with("hcp", hcp.name.as_str());
        if !hcp.licence.holds_on(today) {
            findings.push(about("samples.licence_expired", "/lines").with("expires", hcp.licence.expires.as_str()));
        }
        if let Some(state) = hcp.licence.state.as_deref().filter(|state| !self.state.is_empty() && *state != self.state)
        {
            findings.push(
                about("samples.licence_state", "/lines").with("licensed", state).with("state", self.state.as_str()),
            );
        }
        if let Some(address) = answers.address.as_deref().filter(|address| answers::is_given(Some(address)))
            && !hcp.licence.addresses.iter().any(|licensed| licensed == address)
        {
            findings.push(about("samples.address", "/address").with("address", address));
        }
        let licence_no = answers.request.as_ref().and_then(|request| request.licence_no.as_deref());
        if let Some(licence_no) = licence_no.filter(|given| answers::is_given(Some(given)) && *given != hcp.licence.no)
        {
            let finding = about("samples.licence_differs", "/request/licence_no");
            findings.push(finding.with("licence_no", licence_no));
        }
        findings
    }

    fn controlled(
        &self,
        line: &SampleLine,
        registration: Option<&str>,
        at: &str,
        context: &Context<'_>,
    ) -> Result<Option<Finding>, RuleError> {
        let Some(product) = Product::find(context, &line.product)?.filter(|product| product.controlled) else {
            return Ok(None);
        };
        let is_registered = self.controlled == "registered" && answers::is_given(registration);
        let finding = Finding::error("samples.controlled").at(format!("{at}/product")).with("product", product.name);
        Ok((!is_registered).then_some(finding))
    }

    /// Packs of each product, in one call and in the period.
    fn limits(&self, lines: &[SampleLine], hcp: Option<&Hcp>, context: &Context<'_>) -> Result<Findings, RuleError> {
        let mut packs: BTreeMap<&str, f64> = BTreeMap::new();
        for line in lines {
            *packs.entry(line.product.as_str()).or_default() += line.qty.unwrap_or(0.0);
        }
        let mut findings = Findings::new();
        for (product, qty) in packs {
            let name = Product::name(context, product)?;
            let about = |code: &str, limit: u32| {
                Finding::error(code).at("/lines").with("product", name.as_str()).with("qty", qty).with("limit", limit)
            };
            if qty > f64::from(self.call_limit) {
                findings.push(about("samples.over_call_limit", self.call_limit));
            }
            if let Some(hcp) = hcp.filter(|hcp| hcp.sampled(product) + qty > f64::from(self.period_limit)) {
                let finding = about("samples.over_period_limit", self.period_limit);
                findings.push(finding.with("hcp", hcp.name.as_str()));
            }
        }
        Ok(findings)
    }
}

/// Is it the pack it says it is, and can it still be used.
fn pack(line: &SampleLine, at: &str, today: &str, context: &Context<'_>) -> Result<Findings, RuleError> {
    let mut findings = Findings::new();
    let about =
        |code: &str, member: &str| Finding::error(code).at(format!("{at}/{member}")).with("lot", line.lot.as_str());
    if let Some(qty) = line.qty.filter(|qty| *qty <= 0.0 || qty.fract() != 0.0) {
        findings.push(about("samples.quantity", "qty").with("qty", qty));
    }
    let Some(lot) = context.lookup::<Lot>(LOTS, &line.lot)? else {
        findings.push(about("samples.unknown_lot", "lot"));
        return Ok(findings);
    };
    let differs = |given: Option<&str>, known: &str| given.is_some_and(|given| given != known);
    if line.product != lot.product
        || differs(line.strength.as_deref(), &lot.strength)
        || differs(line.expires.as_deref(), &lot.expires)
    {
        findings.push(
            about("samples.lot_differs", "lot")
                .with("product", Product::name(context, &lot.product)?)
                .with("strength", lot.strength.as_str())
                .with("expires", lot.expires.as_str()),
        );
    }
    if lot.recalled {
        findings.push(about("samples.recalled", "lot"));
    }
    if lot.expires.as_str() < today {
        findings.push(about("samples.expired", "expires").with("expires", lot.expires));
    }
    Ok(findings)
}

/// Was the rep issued that much of it.
fn stock(line: &SampleLine, at: &str, user: &str, context: &Context<'_>) -> Result<Option<Finding>, RuleError> {
    let Some(qty) = line.qty else { return Ok(None) };
    let issued = context.lookup::<Stock>(SAMPLE_STOCK, &format!("{user}/{}", line.lot))?.map_or(0.0, |stock| stock.qty);
    let finding = Finding::error("samples.not_in_stock").at(format!("{at}/lot")).with("lot", line.lot.as_str());
    Ok((qty > issued).then(|| finding.with("issued", issued).with("qty", qty)))
}
