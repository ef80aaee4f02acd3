//! Customers and what is known of them: types, places, people there, how they belong together, who looks after them, and which
//! SOP is assigned. What each says and what it demands; all are dated facts, and none is ever overwritten.

use crate::app::App;
use crate::flows::people::{OrgUnit, User};
use crate::flows::problem::{Problem, Result, Violation};
use crate::flows::records::{Kind, one};
use async_trait::async_trait;
use engine::command::Location as Place;
use engine::form::CompiledForm;
use engine::place::{Crs, on_earth, swapped};
use engine::resolve::SopAssignment;
use engine::task::Role;
use engine::text::Text;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;

/// What kind of customer there is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomerType {
    /// The name SOPs and customers use.
    #[serde(rename = "type")]
    pub name: String,
    /// Name for people.
    #[schema(value_type = BTreeMap<String, String>)]
    pub title: Text,
    /// JSON Schema of the custom fields; `x-personal: true` marks personal ones.
    #[schema(value_type = Object)]
    pub schema: Value,
    /// The trade's words.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub labels: BTreeMap<String, Text>,
}

/// Whoever or whatever is visited.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Customer {
    /// Customer type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Name for people.
    pub name: String,
    /// IANA time zone.
    pub time_zone: String,
    /// Whose it is.
    pub org_unit: Option<String>,
    /// Where it stands.
    pub status: CustomerStatus,
    /// Custom fields, as the type's schema says.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub fields: Map<String, Value>,
    /// Tags.
    #[serde(default)]
    pub tags: BTreeSet<String>,
    /// The customer it was merged into.
    #[serde(default)]
    pub merged_into: Option<String>,
}

/// Where a customer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CustomerStatus {
    Prospect,
    Active,
    Closed,
    Merged,
}

/// Where a customer is: a point, and a polygon where there is one. CRS: the system is always said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Location {
    /// Whose.
    pub customer: String,
    /// Degrees, in `crs`.
    pub lat: f64,
    /// Degrees, in `crs`.
    pub lon: f64,
    /// `wgs84`, `gcj02`, `bd09` or `unknown`.
    #[schema(value_type = String)]
    pub crs: Crs,
    /// Metres.
    #[serde(default)]
    pub accuracy_m: f64,
    /// Outer ring as `[lon, lat]` in `crs`.
    #[serde(default)]
    pub polygon: Vec<[f64; 2]>,
    /// Who says so: `survey`, `import`, `visit`, …
    pub source: String,
    /// From when, RFC 3339.
    #[serde(default)]
    pub from: Option<String>,
    /// Until when.
    #[serde(default)]
    pub to: Option<String>,
}

/// Somebody at a customer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// Where.
    pub customer: String,
    /// Name: personal.
    pub name: String,
    /// What they do there.
    #[serde(default)]
    pub role: Option<String>,
    /// Telephone: personal.
    #[serde(default)]
    pub phone: Option<String>,
    /// From when, RFC 3339.
    #[serde(default)]
    pub from: Option<String>,
    /// Until when.
    #[serde(default)]
    pub to: Option<String>,
}

/// How customers belong together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Relation {
    /// This customer …
    pub customer: String,
    /// … is
    pub kind: RelationKind,
    /// … that one.
    pub other: String,
    /// From when, RFC 3339.
    #[serde(default)]
    pub from: Option<String>,
    /// Until when.
    #[serde(default)]
    pub to: Option<String>,
}

/// How customers belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RelationKind {
    Parent,
    Affiliated,
    SuppliedBy,
    PartyOf,
}

/// Who looks after a customer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Assignment {
    /// The customer.
    pub customer: String,
    /// Who; none in the pool.
    pub user: Option<String>,
    /// How.
    pub kind: AssignmentKind,
    /// From when, RFC 3339.
    #[serde(default)]
    pub from: Option<String>,
    /// Until when.
    #[serde(default)]
    pub to: Option<String>,
}

/// How somebody looks after a customer. Pool: 公海.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AssignmentKind {
    Owner,
    Shared,
    Cover,
    Pool,
}

#[async_trait]
impl Kind for CustomerType {
    const NAME: &'static str = "customer_type";
    const PREFIX: &'static str = "cty";
    async fn check(&self, app: &App, tenant: &str, id: &str) -> Result<Vec<Violation>> {
        let mut wrong: Vec<Violation> = match CompiledForm::compile(&self.schema) {
            Ok(_) => Vec::new(),
            Err(problems) => problems
                .iter()
                .map(|problem| {
                    let params = json!({"detail": problem.detail});
                    Violation::new(&format!("/schema{}", problem.pointer), "schema.invalid", &params)
                })
                .collect(),
        };
        let taken = customer_type(app, tenant, &self.name).await?.is_some_and(|(other, _)| other != id);
        if taken {
            wrong.push(Violation::new("/type", "customer_type.taken", &json!({"type": self.name})));
        }
        Ok(wrong)
    }
}

/// The customer type of that name, with the id of its record.
///
/// # Errors
/// Those of the store.
pub async fn customer_type(app: &App, tenant: &str, name: &str) -> Result<Option<(String, CustomerType)>> {
    let now_ms = app.clock.now_ms();
    let all = crate::flows::records::current::<CustomerType>(app, tenant, None, now_ms).await?;
    Ok(all.into_iter().find(|(_, kind)| kind.name == name).map(|(record, kind)| (record.id, kind)))
}

#[async_trait]
impl Kind for Customer {
    const NAME: &'static str = "customer";
    const PREFIX: &'static str = "cus";
    fn custom_fields(&self) -> Option<(&str, &'static str)> {
        Some((&self.kind, "/fields"))
    }
    fn org_unit(&self) -> Option<&str> {
        self.org_unit.as_deref()
    }
    fn names(&self) -> Vec<(String, &'static str, String)> {
        let mut names = one("/org_unit", OrgUnit::NAME, self.org_unit.as_ref());
        names.extend(one("/merged_into", Self::NAME, self.merged_into.as_ref()));
        names
    }
    async fn check(&self, app: &App, tenant: &str, _id: &str) -> Result<Vec<Violation>> {
        let kind = customer_type(app, tenant, &self.kind).await?;
        let form = kind.map(|(_, kind)| kind.form()).transpose()?;
        Ok(self.violations(form.as_ref()))
    }
}

impl CustomerType {
    /// The schema, compiled.
    ///
    /// # Errors
    /// It was not checked when it was written: a fault of ours.
    pub fn form(&self) -> Result<CompiledForm> {
        CompiledForm::compile(&self.schema).map_err(|problems| Problem::internal(format!("{problems:?}")))
    }
}

impl Customer {
    /// All that is wrong with it by itself; `form` is its type's, none if there is no such type.
    pub fn violations(&self, form: Option<&CompiledForm>) -> Vec<Violation> {
        let mut wrong = Vec::new();
        if engine::time::business_date(0, &self.time_zone, "00:00").is_err() {
            wrong.push(Violation::new("/time_zone", "time_zone.unknown", &json!({"zone": self.time_zone})));
        }
        if (self.status == CustomerStatus::Merged) != self.merged_into.is_some() {
            wrong.push(Violation::new("/merged_into", "customer.merged_into", &Value::Null));
        }
        let Some(form) = form else {
            wrong.push(Violation::new("/type", "customer_type.unknown", &json!({"type": self.kind})));
            return wrong;
        };
        let violations = form.validate(&Value::Object(self.fields.clone()), &BTreeMap::new());
        wrong.extend(violations.into_iter().map(|violation| {
            let code = format!("form.{}", violation.keyword);
            Violation::new(&format!("/fields{}", violation.pointer), &code, &Value::Null)
        }));
        wrong
    }
}

impl Location {
    /// All that is wrong with it by itself.
    pub fn violations(&self) -> Vec<Violation> {
        let mut wrong = Vec::new();
        if !on_earth(self.lat, self.lon) {
            let code = if swapped(self.lat, self.lon) { "location.swapped" } else { "location.impossible" };
            wrong.push(Violation::new("/lat", code, &json!({"lat": self.lat, "lon": self.lon})));
        }
        if !(self.accuracy_m.is_finite() && self.accuracy_m >= 0.0) {
            wrong.push(Violation::new("/accuracy_m", "location.impossible", &Value::Null));
        }
        for (index, [lon, lat]) in self.polygon.iter().enumerate() {
            if !on_earth(*lat, *lon) {
                wrong.push(Violation::new(&format!("/polygon/{index}"), "location.impossible", &Value::Null));
            }
        }
        wrong
    }

    /// The location as the engine judges it.
    pub fn place(&self, id: &str) -> Place {
        Place {
            id: id.to_owned(),
            lat: self.lat,
            lon: self.lon,
            crs: self.crs,
            accuracy_m: self.accuracy_m,
            polygon: self.polygon.clone(),
        }
    }
}

#[async_trait]
impl Kind for Location {
    const NAME: &'static str = "location";
    const PREFIX: &'static str = "loc";
    fn subject(&self) -> Option<(&'static str, &str)> {
        Some((Customer::NAME, &self.customer))
    }
    fn holds(&self) -> (Option<&str>, Option<&str>) {
        (self.from.as_deref(), self.to.as_deref())
    }
    async fn check(&self, _app: &App, _tenant: &str, _id: &str) -> Result<Vec<Violation>> {
        Ok(self.violations())
    }
}

#[async_trait]
impl Kind for Contact {
    const NAME: &'static str = "contact";
    const PREFIX: &'static str = "con";
    fn personal(&self) -> &'static [&'static str] {
        &["/name", "/phone"]
    }
    fn subject(&self) -> Option<(&'static str, &str)> {
        Some((Customer::NAME, &self.customer))
    }
    fn holds(&self) -> (Option<&str>, Option<&str>) {
        (self.from.as_deref(), self.to.as_deref())
    }
}

#[async_trait]
impl Kind for Relation {
    const NAME: &'static str = "relation";
    const PREFIX: &'static str = "rel";
    fn subject(&self) -> Option<(&'static str, &str)> {
        Some((Customer::NAME, &self.customer))
    }
    fn holds(&self) -> (Option<&str>, Option<&str>) {
        (self.from.as_deref(), self.to.as_deref())
    }
    fn names(&self) -> Vec<(String, &'static str, String)> {
        one("/other", Customer::NAME, Some(&self.other))
    }
}

#[async_trait]
impl Kind for Assignment {
    const NAME: &'static str = "assignment";
    const PREFIX: &'static str = "asg";
    const WRITERS: &'static [Role] = &[Role::Admin, Role::Manager];
    fn subject(&self) -> Option<(&'static str, &str)> {
        Some((Customer::NAME, &self.customer))
    }
    fn holds(&self) -> (Option<&str>, Option<&str>) {
        (self.from.as_deref(), self.to.as_deref())
    }
    fn names(&self) -> Vec<(String, &'static str, String)> {
        one("/user", User::NAME, self.user.as_ref())
    }
    async fn check(&self, _app: &App, _tenant: &str, _id: &str) -> Result<Vec<Violation>> {
        let pooled = self.kind == AssignmentKind::Pool;
        let wrong = pooled != self.user.is_none();
        Ok(wrong.then(|| Violation::new("/user", "assignment.user", &Value::Null)).into_iter().collect())
    }
}

#[async_trait]
impl Kind for SopAssignment {
    const NAME: &'static str = "sop_assignment";
    const PREFIX: &'static str = "sas";
    fn org_unit(&self) -> Option<&str> {
        self.org_unit.as_deref()
    }
    fn holds(&self) -> (Option<&str>, Option<&str>) {
        (self.from.as_deref(), self.to.as_deref())
    }
    fn names(&self) -> Vec<(String, &'static str, String)> {
        one("/org_unit", OrgUnit::NAME, self.org_unit.as_ref())
    }
    async fn check(&self, app: &App, tenant: &str, _id: &str) -> Result<Vec<Violation>> {
        crate::flows::sops::assignment_problems(app, tenant, self).await
    }
}
