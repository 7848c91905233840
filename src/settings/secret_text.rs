//! Texts that must not show up in logs.

/// A setting that is, or may hold, a secret. It has neither `Debug` nor `Display`, so nothing can print it by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(String);

impl SecretText {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The clear text, for the one place that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}
