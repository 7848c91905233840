//! Conditions of exchange rules (`when`), in CEL, the Common Expression Language.
//!
//! A condition only narrows: it is asked last, of a rule that nothing else speaks against, and whatever it answers but
//! `true` rules the rule out. It is compiled where it is read, and evaluated within bounds that are fixed beforehand:
//! [`compile`] admits only expressions whose work grows with the size of their input, [`facts`] bounds that input, and no
//! expression reaches time, network or memory of anything else.

mod bounds;
mod compile;
mod facts;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use self::compile::Compiled;
pub use self::{
    bounds::{MAX_CONDITION, MAX_FACT_BYTES, MAX_FACT_VALUES, Named},
    facts::Facts,
};

/// The condition of a rule, compiled once.
#[derive(Clone)]
pub struct Condition {
    text: String,
    /// Shared by all who hold the rule; or why the text is no condition. Such a one never holds: a row that was changed by
    /// hand must not open what it was to narrow.
    compiled: Result<Arc<Compiled>, String>,
}

impl Condition {
    /// Reads a condition. One that cannot be used is kept, and never holds.
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        let compiled = compile::compile(&text).map(Arc::new);
        Self { text, compiled }
    }

    /// The text, as it was given.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Why it cannot be used, if it cannot.
    pub fn error(&self) -> Option<&str> {
        self.compiled.as_ref().err().map(String::as_str)
    }

    /// The claims of the subject and actor token that it looks at; `None` where it looks at them as a whole, or cannot be used.
    pub fn claims(&self) -> Option<&BTreeSet<String>> {
        self.compiled.as_ref().ok().and_then(|compiled| compiled.uses().claims.as_ref())
    }

    /// Whether it looks at the targets or the scopes that would be given. One that does not can be asked before those are known.
    pub fn looks_at_given(&self) -> bool {
        self.compiled.as_ref().is_ok_and(|compiled| compiled.uses().given)
    }

    /// The targets and scopes that it names; `None` where it cannot be used.
    pub fn named(&self) -> Option<&Named> {
        self.compiled.as_ref().ok().map(|compiled| &compiled.uses().named)
    }

    /// Whether it holds.
    ///
    /// # Errors
    /// It does not, or nobody can say; with the reason for the operator. The reason may quote the condition, and never the
    /// value of a claim.
    pub fn check(&self, facts: &Facts<'_>) -> Result<(), String> {
        let compiled = self.compiled.as_ref().map_err(|error| format!("the condition cannot be used: {error}"))?;
        compiled.check(facts)
    }
}

impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Condition").field(&self.text).finish()
    }
}

impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}
