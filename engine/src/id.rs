//! Ids: a prefix that says what is meant, `_`, and 1 to 60 of `0-9 a-z -`. Made outside (UUIDv7 in production, readable
//! ones in recorded data); here they are only checked.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Whether `text` is `prefix`, `_`, and 1 to 60 of `0-9 a-z -`.
#[must_use]
pub fn check_id(prefix: &str, text: &str) -> bool {
    text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')).is_some_and(|rest| {
        (1..=60).contains(&rest.len()) && rest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'-'))
    })
}

/// A text that is not the id it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an id like `{prefix}_…`")]
pub struct IdError {
    /// The prefix it should have.
    pub prefix: &'static str,
    /// The text, cut after 80 characters.
    pub text: String,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident $prefix:literal)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// What ids of this kind begin with, before the `_`.
            pub const PREFIX: &'static str = $prefix;

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                if check_id($prefix, &text) {
                    Ok(Self(text))
                } else {
                    Err(IdError { prefix: $prefix, text: text.chars().take(80).collect() })
                }
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    )*};
}

ids! {
    /// A tenant.
    TenantId "ten"
    /// A user.
    UserId "usr"
    /// A customer.
    CustomerId "cus"
    /// A device.
    DeviceId "dev"
    /// A command; made by the client.
    CommandId "cmd"
    /// A task.
    TaskId "tsk"
    /// A visit.
    VisitId "vis"
}

impl VisitId {
    /// The visit of a visit task: the same id under the visit's prefix, so that a phone knows it offline.
    #[must_use]
    pub fn of_task(task: &TaskId) -> Self {
        let own = task.0.split_once('_').map_or("", |(_, own)| own);
        Self(format!("{}_{own}", Self::PREFIX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_prefix_underscore_and_plain_characters() {
        assert!(check_id("usr", "usr_chen"));
        assert!(check_id("tsk", "tsk_0190f3a4-7c1e-7b6a-8f00-0123456789ab"));
        assert!(check_id("cmd", &format!("cmd_{}", "a".repeat(60))));
        let long = format!("cmd_{}", "a".repeat(61));
        for wrong in ["", "cmd", "cmd_", "cmda", "usr_a", "cmd_A", "cmd_a_b", "cmd_é", "cmd_a ", " cmd_a", &long] {
            assert!(!check_id("cmd", wrong), "{wrong}");
        }
    }

    #[test]
    fn ids_print_parse_and_refuse() {
        let task: TaskId = "tsk_7".parse().unwrap();
        assert_eq!(task.to_string(), "tsk_7");
        assert_eq!(serde_json::to_string(&task).unwrap(), r#""tsk_7""#);
        assert_eq!(serde_json::from_str::<TaskId>(r#""tsk_7""#).unwrap(), task);
        let error = serde_json::from_str::<TaskId>(r#""vis_7""#).unwrap_err();
        assert!(error.to_string().contains("`vis_7` is not an id like `tsk_…`"), "{error}");
        assert_eq!("é".repeat(200).parse::<UserId>().unwrap_err().text.chars().count(), 80);
    }

    #[test]
    fn a_visit_is_named_after_its_task() {
        let visit = VisitId::of_task(&"tsk_0190f3a4-7c1e".parse().unwrap());
        assert_eq!(visit.as_str(), "vis_0190f3a4-7c1e");
        assert!(check_id(VisitId::PREFIX, visit.as_str()));
    }
}
