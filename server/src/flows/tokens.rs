//! Bearer tokens: made once, shown once, kept as a hash, revoked.

use crate::app::{App, new_id, salt};
use crate::flows::caller::{Caller, grants};
use crate::flows::once::{Answer, Asked, Decided, once, settle, tenant_event};
use crate::flows::problem::{Kind, Problem, Result};
use crate::flows::records::{self, Kind as _, User};
use crate::store::{Token, Write};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use engine::canon;
use engine::task::Role;
use engine::time;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

/// What a new token is for.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// In words.
    pub label: String,
    /// When it ends, RFC 3339; none: never.
    #[serde(default)]
    pub expires_at: Option<String>,
}

/// A token that was just made.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct MadeToken {
    /// `tok_…`
    pub id: String,
    /// The token. It is shown this once; the server keeps only its hash.
    pub token: String,
}

/// A token and the row that is kept of it.
pub fn make(user: &str, label: &str, expires_ms: Option<i64>, now_ms: i64) -> (String, Token) {
    let secret = [salt(), salt()].concat();
    let text = format!("swt_{}", BASE64_URL_SAFE_NO_PAD.encode(secret));
    let token = Token {
        id: new_id("tok", now_ms),
        hash: canon::sha256_hex(text.as_bytes()),
        user: user.to_owned(),
        label: label.to_owned(),
        created_ms: now_ms,
        expires_ms,
        revoked_ms: None,
    };
    (text, token)
}

/// Makes a token for a user in the caller's org units. The answer that is kept for a repeated command holds no token: a
/// token that got lost on its way is revoked and made again.
///
/// # Errors
/// No such user; the time cannot be read.
pub async fn create(app: &App, caller: &Caller, user: &str, new: &NewToken, asked: &Asked) -> Result<Answer> {
    administers(app, caller, user).await?;
    let expires_ms =
        match &new.expires_at {
            None => None,
            Some(text) => Some(time::parse("expires_at", text).map_err(|error| {
                Problem::invalid("/expires_at", "time.invalid", &json!({"detail": error.to_string()}))
            })?),
        };
    let (text, token) = make(user, &new.label, expires_ms, app.clock.now_ms());
    let answer = once(app, caller, asked, || async {
        let about = json!({"token": token.id, "user": user, "label": new.label, "by": caller.user});
        let writes = vec![Write::Token(token.clone()), tenant_event(&caller.tenant, "token_made", [("token", about)])];
        let body = json!({"id": token.id, "token": ""});
        Ok(Decided::new(writes, Answer::done(true, &body, None)?))
    })
    .await?;
    match answer {
        Answer::Done { created, body, etag } => {
            let mut body: Value = serde_json::from_str(body.get()).map_err(Problem::internal)?;
            let is_this_one = body.get("id").and_then(Value::as_str) == Some(&token.id);
            if let (Some(member), true) = (body.get_mut("token"), is_this_one) {
                *member = text.into();
            }
            Answer::done(created, &body, etag)
        }
        refused @ Answer::Refused(_) => Ok(refused),
    }
}

/// Who makes somebody's token becomes them: their unit and all they were granted must be the admin's too.
async fn administers(app: &App, caller: &Caller, user: &str) -> Result<()> {
    const ADMIN: &[Role] = &[Role::Admin];
    records::get::<User>(app, caller, user, None).await?;
    let outside = || Problem::new(Kind::Forbidden, "scope.outside", &Value::Null);
    let home = app.store.record(&caller.tenant, User::NAME, user, None).await?.and_then(|user| user.org_unit);
    if !caller.covers(app, ADMIN, home.as_deref()).await? {
        return Err(outside());
    }
    for grant in grants(app, &caller.tenant, user, app.clock.now_ms()).await? {
        if !caller.covers(app, ADMIN, grant.org_unit.as_deref()).await? {
            return Err(outside());
        }
    }
    Ok(())
}

/// Revokes a token: somebody's in the caller's org units, or the caller's own.
///
/// # Errors
/// No such token.
pub async fn revoke(app: &App, caller: &Caller, id: &str) -> Result<()> {
    let token = app.store.token_by_id(&caller.tenant, id).await?.ok_or_else(Problem::not_found)?;
    if token.user != caller.user {
        caller.must_be(&[Role::Admin]).map_err(|_| Problem::not_found())?;
        administers(app, caller, &token.user).await?;
    }
    settle(app, &caller.tenant, || async {
        let about = json!({"token": id, "user": token.user, "by": caller.user});
        Ok(vec![Write::RevokeToken(id.to_owned()), tenant_event(&caller.tenant, "token_revoked", [("token", about)])])
    })
    .await
    .map(drop)
}
