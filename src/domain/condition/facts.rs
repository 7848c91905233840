//! What a condition looks at, as CEL values, within bounds.

use std::{collections::HashMap, sync::Arc};

use cel::{Value, objects::Key};
use serde_json::Value as Json;

use super::bounds::{MAX_FACT_BYTES, MAX_FACT_VALUES};
use crate::{
    domain::{claims::SubjectType, client::Client, subject::SubjectToken},
    oauth::scope::Scope,
};

/// How deep claims may be nested.
const MAX_DEPTH: usize = 16;

/// An exchange, as conditions see it.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// `subject`.
    pub subject: &'a SubjectToken,
    /// `actor`; `null` without one.
    pub actor: Option<&'a SubjectToken>,
    /// `client`.
    pub client: &'a Client,
    /// `request.audience`: the targets that the new token would have, as they are registered. With those that the request
    /// names instead, leaving them out would walk around the condition.
    pub targets: &'a [&'a str],
    /// `request.scope`: the scope that the new token would have.
    pub scope: &'a Scope,
    /// `request.requested_token_type`; `null` when absent.
    pub requested_token_type: Option<&'a str>,
    /// `request.grant_type`.
    pub grant_type: &'a str,
    /// `request.time`, in seconds since 1970.
    pub now: i64,
}

/// What may still be looked at.
pub(super) struct Budget {
    values: usize,
    bytes: usize,
}

type Members = HashMap<Key, Value>;

impl Budget {
    pub(super) fn new() -> Self {
        Self { values: MAX_FACT_VALUES, bytes: MAX_FACT_BYTES }
    }

    fn value(&mut self) -> Option<()> {
        self.values = self.values.checked_sub(1)?;
        Some(())
    }

    fn text(&mut self, text: &str) -> Option<Value> {
        self.value()?;
        self.bytes = self.bytes.checked_sub(text.len())?;
        Some(Value::String(Arc::new(text.to_owned())))
    }

    fn texts<'t>(&mut self, texts: impl IntoIterator<Item = &'t str>) -> Option<Value> {
        self.value()?;
        let list: Option<Vec<Value>> = texts.into_iter().map(|text| self.text(text)).collect();
        Some(Value::List(Arc::new(list?)))
    }

    fn key(&mut self, name: &str) -> Option<Key> {
        self.bytes = self.bytes.checked_sub(name.len())?;
        Some(Key::String(Arc::new(name.to_owned())))
    }

    fn json(&mut self, value: &Json, depth: usize) -> Option<Value> {
        if depth > MAX_DEPTH {
            return None;
        }
        if let Json::String(text) = value {
            return self.text(text);
        }
        self.value()?;
        Some(match value {
            Json::Null | Json::String(_) => Value::Null,
            Json::Bool(boolean) => Value::Bool(*boolean),
            Json::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(number), _) => Value::Int(number),
                (None, Some(number)) => Value::UInt(number),
                (None, None) => Value::Float(number.as_f64()?),
            },
            Json::Array(items) => {
                let items: Option<Vec<Value>> = items.iter().map(|item| self.json(item, depth + 1)).collect();
                Value::List(Arc::new(items?))
            }
            Json::Object(entries) => {
                let mut members = Members::new();
                for (name, value) in entries {
                    members.insert(self.key(name)?, self.json(value, depth + 1)?);
                }
                Value::from(members)
            }
        })
    }
}

impl Facts<'_> {
    /// `None` where the bounds are exceeded: the rule is then ruled out, not the bound lifted.
    pub(super) fn value(&self, root: &str, budget: &mut Budget) -> Option<Value> {
        match root {
            "subject" => token(self.subject, budget),
            "actor" => self.actor.map_or(Some(Value::Null), |actor| token(actor, budget)),
            "client" => self.client(budget),
            _ => self.request(budget),
        }
    }

    fn client(&self, budget: &mut Budget) -> Option<Value> {
        let client = self.client;
        let mut members = Members::new();
        members.insert(budget.key("id")?, budget.text(&client.id)?);
        members.insert(budget.key("name")?, budget.text(&client.name)?);
        members.insert(budget.key("kind")?, budget.json(&serde_json::to_value(client.kind).ok()?, 0)?);
        members.insert(budget.key("grants")?, budget.json(&serde_json::to_value(&client.grants).ok()?, 0)?);
        let mut access = Members::new();
        for entry in &client.access {
            access.insert(budget.key(&entry.audience)?, budget.texts(entry.scopes.iter())?);
        }
        members.insert(budget.key("access")?, Value::from(access));
        let mut permissions = Members::new();
        for (service, keys) in &client.permissions {
            permissions.insert(budget.key(service)?, budget.texts(keys.iter().map(String::as_str))?);
        }
        members.insert(budget.key("permissions")?, Value::from(permissions));
        Some(Value::from(members))
    }

    fn request(&self, budget: &mut Budget) -> Option<Value> {
        let mut members = Members::new();
        members.insert(budget.key("audience")?, budget.texts(self.targets.iter().copied())?);
        members.insert(budget.key("scope")?, budget.texts(self.scope.iter())?);
        let requested = self.requested_token_type.map_or(Some(Value::Null), |kind| budget.text(kind))?;
        members.insert(budget.key("requested_token_type")?, requested);
        members.insert(budget.key("grant_type")?, budget.text(self.grant_type)?);
        members.insert(budget.key("time")?, Value::Int(self.now));
        Some(Value::from(members))
    }
}

/// The claims under their own names; `aud` and `scope` are lists, however the token writes them. A claim that the token lacks is
/// not there, so that `has(subject.email)` tells.
fn token(token: &SubjectToken, budget: &mut Budget) -> Option<Value> {
    let mut members = Members::new();
    for (name, value) in &token.other {
        members.insert(budget.key(name)?, budget.json(value, 0)?);
    }
    // After those: whatever a token calls a claim, these are the ones that were checked.
    for (name, text) in [("iss", &token.iss), ("sub", &token.sub), ("client_id", &token.client_id), ("jti", &token.jti)]
    {
        // There is no token where a client vouches for a user by name, and no client behind a foreign token.
        if !text.is_empty() {
            members.insert(budget.key(name)?, budget.text(text)?);
        }
    }
    members.insert(budget.key("aud")?, budget.texts(token.aud.iter().map(String::as_str))?);
    members.insert(budget.key("scope")?, budget.texts(token.scope.iter())?);
    members.insert(budget.key("exp")?, Value::Int(token.exp));
    members.insert(budget.key("iat")?, Value::Int(token.iat));
    if let Some(nbf) = token.nbf {
        members.insert(budget.key("nbf")?, Value::Int(nbf));
    }
    if let Some(act) = &token.act {
        members.insert(budget.key("act")?, budget.json(&serde_json::to_value(act).ok()?, 0)?);
    }
    if let Some(may_act) = &token.may_act {
        members.insert(budget.key("may_act")?, budget.json(&serde_json::to_value(may_act).ok()?, 0)?);
    }
    if let Some(kind) = token.subject_type.map(SubjectType::as_str) {
        members.insert(budget.key("subjectType")?, budget.text(kind)?);
    }
    for (name, id) in [("applicationId", &token.application_id), ("profileId", &token.profile_id)] {
        if let Some(id) = id {
            members.insert(budget.key(name)?, budget.text(id)?);
        }
    }
    Some(Value::from(members))
}
