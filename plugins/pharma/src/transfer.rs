//! `transfer`: what one doctor received is allowed, split fairly, and below the caps; what must be disclosed is named.
//!
//! What the doctor received in visits the dataset does not know of yet is the ledger's business.

use crate::answers::{self, TransferItem};
use crate::rows::{HCPS, Hcp};
use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{
    About, Availability, Context, Finding, Findings, Input, Need, Rule, RuleError, Validate, money, texts,
};

/// Config of `transfer`. Amounts are decimal strings in `currency`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Transfer {
    /// ISO 4217.
    currency: String,
    /// Most that one item may be worth to one doctor.
    cap_item: String,
    /// Most that one doctor may receive in a year.
    cap_year: String,
    /// From this worth on, one item is disclosed; empty: not for its worth.
    report_item: String,
    /// From this sum in a year on, every item is disclosed; empty: not for the sum.
    report_year: String,
    /// What nobody may receive, as `type/recipient`, for instance `grant/person`.
    forbidden: Vec<String>,
    /// How many may share something beside the doctors who were there: the rep, and staff the list does not have.
    others: u32,
}

impl Default for Transfer {
    fn default() -> Self {
        let [currency, cap_item, cap_year] = ["CNY", "300.00", "2000.00"].map(str::to_owned);
        let (report_item, report_year) = (String::new(), String::new());
        Self { currency, cap_item, cap_year, report_item, report_year, forbidden: Vec::new(), others: 1 }
    }
}

impl Rule for Transfer {
    type Kind = Validate;
    const ABOUT: About = About {
        id: "transfer",
        title: texts! { "en": "Transfers of value", "zh-CN": "利益提供" },
        description: texts! {
            "en": "Amounts are in the tenant's currency, allowed for the recipient, split evenly over no more people than were there, and below the caps per item and year.",
            "zh-CN": "金额须为规定币种、允许提供给该对象、按实际人数均摊，且不超过单次和年度上限。",
        },
        codes: &[
            (
                "transfer.amount",
                texts! {
                    "en": "\"{amount}\" is not an amount of money.",
                    "zh-CN": "“{amount}”不是有效金额。",
                },
            ),
            (
                "transfer.currency",
                texts! {
                    "en": "Amounts are in {expected}, not {currency}.",
                    "zh-CN": "金额应以 {expected} 填写，不是 {currency}。",
                },
            ),
            (
                "transfer.forbidden",
                texts! {
                    "en": "A {type} must not go to this recipient ({recipient}).",
                    "zh-CN": "不得向该对象（{recipient}）提供此类利益（{type}）。",
                },
            ),
            (
                "transfer.split",
                texts! {
                    "en": "{total} for {people} people is {share} each, not {amount}.",
                    "zh-CN": "{total} 由 {people} 人分摊应为每人 {share}，不是 {amount}。",
                },
            ),
            (
                "transfer.people",
                texts! {
                    "en": "Shared by {people}, but {doctors} doctors were there and {others} more may share. Name who else took part, or share it anew.",
                    "zh-CN": "填写由 {people} 人分摊，但参与医生为 {doctors} 人，另可计 {others} 人。请补充参与者或重新均摊。",
                },
            ),
            (
                "transfer.over_item_cap",
                texts! {
                    "en": "{amount} is above the cap of {cap} for one item.",
                    "zh-CN": "{amount} 超过单次上限 {cap}。",
                },
            ),
            (
                "transfer.over_year_cap",
                texts! {
                    "en": "{hcp} has received {spent} this year; with {amount} the cap of {cap} is passed.",
                    "zh-CN": "{hcp} 本年度已接受 {spent}，加上本次 {amount} 将超过年度上限 {cap}。",
                },
            ),
            (
                "transfer.reportable",
                texts! {
                    "en": "{amount} for {hcp} will be disclosed.",
                    "zh-CN": "向 {hcp} 提供的 {amount} 将按规定披露。",
                },
            ),
        ],
        needs: &[(Need::Steps, Availability::Device)],
        datasets: &[HCPS],
        source: "US: 42 CFR 403.904 (Open Payments, thresholds of 2026); CN: SAMR guideline of January 2025; EU: Directive 2001/83/EC Art. 94; caps: tenant parameter",
    };

    fn run(&self, input: &Input, context: &Context<'_>) -> Result<Findings, RuleError> {
        let submission = input.submission()?;
        let answers: answers::Transfers = submission.answers_as()?;
        let caps = Caps::of(&self.cap_item, &self.cap_year)?;
        let thresholds = Caps::of(&self.report_item, &self.report_year)?;
        let hcp = submission.instance.as_deref().map(|hcp| Hcp::find(context, hcp)).transpose()?.flatten();
        let spent = hcp.as_ref().map_or(0, Hcp::spent_cents);
        let year = spent.saturating_add(sum(&answers.items));
        let there = input.step_answers::<answers::Attendees>("attendees")?.map(|it| it.attendees.len());
        let mut findings = Findings::new();
        for (index, item) in answers.items.iter().enumerate() {
            let at = format!("/items/{index}");
            findings.extend(self.allowed(item, &at));
            findings.extend(there.and_then(|doctors| self.shared(item, doctors, &at)));
            let Some(amount) = money::cents(&item.amount) else {
                let finding = Finding::error("transfer.amount").at(format!("{at}/amount"));
                findings.push(finding.with("amount", item.amount.as_str()));
                continue;
            };
            findings.extend(split(item, amount, &at));
            let about = |finding: Finding| finding.at(format!("{at}/amount")).with("amount", money::shown(amount));
            if amount > caps.item {
                findings.push(about(Finding::error("transfer.over_item_cap")).with("cap", money::shown(caps.item)));
            }
            if amount >= thresholds.item || year >= thresholds.year {
                let name = hcp.as_ref().map(|hcp| hcp.name.as_str()).unwrap_or_default();
                findings.push(about(Finding::info("transfer.reportable")).with("hcp", name));
            }
        }
        if let Some(hcp) = hcp.filter(|_| year > caps.year) {
            findings.push(
                Finding::error("transfer.over_year_cap")
                    .at("/items")
                    .with("hcp", hcp.name)
                    .with("spent", money::shown(spent))
                    .with("amount", money::shown(year - spent))
                    .with("cap", money::shown(caps.year)),
            );
        }
        Ok(findings)
    }
}

impl Transfer {
    fn allowed(&self, item: &TransferItem, at: &str) -> Findings {
        let mut findings = Findings::new();
        if item.currency != self.currency {
            let finding = Finding::error("transfer.currency").at(format!("{at}/currency"));
            findings.push(finding.with("expected", self.currency.as_str()).with("currency", item.currency.as_str()));
        }
        if self.forbidden.contains(&format!("{}/{}", item.kind, item.recipient)) {
            let finding = Finding::error("transfer.forbidden").at(format!("{at}/recipient"));
            findings.push(finding.with("type", item.kind.as_str()).with("recipient", item.recipient.as_str()));
        }
        findings
    }

    /// More people than were there make every share too small.
    fn shared(&self, item: &TransferItem, doctors: usize, at: &str) -> Option<Finding> {
        let most = i64::try_from(doctors).unwrap_or(i64::MAX).saturating_add(i64::from(self.others));
        let people = item.people.filter(|people| *people > most)?;
        let finding = Finding::warning("transfer.people").at(format!("{at}/people")).with("people", people);
        Some(finding.with("doctors", doctors).with("others", self.others))
    }
}

/// An amount for one item and one for a year, in hundredths.
pub struct Caps {
    /// For one item.
    pub item: i64,
    /// For a year.
    pub year: i64,
}

impl Caps {
    /// Reads both; an empty one is never reached.
    ///
    /// # Errors
    /// `bad_config` when one is no amount.
    pub fn of(item: &str, year: &str) -> Result<Self, RuleError> {
        let read = |text: &str| {
            if text.is_empty() {
                return Ok(i64::MAX);
            }
            money::cents(text).ok_or_else(|| RuleError::new("bad_config", format!("`{text}` is no amount")))
        };
        Ok(Self { item: read(item)?, year: read(year)? })
    }

    /// Whether what a doctor received in this visit passes one of the two.
    pub fn are_passed(&self, items: &[TransferItem], spent: i64) -> bool {
        let above = |item: &TransferItem| money::cents(&item.amount).is_some_and(|amount| amount > self.item);
        items.iter().any(above) || (!items.is_empty() && spent.saturating_add(sum(items)) > self.year)
    }
}

fn sum(items: &[TransferItem]) -> i64 {
    items.iter().filter_map(|item| money::cents(&item.amount)).fold(0, i64::saturating_add)
}

/// The share of one of `people`; a cent of rounding is nobody's fault.
fn split(item: &TransferItem, amount: i64, at: &str) -> Option<Finding> {
    let total = money::cents(item.total.as_deref()?)?;
    let people = item.people.filter(|people| *people > 0)?;
    let share = total / people;
    let is_fair = (share..=share.saturating_add(1)).contains(&amount);
    (!is_fair).then(|| {
        Finding::error("transfer.split")
            .at(format!("{at}/amount"))
            .with("total", money::shown(total))
            .with("people", people)
            .with("share", money::shown(share))
            .with("amount", money::shown(amount))
    })
}
