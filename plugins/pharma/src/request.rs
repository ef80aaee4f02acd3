//! The written request for samples: it says all that it must, it is not for later or long ago, and covers what is handed over.

use crate::answers::{Request, SampleLine, is_given};
use crate::rows::Product;
use sopwith_sdk::{Context, Finding, Findings, RuleError, dates};
use std::collections::BTreeMap;

/// What is wrong with a signed request of the doctor who is called `hcp`, on the day `today`.
///
/// # Errors
/// `bad_row`.
pub fn check(
    request: &Request,
    hcp: &str,
    lines: &[SampleLine],
    (today, max_days): (&str, u32),
    context: &Context<'_>,
) -> Result<Findings, RuleError> {
    let mut findings = incomplete(request, hcp);
    findings.extend(dated(request, hcp, today, max_days));
    findings.extend(covers(request, lines, context)?);
    Ok(findings)
}

/// One finding for each element that 21 CFR 203.31(b) names and the request does not. The signature is judged before, the
/// registration where a line is a controlled substance.
fn incomplete(request: &Request, hcp: &str) -> Findings {
    let missing = |name: &str, at: &str| {
        Finding::error("samples.request_incomplete").at(format!("/request{at}")).with("missing", name).with("hcp", hcp)
    };
    let mut findings = Findings::new();
    let heads = [
        ("date", &request.date),
        ("name", &request.name),
        ("title", &request.title),
        ("address", &request.address),
        ("licence_no", &request.licence_no),
    ];
    for (name, _) in heads.into_iter().filter(|(_, given)| !is_given(given.as_deref())) {
        findings.push(missing(name, &format!("/{name}")));
    }
    if request.items.is_empty() {
        findings.push(missing("items", "/items"));
    }
    for (index, item) in request.items.iter().enumerate() {
        let members = [
            ("strength", is_given(item.strength.as_deref())),
            ("qty", item.qty.is_some_and(|qty| qty > 0.0)),
            ("maker", is_given(item.maker.as_deref())),
        ];
        for (name, _) in members.into_iter().filter(|(_, given)| !given) {
            findings.push(missing(name, &format!("/items/{index}/{name}")));
        }
    }
    findings
}

/// A request is written before the samples are handed over, and not long before.
fn dated(request: &Request, hcp: &str, today: &str, max_days: u32) -> Option<Finding> {
    let text = request.date.as_deref().filter(|date| is_given(Some(date)))?;
    let about = |code: &str| Some(Finding::error(code).at("/request/date").with("date", text).with("hcp", hcp));
    let Some((date, today)) = dates::parse(text).zip(dates::parse(today)) else { return about("samples.request_date") };
    let days = dates::days_between(date, today);
    if days < 0 {
        return about("samples.request_date");
    }
    let finding = about("samples.request_old").filter(|_| days > i64::from(max_days));
    finding.map(|finding| finding.with("days", days).with("limit", max_days))
}

/// What is handed over was asked for: the product in that strength, and not more of it. Lots of a product count together.
fn covers(request: &Request, lines: &[SampleLine], context: &Context<'_>) -> Result<Findings, RuleError> {
    let mut handed: BTreeMap<(&str, &str), (f64, usize)> = BTreeMap::new();
    for (index, line) in lines.iter().enumerate() {
        let key = (line.product.as_str(), line.strength.as_deref().unwrap_or_default());
        handed.entry(key).or_insert((0.0, index)).0 += line.qty.unwrap_or(0.0);
    }
    let mut findings = Findings::new();
    for ((product, strength), (qty, index)) in handed {
        // What an item does not say is missing there, and no difference.
        let same_strength = |asked: &str| !is_given(Some(asked)) || asked == strength;
        let asked = request.items.iter().filter(|item| item.product == product);
        let asked = asked.filter(|item| item.strength.as_deref().is_none_or(same_strength));
        let asked: Vec<Option<f64>> = asked.map(|item| item.qty).collect();
        let about = |code: &str, member: &str| -> Result<Finding, RuleError> {
            let finding = Finding::error(code).at(format!("/lines/{index}/{member}"));
            Ok(finding.with("product", Product::name(context, product)?).with("strength", strength))
        };
        if asked.is_empty() && !request.items.is_empty() {
            findings.push(about("samples.not_requested", "product")?);
        }
        let requested: Option<f64> = asked.iter().copied().sum();
        if let Some(requested) = requested.filter(|requested| !asked.is_empty() && qty > *requested) {
            findings.push(about("samples.over_request", "qty")?.with("qty", qty).with("requested", requested));
        }
    }
    Ok(findings)
}
