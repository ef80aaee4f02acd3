//! Rows of the datasets the rules look up.

use serde::Deserialize;
use sopwith_sdk::{Context, RuleError, money};

/// Name of the dataset of doctors, key `hcp`.
pub const HCPS: &str = "hcps";
/// Name of the dataset of reps, key `rep`: the user's id.
pub const REPS: &str = "reps";
/// Name of the dataset of products, key `product`.
pub const PRODUCTS: &str = "products";
/// Name of the dataset of promotional material, key `material`: `id@version`.
pub const MATERIALS: &str = "materials";
/// Name of the dataset of what to tell whom in this cycle, key `specialty`.
pub const CYCLE_PLAN: &str = "cycle_plan";
/// Name of the dataset of production lots of samples, key `lot`.
pub const LOTS: &str = "lots";
/// Name of the dataset of what each rep was issued, key `holder_lot`: `user/lot`.
pub const SAMPLE_STOCK: &str = "sample_stock";
/// Name of the dataset of word lists, key `list`.
pub const LEXICON: &str = "lexicon";
/// Name of the dataset of days that are not what their weekday says, key `day`: a day, or `user/day`.
pub const CALENDAR: &str = "calendar";

/// A row of `hcps`.
#[derive(Clone, Debug, Deserialize)]
pub struct Hcp {
    /// What people call them.
    pub name: String,
    /// Id of the customer they work at.
    pub institution: String,
    /// Key of dataset `cycle_plan`.
    pub specialty: String,
    /// Licence to practise.
    pub licence: Licence,
    /// What they agreed to.
    #[serde(default)]
    pub consents: Vec<Consent>,
    /// Products that must not be shown to them.
    #[serde(default)]
    pub restricted_products: Vec<String>,
    /// The only products that may be shown to them; none: everything that is not restricted.
    pub allowed_products: Option<Vec<String>>,
    /// Samples they have had in the running period.
    #[serde(default)]
    pub sampled: Vec<Sampled>,
    /// What they have received in the running year, a decimal string.
    pub spent: Option<String>,
}

impl Hcp {
    /// The row of a doctor.
    ///
    /// # Errors
    /// `bad_row`.
    pub fn find(context: &Context<'_>, hcp: &str) -> Result<Option<Self>, RuleError> {
        context.lookup(HCPS, hcp)
    }

    /// What people call them; the id when nobody knows them.
    ///
    /// # Errors
    /// `bad_row`.
    pub fn name(context: &Context<'_>, hcp: &str) -> Result<String, RuleError> {
        Ok(Self::find(context, hcp)?.map_or_else(|| hcp.to_owned(), |row| row.name))
    }

    /// Whether a product may be shown to them.
    pub fn may_see(&self, product: &str) -> bool {
        let listed = |products: &Vec<String>| products.iter().any(|known| known == product);
        !listed(&self.restricted_products) && self.allowed_products.as_ref().is_none_or(listed)
    }

    /// What they have received in the running year, in hundredths.
    pub fn spent_cents(&self) -> i64 {
        self.spent.as_deref().and_then(money::cents).unwrap_or(0)
    }

    /// Packs of a product they have had in the running period.
    pub fn sampled(&self, product: &str) -> f64 {
        self.sampled.iter().filter(|had| had.product == product).map(|had| had.qty).sum()
    }
}

/// A licence to practise.
#[derive(Clone, Debug, Deserialize)]
pub struct Licence {
    /// Its number.
    pub no: String,
    /// The state that gave it.
    pub state: Option<String>,
    /// Last day it holds.
    pub expires: String,
    /// Where it holds.
    #[serde(default)]
    pub addresses: Vec<String>,
}

impl Licence {
    /// Whether it holds on a day; ISO days compare as text.
    pub fn holds_on(&self, day: &str) -> bool {
        day <= self.expires.as_str()
    }
}

/// What a doctor agreed to, for one channel.
#[derive(Clone, Debug, Deserialize)]
pub struct Consent {
    /// `f2f`, `email`, `wechat` or `phone`.
    pub channel: String,
    /// They agreed; otherwise they declined.
    pub granted: bool,
    /// Last day it holds; none: until it is withdrawn.
    pub expires: Option<String>,
}

impl Consent {
    /// Whether it holds on a day.
    pub fn holds_on(&self, day: &str) -> bool {
        self.granted && self.expires.as_deref().is_none_or(|expires| day <= expires)
    }
}

/// Samples a doctor has had.
#[derive(Clone, Debug, Deserialize)]
pub struct Sampled {
    /// Key of dataset `products`.
    pub product: String,
    /// Packs.
    pub qty: f64,
}

/// A row of `reps`.
#[derive(Debug, Deserialize)]
pub struct Rep {
    /// Number under which the authority filed them.
    pub filing_no: Option<String>,
    /// `filed`, `pending` or `cancelled`.
    pub status: String,
    /// Products they are filed for.
    #[serde(default)]
    pub products: Vec<String>,
    /// Areas they are filed for.
    #[serde(default)]
    pub areas: Vec<String>,
    /// Last day of the contract with the employer.
    pub contract_ends: String,
}

impl Rep {
    /// The row of a user.
    ///
    /// # Errors
    /// `bad_row`.
    pub fn find(context: &Context<'_>, user: &str) -> Result<Option<Self>, RuleError> {
        context.lookup(REPS, user)
    }

    /// Whether the authority knows them.
    pub fn is_filed(&self) -> bool {
        self.status == "filed" && self.filing_no.is_some()
    }
}

/// A row of `products`.
#[derive(Debug, Deserialize)]
pub struct Product {
    /// What people call it.
    pub name: String,
    /// A controlled substance.
    #[serde(default)]
    pub controlled: bool,
}

impl Product {
    /// The row of a product.
    ///
    /// # Errors
    /// `bad_row`.
    pub fn find(context: &Context<'_>, product: &str) -> Result<Option<Self>, RuleError> {
        context.lookup(PRODUCTS, product)
    }

    /// What people call it; the id when it is not listed.
    ///
    /// # Errors
    /// `bad_row`.
    pub fn name(context: &Context<'_>, product: &str) -> Result<String, RuleError> {
        Ok(Self::find(context, product)?.map_or_else(|| product.to_owned(), |row| row.name))
    }
}

/// A row of `materials`: one version of one piece.
#[derive(Debug, Deserialize)]
pub struct Material {
    /// What people call it.
    pub title: String,
    /// What it is about.
    pub product: String,
    /// `draft`, `approved` or `withdrawn`.
    pub status: String,
    /// First day it may be shown.
    pub valid_from: String,
    /// Last day it may be shown.
    pub valid_to: String,
    /// Key messages it carries.
    #[serde(default)]
    pub messages: Vec<String>,
}

impl Material {
    /// The row of a version.
    ///
    /// # Errors
    /// `bad_row`.
    pub fn find(context: &Context<'_>, material: &str) -> Result<Option<Self>, RuleError> {
        context.lookup(MATERIALS, material)
    }

    /// Medical, legal and regulatory review let it through.
    pub fn is_approved(&self) -> bool {
        self.status == "approved"
    }

    /// Whether the approval covers a day; ISO days compare as text.
    pub fn runs_on(&self, day: &str) -> bool {
        self.valid_from.as_str() <= day && day <= self.valid_to.as_str()
    }
}

/// A row of `cycle_plan`.
#[derive(Debug, Deserialize)]
pub struct CyclePlan {
    /// Products in the order of their priority.
    pub products: Vec<PlannedProduct>,
}

/// One product of a plan.
#[derive(Debug, Deserialize)]
pub struct PlannedProduct {
    /// Key of dataset `products`.
    pub product: String,
    /// Key messages to give.
    #[serde(default)]
    pub messages: Vec<String>,
}

/// A row of `lots`.
#[derive(Debug, Deserialize)]
pub struct Lot {
    /// What is in it.
    pub product: String,
    /// Strength.
    pub strength: String,
    /// Last day it may be used.
    pub expires: String,
    /// Called back.
    #[serde(default)]
    pub recalled: bool,
}

/// A row of `sample_stock`.
#[derive(Debug, Deserialize)]
pub struct Stock {
    /// Packs the rep was issued.
    pub qty: f64,
}

/// A row of `lexicon`: one word list.
#[derive(Debug, Deserialize)]
pub struct WordList {
    /// Its terms.
    pub terms: Vec<Term>,
}

/// One term of a word list.
#[derive(Debug, Deserialize)]
pub struct Term {
    /// A word, or a pattern.
    pub term: String,
    /// How it is looked for.
    #[serde(rename = "match")]
    pub how: Match,
    /// The text must not hold it; otherwise it is only pointed out.
    #[serde(default)]
    pub block: bool,
    /// What is wrong with it, for the rep.
    pub topic: String,
}

/// How a term is looked for. Letters of either case are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Match {
    /// Anywhere, even with spaces between its letters.
    Contains,
    /// As a word of its own.
    Exact,
    /// A regular expression.
    Regex,
}

/// A row of `calendar`.
#[derive(Debug, Deserialize)]
pub struct CalendarDay {
    /// `working`, `holiday` or `leave`.
    pub kind: String,
}
