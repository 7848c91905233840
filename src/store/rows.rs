//! Between rows and values: JSON columns and enums kept as text. What cannot be read back is an error that names the row, never a
//! default: a grant or a rule that is guessed is a hole.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::error::StoreError;

/// The row that is being read, for the error.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) table: &'static str,
    pub(super) key: &'a str,
}

impl Row<'_> {
    pub(super) fn corrupt(&self, reason: impl Into<String>) -> StoreError {
        StoreError::Corrupt { table: self.table, key: self.key.to_owned(), reason: reason.into() }
    }

    /// Reads a JSON column.
    pub(super) fn json<T: DeserializeOwned>(&self, column: &str, text: &str) -> Result<T, StoreError> {
        // Serde's message may quote the value; where it went wrong is enough to find it.
        serde_json::from_str(text).map_err(|error| {
            self.corrupt(format!("{column} is not readable at line {} column {}", error.line(), error.column()))
        })
    }

    /// Reads an enum kept by its name.
    pub(super) fn name<T: DeserializeOwned>(&self, column: &str, text: &str) -> Result<T, StoreError> {
        serde_json::from_value(Value::String(text.to_owned()))
            .map_err(|_| self.corrupt(format!("{column} has a value that this version does not know")))
    }
}

/// Writes a JSON column.
pub(super) fn to_json<T: Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value)
        .map_err(|error| StoreError::Query(format!("a value cannot be written as JSON: {error}")))
}

/// Writes an enum by its name.
pub(super) fn to_name<T: Serialize>(value: &T) -> Result<String, StoreError> {
    match serde_json::to_value(value) {
        Ok(Value::String(name)) => Ok(name),
        _ => Err(StoreError::Query("a value that should have a name has none".to_owned())),
    }
}
