//! Who may do what: the extractor in a handler's signature is the permission. The tenant comes from the token alone.

use super::problem::ApiProblem;
use crate::app::App;
use crate::flows::caller::{self, Caller};
use crate::flows::problem::{Kind, Problem};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use engine::task::Role;
use serde_json::Value;
use std::marker::PhantomData;
use std::sync::Arc;

/// Finds out who asks and holds their tenant's place in the queue until the answer is there.
pub async fn admit(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let bearer = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = bearer.and_then(|value| value.strip_prefix("Bearer ")).map(str::trim);
    let caller = match caller::of_token(&app, token).await {
        Ok(caller) => caller,
        Err(problem) => return ApiProblem(problem).into_response(),
    };
    let Some(_under_way) = app.per_tenant.begin(&caller.tenant) else {
        return ApiProblem(Problem::new(Kind::TooMany, "too_many", &Value::Null)).into_response();
    };
    let span = tracing::Span::current();
    span.record("tenant", caller.tenant.as_str());
    span.record("user", caller.user.as_str());
    request.extensions_mut().insert(caller);
    next.run(request).await
}

/// Roles one of which is needed.
pub trait Permission: Send + Sync + 'static {
    /// The roles.
    const ROLES: &'static [Role];
}

/// The caller, who has one of the roles of `P`.
pub struct Allowed<P>(pub Caller, pub PhantomData<P>);

impl<P: Permission> FromRequestParts<Arc<App>> for Allowed<P> {
    type Rejection = ApiProblem;

    async fn from_request_parts(parts: &mut Parts, _app: &Arc<App>) -> Result<Self, ApiProblem> {
        let caller = parts.extensions.get::<Caller>().cloned();
        let caller = caller.ok_or_else(|| Problem::new(Kind::Unauthenticated, "token.missing", &Value::Null))?;
        caller.must_be(P::ROLES)?;
        Ok(Self(caller, PhantomData))
    }
}

/// Anybody with a token that works.
pub struct Known(pub Caller);

impl FromRequestParts<Arc<App>> for Known {
    type Rejection = ApiProblem;

    async fn from_request_parts(parts: &mut Parts, _app: &Arc<App>) -> Result<Self, ApiProblem> {
        let caller = parts.extensions.get::<Caller>().cloned();
        Ok(Self(caller.ok_or_else(|| Problem::new(Kind::Unauthenticated, "token.missing", &Value::Null))?))
    }
}

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident: $($role:ident),+;)+) => {$(
        $(#[$doc])*
        pub struct $name;
        impl Permission for $name {
            const ROLES: &'static [Role] = &[$(Role::$role),+];
        }
    )+};
}

permissions! {
    /// Visits customers.
    Works: Rep;
    /// Sees tasks and master data of their org units.
    Reads: Rep, Manager, Admin, Ops, Auditor;
    /// Makes tasks, talks about them, ends those that are no visits.
    Acts: Rep, Manager, Admin, Ops;
    /// Gives work to others.
    Dispatches: Manager, Admin, Ops;
    /// Judges visits and decides what needs approval.
    Reviews: Manager, Admin;
    /// Sets up the tenant.
    Administers: Admin;
    /// Looks at how the tenant is set up.
    LooksAtSetup: Manager, Admin, Ops, Auditor;
    /// Looks at who was granted what.
    LooksAtGrants: Admin, Ops, Auditor;
    /// Brings plugins.
    BringsPlugins: Admin, Partner;
    /// Looks at plugins and what is offered.
    LooksAtPlugins: Admin, Auditor, Partner;
    /// Looks at how good rules are.
    LooksAtRules: Manager, Admin, Partner;
    /// Reads evidence and what happened.
    Inspects: Rep, Manager, Admin, Ops, Auditor;
    /// Runs the installation.
    Operates: Operator;
}
