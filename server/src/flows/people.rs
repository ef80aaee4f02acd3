//! People and where they belong: org units, users, grants, working calendars, leave, devices. What each says and what it
//! demands; all are dated facts of a tenant, and none is ever overwritten.

use crate::app::App;
use crate::flows::customers::Customer;
use crate::flows::problem::{Result, Violation};
use crate::flows::records::{Kind, one};
use async_trait::async_trait;
use engine::task::Role;
use engine::text::Text;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A node of the tenant's tree.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrgUnit {
    /// Name for people.
    #[schema(value_type = BTreeMap<String, String>)]
    pub name: Text,
    /// What it is.
    pub kind: OrgUnitKind,
    /// The unit above; none for the top.
    pub parent: Option<String>,
}

/// What an org unit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrgUnitKind {
    Headquarters,
    Subsidiary,
    Region,
    Team,
}

/// Somebody.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// Name for people.
    pub name: String,
    /// Where they belong.
    pub org_unit: Option<String>,
    /// BCP 47 tags, the preferred first.
    #[serde(default)]
    pub languages: Vec<String>,
    /// From when, RFC 3339.
    #[serde(default)]
    pub from: Option<String>,
    /// Until when: after it no token of theirs works.
    #[serde(default)]
    pub to: Option<String>,
}

/// A role over an org unit and all below it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// Whose.
    pub user: String,
    /// Which role.
    #[schema(value_type = String)]
    pub role: Role,
    /// Over what; none: the whole tenant.
    pub org_unit: Option<String>,
    /// From when, RFC 3339.
    #[serde(default)]
    pub from: Option<String>,
    /// Until when.
    #[serde(default)]
    pub to: Option<String>,
}

/// When people work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Calendar {
    /// Name for people.
    #[schema(value_type = BTreeMap<String, String>)]
    pub title: Text,
    /// IANA time zone.
    pub time_zone: String,
    /// Hours by day (`mon` … `sun`), each from `HH:MM` to `HH:MM`.
    pub weekly: BTreeMap<String, Vec<[String; 2]>>,
    /// Days that are different: holidays without hours, make-up days with.
    #[serde(default)]
    pub exceptions: Vec<CalendarException>,
    /// Org units, users and customers it holds for.
    #[serde(default)]
    pub bound_to: Vec<String>,
}

/// A day that is different.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CalendarException {
    /// `YYYY-MM-DD`
    pub date: String,
    /// Hours of that day; none: off.
    pub hours: Vec<[String; 2]>,
    /// Why.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, String>)]
    pub reason: Text,
}

/// Somebody is away.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Leave {
    /// Who.
    pub user: String,
    /// From when, RFC 3339.
    pub from: String,
    /// Until when.
    pub to: String,
    /// Why, in the tenant's words.
    #[serde(default)]
    pub reason: Option<String>,
}

/// One installation of a client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// Name for people.
    pub name: String,
    /// Who uses it; phones are shared.
    pub users: Vec<String>,
    /// Public key, base64, once it has one.
    #[serde(default)]
    pub key: Option<String>,
}

#[async_trait]
impl Kind for OrgUnit {
    const NAME: &'static str = "org_unit";
    const PREFIX: &'static str = "org";
    fn subject(&self) -> Option<(&'static str, &str)> {
        self.parent.as_deref().map(|parent| (Self::NAME, parent))
    }
    async fn check(&self, app: &App, tenant: &str, id: &str) -> Result<Vec<Violation>> {
        let Some(parent) = &self.parent else { return Ok(Vec::new()) };
        let above = app.store.org_path(tenant, parent).await?;
        let circle = parent == id || above.iter().any(|unit| unit == id);
        Ok(circle.then(|| Violation::new("/parent", "org_unit.circle", &Value::Null)).into_iter().collect())
    }
}

#[async_trait]
impl Kind for User {
    const NAME: &'static str = "user";
    const PREFIX: &'static str = "usr";
    fn org_unit(&self) -> Option<&str> {
        self.org_unit.as_deref()
    }
    fn holds(&self) -> (Option<&str>, Option<&str>) {
        (self.from.as_deref(), self.to.as_deref())
    }
    fn names(&self) -> Vec<(String, &'static str, String)> {
        one("/org_unit", OrgUnit::NAME, self.org_unit.as_ref())
    }
}

#[async_trait]
impl Kind for Grant {
    const NAME: &'static str = "grant";
    const PREFIX: &'static str = "gra";
    const READERS: &'static [Role] = &[Role::Admin, Role::Auditor, Role::Ops];
    fn none_is_all(&self) -> bool {
        true
    }
    /// Whoever runs the installation says who else does.
    fn given_by(&self) -> &'static [Role] {
        if self.role == Role::Operator { &[Role::Operator] } else { &[] }
    }
    fn subject(&self) -> Option<(&'static str, &str)> {
        Some((User::NAME, &self.user))
    }
    fn org_unit(&self) -> Option<&str> {
        self.org_unit.as_deref()
    }
    fn holds(&self) -> (Option<&str>, Option<&str>) {
        (self.from.as_deref(), self.to.as_deref())
    }
    fn names(&self) -> Vec<(String, &'static str, String)> {
        one("/org_unit", OrgUnit::NAME, self.org_unit.as_ref())
    }
}

#[async_trait]
impl Kind for Calendar {
    const NAME: &'static str = "calendar";
    const PREFIX: &'static str = "cal";
    async fn check(&self, app: &App, tenant: &str, _id: &str) -> Result<Vec<Violation>> {
        let mut wrong = crate::flows::calendar::problems(self);
        for (index, bound) in self.bound_to.iter().enumerate() {
            let kind = match bound.split('_').next() {
                Some("org") => OrgUnit::NAME,
                Some("usr") => User::NAME,
                _ => Customer::NAME,
            };
            if app.store.record(tenant, kind, bound, None).await?.is_none() {
                let params = json!({"kind": kind, "id": bound});
                wrong.push(Violation::new(&format!("/bound_to/{index}"), "record.unknown", &params));
            }
        }
        Ok(wrong)
    }
}

#[async_trait]
impl Kind for Leave {
    const NAME: &'static str = "leave";
    const PREFIX: &'static str = "lve";
    const WRITERS: &'static [Role] = &[Role::Admin, Role::Manager];
    fn subject(&self) -> Option<(&'static str, &str)> {
        Some((User::NAME, &self.user))
    }
    fn holds(&self) -> (Option<&str>, Option<&str>) {
        (Some(&self.from), Some(&self.to))
    }
}

#[async_trait]
impl Kind for Device {
    const NAME: &'static str = "device";
    const PREFIX: &'static str = "dev";
    /// It belongs where the first of its users belongs.
    fn subject(&self) -> Option<(&'static str, &str)> {
        self.users.first().map(|user| (User::NAME, user.as_str()))
    }
    fn names(&self) -> Vec<(String, &'static str, String)> {
        let user = |(index, user): (usize, &String)| (format!("/users/{index}"), User::NAME, user.clone());
        self.users.iter().enumerate().map(user).collect()
    }
}
