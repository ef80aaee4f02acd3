//! Ledgers: what submissions post to accounts, the balance they leave, and what is found where that is out of bounds.
//!
//! Each account is a stream of its own: its events are the entries, the last one holds the balance, and its place in the
//! stream is the balance's version. So a judgement that saw an older balance cannot be written down, and a verdict names the
//! balance it saw by the hash of an event. Entries are never changed: what a submission posted is reversed by further ones.

use crate::canon::{self, CanonicalJson};
use crate::command::Submission;
use crate::decimal::Decimal;
use crate::effective::EffectiveSop;
use crate::event::{self, Draft, Event, Payload, Tip};
use crate::finding::{self, built_in};
use crate::gather::Gathered;
use crate::output;
use crate::progress::Context;
use crate::rejection::Rejection;
use crate::rule::Finding;
use crate::sop::{Direction, Ledger, Posting};
use crate::verdict::Reference;
use crate::visit::{Visit, step_key};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Who says so, and the need of a reference to a balance.
pub(crate) const SOURCE: &str = "ledger";
/// Longest part of an account's name, in bytes.
pub const PART_MAX: usize = 200;
/// Most parts of an account's name.
pub const PARTS_MAX: usize = 8;
/// Longest name of an account as JSON, in bytes.
pub const KEY_MAX: usize = 1_000;

/// An account of a ledger.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Account {
    /// Name of the ledger.
    pub ledger: String,
    /// What tells it from the ledger's other accounts.
    pub parts: Vec<String>,
}

impl Account {
    /// The stream of its entries: `led_…`.
    #[must_use]
    pub fn stream(&self) -> String {
        let hash = canon::hash_value(&json!([self.ledger, self.parts])).unwrap_or_default();
        format!("led_{}", hash.get(..48).unwrap_or_default())
    }

    /// Whether its name has parts, and not too many or too long ones.
    #[must_use]
    pub fn is_short(&self) -> bool {
        let are_parts = self.parts.iter().all(|part| (1..=PART_MAX).contains(&part.len()) && !part.contains('\0'));
        are_parts && (1..=PARTS_MAX).contains(&self.parts.len()) && self.key().len() <= KEY_MAX
    }

    /// Its parts as one text, canonical JSON.
    #[must_use]
    pub fn key(&self) -> String {
        CanonicalJson::of(&self.parts).map(CanonicalJson::into_text).unwrap_or_default()
    }
}

/// Where an account stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// How much is in it.
    pub amount: Decimal,
    /// The last entry: how many there are, and its hash.
    pub tip: Tip,
}

/// What went into an account, or out of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = LedgerEntry))]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Name of the ledger.
    pub ledger: String,
    /// The account's parts.
    pub account: Vec<String>,
    /// Decimal text; negative went out.
    pub amount: String,
    /// UCUM, or an ISO 4217 code.
    pub unit: String,
    /// How much is in the account after it, decimal text.
    pub balance: String,
    /// It takes back what an earlier submission of the step posted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reverses: bool,
}

impl Entry {
    /// The account it is of.
    #[must_use]
    pub fn account(&self) -> Account {
        Account { ledger: self.ledger.clone(), parts: self.account.clone() }
    }
}

/// Which submission posted an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostedBy {
    /// `vis_…`
    pub visit: String,
    /// Step, and instance as `step[key]`.
    pub step: String,
    /// Hash of the `assessed` event.
    pub event: String,
}

/// Who adjusted an account, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdjustedBy {
    /// `usr_…`
    pub user: String,
    /// In their words.
    pub reason: String,
}

/// Something that happened to an account. Each member of a variant becomes one payload of the event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(missing_docs, reason = "members are payload names; what they hold is said at their types")]
pub enum LedgerEvent {
    /// A submission posted to it.
    LedgerPosted { entry: Entry, by: PostedBy },
    /// Somebody put something in or took it out, without a visit.
    LedgerAdjusted { entry: Entry, by: AdjustedBy },
}

impl LedgerEvent {
    /// The types there are, as headers name them.
    pub const TYPES: [&str; 2] = ["ledger_posted", "ledger_adjusted"];

    /// The entry it makes.
    #[must_use]
    pub const fn entry(&self) -> &Entry {
        match self {
            Self::LedgerPosted { entry, .. } | Self::LedgerAdjusted { entry, .. } => entry,
        }
    }

    /// An adjustment of an account that stands at `before`.
    ///
    /// # Errors
    /// A name that is none, an amount that is no decimal text or nothing, no reason: with the pointer to it.
    pub fn adjusted(
        account: &Account,
        unit: &str,
        before: &Balance,
        amount: &str,
        by: AdjustedBy,
    ) -> Result<Self, Rejection> {
        if !account.is_short() {
            let params = json!({"parts": PARTS_MAX, "bytes": PART_MAX});
            return Err(Rejection::new("ledger.account", "/account", &params));
        }
        let decimal = Decimal::parse(amount).filter(|amount| !amount.is_zero());
        let decimal = decimal.ok_or_else(|| Rejection::new("ledger.amount", "/amount", &json!({"amount": amount})))?;
        if by.reason.trim().is_empty() {
            return Err(Rejection::new("text.missing", "/reason", &json!({})));
        }
        let entry = entry(account, unit, decimal, before.amount.plus(decimal), false);
        Ok(Self::LedgerAdjusted { entry, by })
    }

    /// The event as unsealed data, on the account's stream.
    #[must_use]
    pub fn draft(&self) -> Draft {
        let mut payloads: BTreeMap<String, Value> = match serde_json::to_value(self) {
            Ok(Value::Object(members)) => members.into_iter().collect(),
            _ => BTreeMap::new(),
        };
        let kind = payloads.remove("type").and_then(|kind| kind.as_str().map(str::to_owned)).unwrap_or_default();
        Draft { kind, stream: self.entry().account().stream(), payloads }
    }

    /// The event back from how it is stored; none where it is no entry of an account.
    #[must_use]
    pub fn of(stored: &Event) -> Option<Self> {
        let lifted = event::upcast(stored, &Self::TYPES).ok()?;
        let kept = lifted.payloads.iter().filter_map(|(name, payload)| match payload {
            Payload::Kept(kept) => Some((name, &kept.value)),
            Payload::Erased(_) => None,
        });
        event::read(&lifted.header.kind, kept).ok()
    }
}

/// What the entries of an assessment, whose event has `hash`, are on the streams of their accounts.
#[must_use]
pub fn posted(visit: &str, step: &str, entries: &[Entry], hash: &str) -> Vec<LedgerEvent> {
    let by = PostedBy { visit: visit.to_owned(), step: step.to_owned(), event: hash.to_owned() };
    entries.iter().map(|entry| LedgerEvent::LedgerPosted { entry: entry.clone(), by: by.clone() }).collect()
}

/// What a submission puts into accounts and takes out of them, and what is found about it.
#[derive(Debug, Default)]
pub(crate) struct Posted {
    pub entries: Vec<Entry>,
    pub findings: Vec<Finding>,
}

/// The accounts that a submission posts to, and those it takes back from what its step had posted.
pub(crate) fn accounts(
    sop: &EffectiveSop,
    visit: &Visit,
    submission: &Submission,
    context: &Context,
) -> BTreeSet<Account> {
    let (amounts, _) = amounts(sop, submission, context);
    let standing = standing(visit, submission).map(Entry::account);
    amounts.into_iter().map(|amount| amount.account).chain(standing).collect()
}

/// Whether submissions of a step can post to anything.
pub(crate) fn posts(sop: &EffectiveSop, step: &str) -> bool {
    output::of_step(sop, step).any(|output| !output.postings.is_empty())
}

/// Posts a submission: takes back what its step had posted before, then posts its own. An account that is out of its bounds
/// after that is found, if the submission takes it that way.
pub(crate) fn post(
    sop: &EffectiveSop,
    visit: &Visit,
    submission: &Submission,
    context: &Context,
    gathered: &Gathered,
) -> Posted {
    let (amounts, mut findings) = amounts(sop, submission, context);
    let mut book = Book { gathered, balances: BTreeMap::new(), entries: Vec::new() };
    for before in standing(visit, submission) {
        if let Some(amount) = Decimal::parse(&before.amount) {
            book.add(&before.account(), &before.unit, amount.negated(), true);
        }
    }
    // By account: how much the submission itself moves, and the last place that does.
    let mut moved: BTreeMap<&Account, (Decimal, &str)> = BTreeMap::new();
    for Amount { account, amount, pointer } in &amounts {
        let Some(ledger) = sop.sop.ledgers.get(&account.ledger) else { continue };
        book.add(account, &ledger.unit, *amount, false);
        let (sum, place) = moved.entry(account).or_default();
        (*sum, *place) = (sum.plus(*amount), pointer);
    }
    for (account, (sum, pointer)) in moved {
        let balance = book.balances.get(account).copied().unwrap_or_default();
        let Some(ledger) = sop.sop.ledgers.get(&account.ledger) else { continue };
        findings.extend(out_of_bounds(sop, account, ledger, (balance, sum), pointer, context));
    }
    finding::place(&mut findings, &step_key(&submission.step, submission.instance.as_deref()));
    Posted { entries: book.entries, findings }
}

/// What the step's submission that stands has posted.
fn standing<'a>(visit: &'a Visit, submission: &Submission) -> impl Iterator<Item = &'a Entry> {
    let key = step_key(&submission.step, submission.instance.as_deref());
    visit.steps.get(&key).into_iter().flat_map(|record| &record.posted)
}

/// Balances in the making.
struct Book<'a> {
    gathered: &'a Gathered,
    balances: BTreeMap<Account, Decimal>,
    entries: Vec<Entry>,
}

impl Book<'_> {
    fn add(&mut self, account: &Account, unit: &str, amount: Decimal, reverses: bool) {
        let known = || self.gathered.balances.get(account).map(|balance| balance.amount);
        let before = self.balances.get(account).copied().or_else(known).unwrap_or_default();
        let after = before.plus(amount);
        self.balances.insert(account.clone(), after);
        self.entries.push(entry(account, unit, amount, after, reverses));
    }
}

fn entry(account: &Account, unit: &str, amount: Decimal, balance: Decimal, reverses: bool) -> Entry {
    Entry {
        ledger: account.ledger.clone(),
        account: account.parts.clone(),
        amount: amount.to_string(),
        unit: unit.to_owned(),
        balance: balance.to_string(),
        reverses,
    }
}

/// An amount on its way to an account, and where in the answers it stands.
struct Amount {
    account: Account,
    amount: Decimal,
    pointer: String,
}

/// The amounts of a submission, and postings that cannot be read: rather found than passed over.
fn amounts(sop: &EffectiveSop, submission: &Submission, context: &Context) -> (Vec<Amount>, Vec<Finding>) {
    let (mut amounts, mut findings) = (Vec::new(), Vec::new());
    for output in output::applying(sop, &submission.step, context) {
        for (item, value) in output::items(output, submission) {
            for posting in &output.postings {
                let pointer = output::place(output, item, posting.amount.as_deref().unwrap_or_default());
                match amount(sop, posting, value, context) {
                    Ok(Some((account, amount))) => amounts.push(Amount { account, amount, pointer }),
                    Ok(None) => {}
                    Err(detail) => {
                        let ledger = sop.sop.ledgers.get(&posting.ledger);
                        let params = json!({"ledger": posting.ledger, "detail": detail});
                        findings.extend(ledger.map(|ledger| found(ledger, "ledger.unreadable", &pointer, &params)));
                    }
                }
            }
        }
    }
    (amounts, findings)
}

/// The account and the amount of a posting; none where there is nothing to post.
fn amount(
    sop: &EffectiveSop,
    posting: &Posting,
    item: &Value,
    context: &Context,
) -> Result<Option<(Account, Decimal)>, String> {
    let one = Value::from(1);
    let value = posting.amount.as_ref().map_or(Some(&one), |pointer| item.pointer(pointer));
    let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(None) };
    let amount = Decimal::of(value).filter(|amount| !amount.is_negative());
    let amount = amount.ok_or_else(|| format!("amount {value}"))?;
    if amount.is_zero() {
        return Ok(None);
    }
    let mut parts = Vec::with_capacity(posting.account.len());
    for part in &posting.account {
        let value = match part.strip_prefix('=') {
            Some(expression) => sop.evaluate(expression, context).map_err(|error| error.code.to_owned())?,
            None => item.pointer(part).cloned().unwrap_or_default(),
        };
        parts.push(account_part(&value).ok_or_else(|| format!("account {part}"))?);
    }
    let account = Account { ledger: posting.ledger.clone(), parts };
    if !account.is_short() {
        return Err("account".to_owned());
    }
    let signed = match posting.direction {
        Direction::In => amount,
        Direction::Out => amount.negated(),
    };
    Ok(Some((account, signed)))
}

/// A text or a number as a part of an account's name.
fn account_part(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn out_of_bounds(
    sop: &EffectiveSop,
    account: &Account,
    ledger: &Ledger,
    (balance, moved): (Decimal, Decimal),
    pointer: &str,
    context: &Context,
) -> Option<Finding> {
    let outwards = moved.is_negative();
    let (bound, code) = if outwards { (&ledger.min, "ledger.below_min") } else { (&ledger.max, "ledger.above_max") };
    let bound = bound.as_ref()?;
    let value = sop.compute(bound, context).map_err(|error| error.code.to_owned());
    let limit = value.and_then(|value| Decimal::of(&value).ok_or_else(|| format!("bound {value}")));
    let limit = match limit {
        Ok(limit) => limit,
        Err(detail) => {
            let params = json!({"ledger": account.ledger, "detail": detail});
            return Some(found(ledger, "ledger.unreadable", pointer, &params));
        }
    };
    let is_out = if outwards { balance < limit } else { balance > limit };
    let params = json!({
        "ledger": account.ledger,
        "account": account.parts.join(" · "),
        "balance": balance.to_string(),
        "limit": limit.to_string(),
        "unit": ledger.unit,
    });
    is_out.then(|| found(ledger, code, pointer, &params))
}

/// A finding with the effect and the weight its ledger says.
fn found(ledger: &Ledger, code: &str, pointer: &str, params: &Value) -> Finding {
    Finding { weight: ledger.weight, ..built_in(SOURCE, code, pointer, ledger.effect, params) }
}

/// The references to balances that were gathered.
#[must_use]
pub fn references(balances: &BTreeMap<Account, Balance>) -> BTreeSet<Reference> {
    let reference = |balance: &Balance| Reference::new(SOURCE, &balance.tip.hash);
    balances.values().filter(|balance| balance.tip.seq > 0).map(reference).collect()
}

/// Where an account stands after its last entry; none where the event is no entry.
#[must_use]
pub fn balance_after(stored: &Event) -> Option<(Account, Balance)> {
    let happened = LedgerEvent::of(stored)?;
    let amount = Decimal::parse(&happened.entry().balance)?;
    Some((happened.entry().account(), Balance { amount, tip: Tip::after(stored) }))
}
