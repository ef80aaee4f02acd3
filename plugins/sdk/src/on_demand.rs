//! JSON of the input that is read when somebody looks at it, and straight into the type they want: most rules look at few of
//! the steps of a visit and few of its parameters.

use crate::answer::RuleError;
use crate::number::canonical;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use std::cell::OnceCell;
use std::fmt;
use std::ops::Deref;

/// A `T` as it stands in the input; it dereferences to the `T`, which is read once.
#[derive(Clone)]
pub struct OnDemand<T = Value> {
    text: Box<RawValue>,
    value: OnceCell<T>,
}

impl<T> OnDemand<T> {
    /// Reads the text as a type of yours.
    ///
    /// # Errors
    /// It is another type; the error names line and column, not the place.
    pub fn read<U: DeserializeOwned>(&self) -> serde_json::Result<U> {
        serde_json::from_str(self.text.get())
    }

    /// Whether it is an object; the text of a value begins with its first character.
    pub(crate) fn is_object(&self) -> bool {
        self.text.get().starts_with('{')
    }

    /// Reads it as `U`; an error of `code` names the place by JSON Pointer. JSON knows one kind of number, so `3.0` is read as
    /// the integer it is.
    pub(crate) fn read_or<U: DeserializeOwned>(&self, code: &str) -> Result<U, RuleError> {
        // Almost always it fits as it is; only then is it not worth a tree and a path.
        self.read().or_else(|_| {
            let value = canonical(self.read().unwrap_or_default());
            serde_path_to_error::deserialize(value).map_err(|error| RuleError::new(code, at_pointer(&error)))
        })
    }
}

fn at_pointer(error: &serde_path_to_error::Error<serde_json::Error>) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in error.path() {
        pointer.push('/');
        match segment {
            Segment::Seq { index } => pointer.push_str(&index.to_string()),
            Segment::Map { key } => pointer.push_str(&key.replace('~', "~0").replace('/', "~1")),
            Segment::Enum { variant } => pointer.push_str(variant),
            Segment::Unknown => pointer.push('?'),
        }
    }
    format!("{pointer}: {}", error.inner())
}

impl<T: DeserializeOwned + Default> Deref for OnDemand<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // It is JSON, and where `T` is a map `Input::from_json` saw that it is an object.
        self.value.get_or_init(|| self.read().unwrap_or_default())
    }
}

impl<T: Default + Serialize> Default for OnDemand<T> {
    fn default() -> Self {
        let text = to_raw_value(&T::default()).unwrap_or_else(|_| RawValue::NULL.to_owned());
        Self { text, value: OnceCell::new() }
    }
}

impl<T: DeserializeOwned + Default + PartialEq> PartialEq for OnDemand<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T> fmt::Debug for OnDemand<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.text.get())
    }
}

impl<T> Serialize for OnDemand<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.text.serialize(serializer)
    }
}

impl<'de, T> Deserialize<'de> for OnDemand<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self { text: Box::deserialize(deserializer)?, value: OnceCell::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Map, json};

    #[derive(Debug, PartialEq, Deserialize)]
    struct Stairs {
        steps: u32,
    }

    fn of(value: &Value) -> OnDemand {
        serde_json::from_str(&value.to_string()).unwrap()
    }

    #[test]
    fn it_is_its_value_and_any_type_that_fits() {
        let answers = of(&json!({"steps": 12, "note": "steep"}));
        assert_eq!(answers.get("note"), Some(&json!("steep")));
        assert_eq!(answers.read::<Stairs>().unwrap(), Stairs { steps: 12 });
        assert_eq!(serde_json::to_value(&answers).unwrap(), *answers);
        assert_eq!(serde_json::from_value::<OnDemand>(Value::clone(&answers)).unwrap(), answers);
    }

    #[test]
    fn what_is_not_there_is_empty() {
        assert_eq!(*OnDemand::<Map<String, Value>>::default(), Map::new());
        assert_eq!(OnDemand::<Map<String, Value>>::default().read::<Value>().unwrap(), json!({}));
        assert_eq!(*OnDemand::<Value>::default(), Value::Null);
    }

    #[test]
    fn a_whole_number_is_one_however_it_is_written_and_an_error_has_a_place() {
        let written: OnDemand = serde_json::from_str(r#"{"steps": 12.0}"#).unwrap();
        assert_eq!(written.read_or::<Stairs>("bad").unwrap(), Stairs { steps: 12 });
        let error = of(&json!({"steps": "many"})).read_or::<Stairs>("bad").unwrap_err();
        assert!(error.message.starts_with("/steps: "), "{error:?}");
    }
}
