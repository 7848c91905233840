//! `[[test]]`: exchanges that the file's own rules must allow or refuse.

use serde_json::{Map, Value};

use super::{
    findings::{Findings, hint},
    json::json_of,
    table::Table,
};
use crate::{
    domain::{exchange::Check, rule::ISSUER_SELF},
    oauth::{error::Problem, scope::Scope},
};

/// When a test takes place that does not say: some second of the year 2027. A test that went by the machine's clock would
/// pass today and fail tomorrow.
const DEFAULT_TIME: i64 = 1_800_000_000;
/// The last second of the year 9999.
const MAX_TIME: i64 = 253_402_300_799;

/// `[[test]]`.
#[derive(Debug, Clone, PartialEq)]
pub struct TestBlock {
    /// For people.
    pub name: String,
    /// The client that asks.
    pub client: String,
    /// Who vouches for the subject: [`ISSUER_SELF`], or an identity connection.
    pub subject_issuer: String,
    /// The claims of its token.
    pub subject: Map<String, Value>,
    /// The claims of the actor token, if there is one.
    pub actor: Option<Map<String, Value>>,
    /// The targets that are asked for.
    pub audience: Vec<String>,
    /// The scopes that are asked for.
    pub scope: Scope,
    /// Seconds since 1970.
    pub time: i64,
    /// How it must end.
    pub expected: Expected,
}

/// How a test must end. What is not said may be anything.
#[derive(Debug, Clone, PartialEq)]
pub enum Expected {
    /// The exchange is allowed.
    Allow {
        /// By this rule.
        rule: Option<String>,
        /// For these targets.
        audience: Option<Vec<String>>,
        /// With this scope.
        scope: Option<Scope>,
        /// With these claims among others.
        claims: Map<String, Value>,
    },
    /// It is refused.
    Refuse {
        /// This rule came closest.
        rule: Option<String>,
        /// This condition failed.
        condition: Option<Check>,
        /// With this machine code.
        problem: Option<Problem>,
    },
}

pub(super) fn read(table: &mut Table<'_, '_>, findings: &mut Findings<'_>) -> TestBlock {
    let (name, client) = (table.name("name", findings), table.text("client", findings));
    let (subject, actor) = (table.table("subject", findings), table.table("actor", findings));
    if subject.is_none() {
        findings.error(&table.path("subject"), "is missing; give the claims of the subject token as a table");
    }
    TestBlock {
        name: table.required("name", name, findings),
        client: table.required("client", client, findings),
        subject_issuer: table.text("subject_issuer", findings).unwrap_or_else(|| ISSUER_SELF.to_owned()),
        subject: subject.map(|table| claims(&table, findings)).unwrap_or_default(),
        actor: actor.map(|table| claims(&table, findings)),
        audience: table.texts("audience", findings),
        scope: table.scope("scope", findings).unwrap_or_default(),
        time: table.integer("time", 0..=MAX_TIME, findings).unwrap_or(DEFAULT_TIME),
        expected: read_expected(table, findings),
    }
}

fn read_expected(table: &mut Table<'_, '_>, findings: &mut Findings<'_>) -> Expected {
    let (allow, refuse) = (table.table("allow", findings), table.table("refuse", findings));
    if allow.is_some() == refuse.is_some() {
        findings.error(table.own_path(), "must have allow or refuse, and not both; allow = {} will do");
    }
    if let Some(mut allow) = allow {
        let audience = allow.has("audience").then(|| allow.texts("audience", findings));
        let expected = Expected::Allow {
            rule: allow.text("rule", findings),
            audience,
            scope: allow.scope("scope", findings),
            claims: allow.table("claims", findings).map(|table| claims(&table, findings)).unwrap_or_default(),
        };
        allow.finish(findings);
        return expected;
    }
    let Some(mut refuse) = refuse else { return Expected::Refuse { rule: None, condition: None, problem: None } };
    let checks = Check::ALL.map(|check| (check.as_str(), check));
    let problems: Vec<(&str, Problem)> = Problem::ALL.iter().map(|problem| (problem.slug(), *problem)).collect();
    let (condition, problem) = (refuse.text("condition", findings), refuse.text("problem", findings));
    let expected = Expected::Refuse {
        rule: refuse.text("rule", findings),
        condition: condition.and_then(|word| named(&word, &checks, &refuse.path("condition"), findings)),
        problem: problem.and_then(|word| named(&word, &problems, &refuse.path("problem"), findings)),
    };
    refuse.finish(findings);
    expected
}

fn named<T: Copy>(word: &str, known: &[(&str, T)], path: &str, findings: &mut Findings<'_>) -> Option<T> {
    let found = known.iter().find(|(name, _)| *name == word);
    if found.is_none() {
        let hint = hint(word, known.iter().map(|(name, _)| *name));
        findings.error(path, format_args!("there is no \"{word}\"{hint}"));
    }
    found.map(|(_, value)| *value)
}

/// Claims, whatever they are called.
fn claims(table: &Table<'_, '_>, findings: &mut Findings<'_>) -> Map<String, Value> {
    let entries = table.entries(findings);
    entries.into_iter().filter_map(|(name, path, value)| Some((name, json_of(value, &path, findings)?))).collect()
}
