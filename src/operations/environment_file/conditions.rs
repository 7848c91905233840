//! What a condition says of targets and scopes that its rule never gives.

use super::findings::{Findings, hint};
use crate::domain::rule::ExchangeRule;

/// Refuses a condition that compares with what is never there: `!("apj" in request.audience)` would hold of everything, and
/// whoever wrote it believes that it keeps something out.
pub(super) fn check(path: &str, rule: &ExchangeRule, findings: &mut Findings<'_>) {
    let Some(named) = rule.when.as_ref().and_then(|condition| condition.named()) else { return };
    let path = format!("{path}.when");
    if named.no_audience {
        findings.error(
            &path,
            "compares request.audience with an empty list, which it never is: it holds the targets that are given, also \
             where the request names none",
        );
    }
    for target in named.audience.iter().filter(|target| !rule.audience.contains(target)) {
        let hint = hint(target, rule.audience.iter().map(String::as_str));
        findings.error(
            &path,
            format_args!("compares request.audience with \"{target}\", which the rule does not open{hint}"),
        );
    }
    let scopes = rule.pass_scopes.union(&rule.grant_scopes);
    for scope in named.scope.iter().filter(|scope| !scopes.contains(scope)) {
        let hint = hint(scope, scopes.iter());
        findings.error(
            &path,
            format_args!("compares request.scope with \"{scope}\", which the rule neither passes nor grants{hint}"),
        );
    }
}
