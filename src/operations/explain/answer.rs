//! What is answered to "why?", for machines; the command line makes sentences of it.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::domain::{
    exchange::{Refused, RuleVerdict, Verdict},
    rule::Enforcement,
};

/// What the token endpoint would answer, and what each rule says to it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    /// Whether there would be a token.
    pub allowed: bool,
    /// The rule that allows it; or that came closest, if one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// What the token would hold, but for `jti`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claims: Option<Map<String, Value>>,
    /// The token is for a user who is found or made only when it is issued: `sub` and the user's claims come from there.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub of_a_user: bool,
    /// The machine code of the refusal (`docs/errors.md`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<&'static str>,
    /// The condition that failed.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub failed: Option<Failed>,
    /// Every rule, those that name the client first.
    pub rules: Vec<RuleAnswer>,
}

/// A condition that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failed {
    /// Its fixed name.
    pub condition: &'static str,
    /// The law behind it, 1 to 8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub law: Option<u8>,
    /// How it failed.
    pub reason: String,
}

/// What one rule says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleAnswer {
    /// Its name.
    pub rule: String,
    /// Whether it decides.
    pub mode_of_enforcement: Enforcement,
    /// What it says.
    pub verdict: &'static str,
    /// The first condition that failed.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub failed: Option<Failed>,
}

impl From<&Refused> for Failed {
    fn from(refused: &Refused) -> Self {
        let check = refused.check;
        Self { condition: check.as_str(), law: check.law(), reason: refused.reason.clone() }
    }
}

impl From<&RuleVerdict<'_>> for RuleAnswer {
    fn from(verdict: &RuleVerdict<'_>) -> Self {
        let RuleVerdict { rule, verdict } = verdict;
        let (verdict, failed) = match verdict {
            Verdict::Allows => ("allows", None),
            Verdict::WouldAllow => ("would_allow", None),
            Verdict::Fails(refused) => ("fails", Some(refused.into())),
        };
        Self { rule: rule.name.clone(), mode_of_enforcement: rule.mode_of_enforcement, verdict, failed }
    }
}

impl Answer {
    /// A refusal.
    pub(super) fn refused(refused: &Refused, rules: Vec<RuleAnswer>) -> Self {
        Self {
            allowed: false,
            rule: refused.rule.clone(),
            claims: None,
            of_a_user: false,
            problem: Some(refused.problem.slug()),
            failed: Some(refused.into()),
            rules,
        }
    }
}
