//! Pages: keyset cursors, opaque and versioned, so that a page neither repeats nor skips when rows come and go.

use super::json::nul;
use super::problem::ApiProblem;
use crate::flows::problem::{Kind, Problem};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

/// Items of a page where nothing is said.
const DEFAULT: u32 = 50;
/// Most items of a page.
const MOST: u32 = 200;

/// One page.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Pass it as `after` for the next page; null: this was the last.
    pub next: Option<String>,
}

/// Where a page begins and how long it is.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct PageQuery {
    /// At most so many items, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// `next` of the page before.
    pub after: Option<String>,
}

impl PageQuery {
    /// How many items.
    ///
    /// # Errors
    /// Out of bounds.
    pub fn limit(&self) -> Result<u32, ApiProblem> {
        match self.limit.unwrap_or(DEFAULT) {
            limit @ 1..=MOST => Ok(limit),
            _ => Err(malformed("page.limit")),
        }
    }

    /// The place behind which the page begins.
    ///
    /// # Errors
    /// Not a cursor of this list.
    pub fn after<K: DeserializeOwned>(&self) -> Result<Option<K>, ApiProblem> {
        let Some(cursor) = &self.after else { return Ok(None) };
        let bytes = cursor.strip_prefix("1.").and_then(|text| BASE64_URL_SAFE_NO_PAD.decode(text).ok());
        let value = bytes.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
        let key = value.filter(|value| nul(value).is_none()).and_then(|value| serde_json::from_value(value).ok());
        key.map(Some).ok_or_else(|| malformed("page.cursor"))
    }
}

fn malformed(code: &str) -> ApiProblem {
    Problem { kind: Kind::Malformed, ..Problem::invalid("", code, &Value::Null) }.into()
}

impl<T> Page<T> {
    /// A page of what was found on the way to `next`, be it less than was asked for.
    pub fn up_to<K: Serialize>(items: Vec<T>, next: Option<K>) -> Self {
        Self { items, next: next.as_ref().map(cursor) }
    }

    /// A page of at most `limit` of `items`, of which there is one more when another page follows.
    pub fn of<K: Serialize>(mut items: Vec<T>, limit: u32, key: impl Fn(&T) -> K) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|last| cursor(&key(last)));
        Self { items, next }
    }
}

fn cursor<K: Serialize>(key: &K) -> String {
    format!("1.{}", BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(key).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_to_the_next_page_and_a_made_up_one_nowhere() {
        let page = Page::of(vec![1, 2, 3], 2, |last| *last);
        assert_eq!(page.items, [1, 2]);
        let query = PageQuery { limit: None, after: page.next };
        assert_eq!(query.after::<i32>().ok().flatten(), Some(2));
        assert!(Page::of(vec![1, 2], 2, |last| *last).next.is_none());
        let query = PageQuery { limit: None, after: Some("1.IlwwIg".into()) };
        assert!(query.after::<String>().is_err());
        let query = PageQuery { limit: None, after: Some("1.Ilx1MDAwMCI".into()) };
        assert!(query.after::<String>().is_err(), "NUL");
        for wrong in ["", "x", "1.x", "2.Mg"] {
            let query = PageQuery { limit: None, after: Some(wrong.into()) };
            assert!(query.after::<i32>().is_err(), "{wrong}");
        }
        for limit in [0, 201, u32::MAX] {
            assert!(PageQuery { limit: Some(limit), after: None }.limit().is_err());
        }
    }
}
