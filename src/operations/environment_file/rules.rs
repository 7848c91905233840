//! `[[exchange_rule]]`.

use super::{
    RuleBlock,
    findings::Findings,
    json::json_of,
    table::{Table, item_path},
};
use crate::{
    domain::{
        claims::RESERVED_CLAIMS,
        condition::Condition,
        environment::MAX_ACCESS_TOKEN_LIFETIME,
        rule::{ClaimRules, Enforcement, ExchangeMode, ExchangeRule, SubjectMatch},
    },
    oauth::scope::Scope,
};

/// The most claims that a rule passes, and the most that it sets.
const MAX_CLAIMS: usize = 32;
/// The most bytes of all claims that a rule sets, as JSON: every token under it carries them in every request.
const MAX_SET_BYTES: usize = 4096;
/// The longest `refresh_lifetime`, in seconds: a year.
const MAX_REFRESH_LIFETIME: i64 = 31_536_000;
/// The longest name of a claim, in bytes.
const MAX_CLAIM_NAME: usize = 128;

pub(super) fn read(table: &mut Table<'_, '_>, findings: &mut Findings<'_>) -> RuleBlock {
    let (name, client) = (table.name("name", findings), table.text("client", findings));
    let rule = ExchangeRule {
        name: table.required("name", name, findings),
        client: table.required("client", client, findings),
        subject: read_subject(table, findings),
        audience: table.texts("audience", findings),
        mode: table
            .choice("mode", &[ExchangeMode::Delegation, ExchangeMode::Impersonation], findings)
            .unwrap_or_default(),
        pass_scopes: table.scope("pass_scopes", findings).unwrap_or(Scope::empty()),
        grant_scopes: table.scope("grant_scopes", findings).unwrap_or(Scope::empty()),
        claims: read_claims(table, findings),
        max_lifetime: table.integer("max_lifetime", 1..=MAX_ACCESS_TOKEN_LIFETIME, findings),
        refresh: table.flag("refresh", findings).unwrap_or_default(),
        refresh_lifetime: table.integer("refresh_lifetime", 60..=MAX_REFRESH_LIFETIME, findings),
        when: read_condition(table, findings),
        mode_of_enforcement: table
            .choice("mode_of_enforcement", &[Enforcement::Enforce, Enforcement::Observe], findings)
            .unwrap_or_default(),
    };
    if rule.refresh_lifetime.is_some() && !rule.refresh {
        findings.error(&table.path("refresh_lifetime"), "needs refresh = true");
    }
    RuleBlock { rule, enabled: table.enabled(findings) }
}

fn read_condition(table: &mut Table<'_, '_>, findings: &mut Findings<'_>) -> Option<Condition> {
    let condition = Condition::new(table.text("when", findings)?);
    if let Some(error) = condition.error() {
        findings.error(&table.path("when"), error);
    }
    Some(condition)
}

fn read_subject(table: &mut Table<'_, '_>, findings: &mut Findings<'_>) -> SubjectMatch {
    let mut subject = SubjectMatch::default();
    let Some(mut table) = table.table("subject", findings) else { return subject };
    if let Some(issuer) = table.text("issuer", findings) {
        subject.issuer = issuer;
    }
    subject.audience = table.text("audience", findings);
    table.finish(findings);
    subject
}

fn read_claims(table: &mut Table<'_, '_>, findings: &mut Findings<'_>) -> ClaimRules {
    let mut claims = ClaimRules::default();
    let Some(mut table) = table.table("claims", findings) else { return claims };
    claims.pass = table.texts("pass", findings);
    for name in &claims.pass {
        check_claim_name(name, &item_path(&table.path("pass"), name), findings);
    }
    if let Some(set) = table.table("set", findings) {
        for (name, path, value) in set.entries(findings) {
            check_claim_name(&name, &path, findings);
            if let Some(value) = json_of(value, &path, findings) {
                claims.set.insert(name, value);
            }
        }
    }
    let bytes = serde_json::to_vec(&claims.set).map_or(usize::MAX, |json| json.len());
    if bytes > MAX_SET_BYTES || claims.set.len() > MAX_CLAIMS {
        let path = table.path("set");
        findings.error(&path, format_args!("may hold {MAX_CLAIMS} claims and {MAX_SET_BYTES} bytes of JSON at most"));
    }
    if claims.pass.len() > MAX_CLAIMS {
        findings.error(&table.path("pass"), format_args!("may name {MAX_CLAIMS} claims at most"));
    }
    table.finish(findings);
    claims
}

/// A rule that could write `sub`, `act` or `scope` could make any token out of any other.
fn check_claim_name(name: &str, path: &str, findings: &mut Findings<'_>) {
    if RESERVED_CLAIMS.contains(&name) {
        findings.error(path, format_args!("\"{name}\" is written by the server only; remove it from the rule"));
    } else if name.is_empty() || name.len() > MAX_CLAIM_NAME {
        findings.error(path, format_args!("the name of a claim must be 1 to {MAX_CLAIM_NAME} bytes long"));
    }
}
