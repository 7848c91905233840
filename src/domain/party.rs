//! Who acts for whom: the `act` and `may_act` claims (RFC 8693 §4.1, §4.4).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::claims::SubjectType;

/// The most actors in one chain (TE-065).
pub const MAX_ACTORS: usize = 10;
/// The most bytes of an `act` claim as JSON (TE-065).
pub const MAX_ACT_BYTES: usize = 4096;

/// An actor, and whoever acted before it: the least recent actor is the deepest (RFC 8693 §4.1).
///
/// Only the outermost actor counts for decisions (TE-067); the rest is a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The issuer that `sub` belongs to; always there, so that equal names of two issuers stay apart (TE-068).
    pub iss: String,
    /// The actor.
    pub sub: String,
    /// Members of identity that a foreign chain may hold besides; kept, never looked at.
    #[serde(flatten)]
    pub other: Map<String, Value>,
    /// Who acted before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Box<Actor>>,
}

/// Why an `act` or `may_act` claim cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// Not an object of identity claims.
    #[error("act is not an object with iss and sub, or holds members that are not about identity")]
    Malformed,
    /// Beyond [`MAX_ACTORS`] or [`MAX_ACT_BYTES`].
    #[error("the chain of actors is longer than allowed")]
    TooLong,
}

/// Members that say something of a token, not of a party; forbidden inside `act` and `may_act` (RFC 8693 §4.1, §4.4).
const TOKEN_MEMBERS: [&str; 5] = ["exp", "nbf", "iat", "aud", "jti"];

impl Actor {
    /// A party by itself.
    pub fn new(iss: impl Into<String>, sub: impl Into<String>) -> Self {
        Self { iss: iss.into(), sub: sub.into(), other: Map::new(), act: None }
    }

    /// Reads an `act` claim of a token, however deep.
    ///
    /// # Errors
    /// Anything that is not a bounded chain of identity claims (TE-059, TE-061, TE-065).
    pub fn from_claim(claim: &Value) -> Result<Self, ChainError> {
        let mut level = Some(claim);
        let mut depth = 0;
        while let Some(value) = level {
            let members = value.as_object().ok_or(ChainError::Malformed)?;
            if TOKEN_MEMBERS.iter().any(|member| members.contains_key(*member)) {
                return Err(ChainError::Malformed);
            }
            depth += 1;
            if depth > MAX_ACTORS {
                return Err(ChainError::TooLong);
            }
            level = members.get("act");
        }
        let actor: Actor = serde_json::from_value(claim.clone()).map_err(|_| ChainError::Malformed)?;
        actor.check_bounds()?;
        Ok(actor)
    }

    /// Reads an `act` claim of a token by `issuer`, another than us. An actor without `iss` is one of that issuer's: the
    /// claim says no more than `sub` in many tokens (RFC 8693 §4.1), which is a name in the issuer's own list.
    ///
    /// # Errors
    /// As with [`from_claim`](Self::from_claim).
    pub fn from_foreign_claim(claim: &Value, issuer: &str) -> Result<Self, ChainError> {
        let mut claim = claim.clone();
        let mut level = Some(&mut claim);
        while let Some(Value::Object(members)) = level {
            members.entry("iss").or_insert_with(|| issuer.into());
            level = members.get_mut("act");
        }
        Self::from_claim(&claim)
    }

    /// Whether `is_the_issuer` holds for the issuer of an actor in the chain, however deep.
    pub fn has_issuer(&self, is_the_issuer: impl Fn(&str) -> bool) -> bool {
        self.chain().any(|actor| is_the_issuer(&actor.iss))
    }

    /// Puts this party outermost over the subject's chain (TE-060).
    ///
    /// # Errors
    /// The chain would grow beyond its bounds (TE-065).
    pub fn over(mut self, chain: Option<Actor>) -> Result<Self, ChainError> {
        self.act = chain.map(Box::new);
        self.check_bounds()?;
        Ok(self)
    }

    /// This actor and those before it that are ours: of `issuer`, or of a name that stands for it. Names of other issuers are
    /// others' names.
    pub fn ours<'a>(&'a self, issuer: &'a str) -> impl Iterator<Item = &'a Actor> {
        let is_ours =
            move |actor: &&Actor| actor.iss == issuer || SubjectType::MOSAIC_ISSUERS.contains(&actor.iss.as_str());
        std::iter::successors(Some(self), |actor| actor.act.as_deref()).filter(is_ours)
    }

    /// How many actors there are.
    pub fn depth(&self) -> usize {
        self.chain().count()
    }

    /// All of the chain, outermost first.
    fn chain(&self) -> impl Iterator<Item = &Actor> {
        std::iter::successors(Some(self), |actor| actor.act.as_deref())
    }

    fn check_bounds(&self) -> Result<(), ChainError> {
        let bytes = serde_json::to_vec(self).map_err(|_| ChainError::Malformed)?.len();
        if self.depth() > MAX_ACTORS || bytes > MAX_ACT_BYTES { Err(ChainError::TooLong) } else { Ok(()) }
    }
}

/// The party that a `may_act` claim names: the only one that may act for the subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MayAct(Map<String, Value>);

impl MayAct {
    /// Reads a `may_act` claim.
    ///
    /// # Errors
    /// It is not an object, is empty (it would name everybody), or holds members that are not about identity.
    pub fn from_claim(claim: &Value) -> Result<Self, ChainError> {
        let members = claim.as_object().ok_or(ChainError::Malformed)?;
        let about_tokens = TOKEN_MEMBERS.iter().any(|member| members.contains_key(*member));
        if members.is_empty() || about_tokens {
            return Err(ChainError::Malformed);
        }
        Ok(Self(members.clone()))
    }

    /// Whether it says of which issuer the party is, and `is_the_issuer` holds for that.
    pub fn has_issuer(&self, is_the_issuer: impl Fn(&str) -> bool) -> bool {
        self.0.get("iss").and_then(Value::as_str).is_some_and(is_the_issuer)
    }

    /// Whether `party` is the one named: equal on *every* member, and a member that the party lacks does not match
    /// (TE-063, TE-064).
    pub fn names(&self, party: &PartyIdentity<'_>) -> bool {
        self.0.iter().all(|(member, value)| {
            let own = match member.as_str() {
                "iss" => Some(party.iss),
                "sub" => Some(party.sub),
                "client_id" => Some(party.client_id),
                _ => None,
            };
            own.is_some() && own == value.as_str()
        })
    }
}

/// What is known of a party that wants to act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartyIdentity<'a> {
    /// Its issuer.
    pub iss: &'a str,
    /// Its subject.
    pub sub: &'a str,
    /// The client it is, or uses.
    pub client_id: &'a str,
}
