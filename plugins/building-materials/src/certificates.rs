//! `certificates`: a certificate number of an issuer nobody knows, or not numbered as that issuer does.

use crate::answers::{self, is_given};
use crate::rows::{CERTIFICATE_ISSUERS, CertificateIssuer};
use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{About, Assess, Context, Finding, Findings, Input, Rule, RuleError, texts};

/// Config of `certificates`: none.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Certificates {}

impl Rule for Certificates {
    type Kind = Assess;
    const ABOUT: About = About {
        id: "certificates",
        title: texts! { "en": "Certificate numbers", "zh-CN": "证书编号" },
        description: texts! {
            "en": "The part of a certificate number before the first hyphen must name an issuer on file, the rest must have that issuer's format.",
            "zh-CN": "证书编号第一个连字符之前须为已备案的出具机构代码，其余部分须符合该机构的编号格式。",
        },
        codes: &[
            (
                "certificate.issuer_unknown",
                texts! {
                    "en": "{certificates} certificate(s) are of no known issuer, for instance {certificate}.",
                    "zh-CN": "有 {certificates} 份证书的出具机构不明，例如 {certificate}。",
                },
            ),
            (
                "certificate.format",
                texts! {
                    "en": "{certificates} certificate(s) are not numbered as their issuer does, for instance {certificate} ({issuer}).",
                    "zh-CN": "有 {certificates} 份证书的编号不符合出具机构格式，例如 {certificate}（{issuer}）。",
                },
            ),
        ],
        datasets: &[CERTIFICATE_ISSUERS],
        source: "formats of the issuers on file; tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, context: &Context<'_>) -> Result<Findings, RuleError> {
        let answers: answers::Materials = input.submission()?.answers_as()?;
        let (mut unknown, mut misshapen) = (Vec::new(), Vec::new());
        for (index, item) in answers.items.iter().enumerate() {
            let Some(number) = item.certificate.as_deref().map(str::trim).filter(|number| is_given(Some(number)))
            else {
                continue;
            };
            let (code, rest) = number.split_once('-').unwrap_or((number, ""));
            match context.lookup::<CertificateIssuer>(CERTIFICATE_ISSUERS, code)? {
                None => unknown.push((index, number)),
                Some(issuer) if !issuer.fits(rest) => misshapen.push((index, number, issuer.issuer)),
                Some(_) => {}
            }
        }
        // One finding a code: weights add up over signals, not over rows.
        let about = |code: &str, index: usize, number: &str, all: usize| {
            let finding = Finding::warning(code).at(format!("/items/{index}/certificate")).weight(30);
            finding.with("certificates", all).with("certificate", number)
        };
        let mut findings = Findings::new();
        if let Some((index, number)) = unknown.first() {
            findings.push(about("certificate.issuer_unknown", *index, number, unknown.len()));
        }
        if let Some((index, number, issuer)) = misshapen.first() {
            let finding = about("certificate.format", *index, number, misshapen.len());
            findings.push(finding.with("issuer", issuer.as_str()));
        }
        Ok(findings)
    }
}
