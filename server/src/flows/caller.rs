//! Who is asking: tenant, user, and what their grants allow today. The tenant comes from the token alone (TENANT).

use crate::app::App;
use crate::flows::problem::{Kind, Problem, Result};
use crate::flows::records::{Grant, current};
use crate::store::{Scope, Session, TaskScope};
use engine::canon;
use engine::task::Role;
use serde_json::Value;
use std::collections::BTreeSet;

/// A grant that holds now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantNow {
    /// The role.
    pub role: Role,
    /// Over this org unit and all below; none: the whole tenant.
    pub org_unit: Option<String>,
}

/// See the module header.
#[derive(Clone, Debug)]
pub struct Caller {
    /// `tnt_…`
    pub tenant: String,
    /// `usr_…`
    pub user: String,
    /// What holds now.
    pub grants: Vec<GrantNow>,
}

/// Roles that see what happens in their org units.
pub const OVERSEES: &[Role] = &[Role::Manager, Role::Admin, Role::Ops, Role::Auditor];
/// Roles that may see personal fields and evidence of others.
pub const SEES_PERSONAL: &[Role] = &[Role::Manager, Role::Admin, Role::Auditor];

/// The caller behind a token.
///
/// # Errors
/// `token.missing`, `.unknown`, `.expired`, `.revoked`, `tenant.suspended`, `user.ended`.
pub async fn of_token(app: &App, token: Option<&str>) -> Result<Caller> {
    let no = |code: &str| Problem::new(Kind::Unauthenticated, code, &Value::Null);
    let token = token.ok_or_else(|| no("token.missing"))?;
    let hash = canon::sha256_hex(token.as_bytes());
    if let Some(caller) = app.sessions.get(&hash) {
        return Ok(caller);
    }
    let now_ms = app.clock.now_ms();
    let Session { tenant, suspended, token, user_is_there, grants } =
        app.store.session(&hash, now_ms).await?.ok_or_else(|| no("token.unknown"))?;
    if token.revoked_ms.is_some() {
        return Err(no("token.revoked"));
    }
    if token.expires_ms.is_some_and(|expires_ms| expires_ms <= now_ms) {
        return Err(no("token.expired"));
    }
    if suspended {
        return Err(Problem::new(Kind::Forbidden, "tenant.suspended", &Value::Null));
    }
    if !user_is_there {
        return Err(no("user.ended"));
    }
    let grants: Result<Vec<GrantNow>> = grants
        .into_iter()
        .map(|body| serde_json::from_value(body).map(GrantNow::of).map_err(Problem::internal))
        .collect();
    let caller = Caller { tenant, user: token.user, grants: grants? };
    app.sessions.put(hash, &caller);
    Ok(caller)
}

/// The grants of a user that hold at a moment.
///
/// # Errors
/// Those of the store.
pub async fn grants(app: &App, tenant: &str, user: &str, now_ms: i64) -> Result<Vec<GrantNow>> {
    let records = current::<Grant>(app, tenant, Some(user), now_ms).await?;
    Ok(records.into_iter().map(|(_, grant)| GrantNow::of(grant)).collect())
}

impl GrantNow {
    fn of(grant: Grant) -> Self {
        Self { role: grant.role, org_unit: grant.org_unit }
    }
}

impl Caller {
    /// All roles.
    pub fn roles(&self) -> BTreeSet<Role> {
        self.grants.iter().map(|grant| grant.role).collect()
    }

    /// Whether any of the roles is granted.
    pub fn is_any(&self, roles: &[Role]) -> bool {
        self.grants.iter().any(|grant| roles.contains(&grant.role))
    }

    /// Where any of the roles is granted.
    pub fn scope(&self, roles: &[Role]) -> Option<Scope> {
        let mut units = BTreeSet::new();
        let mut granted = false;
        for grant in self.grants.iter().filter(|grant| roles.contains(&grant.role)) {
            granted = true;
            match &grant.org_unit {
                Some(unit) => units.insert(unit.clone()),
                None => return Some(Scope::Tenant),
            };
        }
        granted.then_some(Scope::Under(units))
    }

    /// The tasks the caller may see: those of the org units they oversee, their own, and those they could claim.
    pub fn task_scope(&self) -> TaskScope {
        let candidate =
            self.roles().into_iter().filter_map(|role| Some((role.name().to_owned(), self.scope(&[role])?))).collect();
        TaskScope { scope: self.scope(OVERSEES), assignee: Some(self.user.clone()), candidate }
    }

    /// Whether any of the roles is granted over an org unit; what belongs to no unit is the whole tenant's (SCOPE).
    ///
    /// # Errors
    /// Those of the store.
    pub async fn covers(&self, app: &App, roles: &[Role], org_unit: Option<&str>) -> Result<bool> {
        match (self.scope(roles), org_unit) {
            (None, _) => Ok(false),
            (Some(Scope::Tenant), _) => Ok(true),
            (Some(Scope::Under(_)), None) => Ok(false),
            (Some(scope), Some(unit)) => Ok(app.store.in_scope(&self.tenant, Some(unit), &scope).await?),
        }
    }

    /// # Errors
    /// `scope.outside` unless the role is granted over the whole tenant: for what is everybody's there.
    pub fn must_cover_tenant(&self, role: Role) -> Result<()> {
        if self.scope(&[role]) == Some(Scope::Tenant) {
            return Ok(());
        }
        Err(Problem::new(Kind::Forbidden, "scope.outside", &Value::Null))
    }

    /// # Errors
    /// `role.missing` unless one of the roles is granted.
    pub fn must_be(&self, roles: &[Role]) -> Result<()> {
        if self.is_any(roles) {
            return Ok(());
        }
        let names: Vec<&str> = roles.iter().map(|role| role.name()).collect();
        let params = serde_json::json!({"roles": names.join(", ")});
        Err(Problem::new(Kind::Forbidden, "role.missing", &params))
    }
}
