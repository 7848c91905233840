//! What the blocks of a file say of each other.

use std::{
    borrow::Cow,
    collections::{HashMap, hash_map::Entry},
    hash::Hash,
};

use super::{
    ClientBlock, EnvironmentFile,
    blocks::check_names,
    conditions,
    findings::{Findings, hint},
    permissions, sign_in,
    table::item_path,
};
use crate::{
    domain::{
        environment::{ResourceServer, TokenTyp},
        permission::PermissionDefinition,
        rule::{ExchangeRule, ISSUER_SELF},
    },
    oauth::{grant_type::GrantType, resource::normal_form, scope::Scope},
};

/// What blocks are known by. Looking through all of them for each of them takes minutes in a large file.
struct Known<'f> {
    file: &'f EnvironmentFile,
    clients: HashMap<&'f str, &'f ClientBlock>,
    /// By the normal form of the audience.
    servers: HashMap<Cow<'f, str>, &'f ResourceServer>,
}

impl<'f> Known<'f> {
    fn of(file: &'f EnvironmentFile) -> Self {
        // Of two with one name the first counts: so it is reported once, where the second stands.
        let clients = file.clients.iter().rev().map(|block| (block.client.id.as_str(), block)).collect();
        let servers =
            file.resource_servers.iter().rev().map(|server| (normal_form(&server.audience), server)).collect();
        Self { file, clients, servers }
    }

    /// The resource server whose audience is one target with `name`.
    fn server(&self, name: &str) -> Option<&'f ResourceServer> {
        self.servers.get(&normal_form(name)).copied()
    }
}

pub(super) fn check(file: &EnvironmentFile, findings: &mut Findings<'_>) {
    let known = Known::of(file);
    check_duplicates(file, findings);
    check_audience_names(&known, findings);
    let client_ids: Vec<&str> = file.clients.iter().map(|block| block.client.id.as_str()).collect();
    for (position, server) in file.resource_servers.iter().enumerate() {
        let list = format!("resource_server[{position}].clients");
        check_names(&list, server.clients.iter().map(String::as_str), "client", &client_ids, findings);
    }
    check_access(&known, findings);
    sign_in::check(file, findings);
    permissions::check(file, findings);
    for (position, block) in file.exchange_rules.iter().enumerate() {
        check_rule(&format!("exchange_rule[{position}]"), &block.rule, &known, findings);
    }
}

fn check_duplicates(file: &EnvironmentFile, findings: &mut Findings<'_>) {
    let audiences = file.resource_servers.iter().map(|server| Some(server.audience.as_str()));
    unique_by("resource_server", "audience", audiences, normal_form, findings);
    let permissions: Vec<Option<String>> = file.permissions.iter().map(full_name).collect();
    unique("permission", "key", permissions.iter().map(Option::as_deref), findings);
    let services = file.managed_services.iter().map(|block| Some(block.service_id.as_str()));
    unique("managed_service", "service_id", services, findings);
    unique("client", "id", file.clients.iter().map(|block| Some(block.client.id.as_str())), findings);
    unique("application", "name", file.applications.iter().map(|block| Some(block.name.as_str())), findings);
    unique("application", "id", file.applications.iter().map(|block| block.id.as_deref()), findings);
    let connections = file.identity_connections.iter().map(|block| Some(block.connection.name.as_str()));
    unique("identity_connection", "name", connections, findings);
    unique("exchange_rule", "name", file.exchange_rules.iter().map(|block| Some(block.rule.name.as_str())), findings);
    unique("test", "name", file.tests.iter().map(|test| Some(test.name.as_str())), findings);
}

/// `None` when half of it is missing, which is reported already.
fn full_name(permission: &PermissionDefinition) -> Option<String> {
    let PermissionDefinition { service_id, key, .. } = permission;
    (!service_id.is_empty() && !key.is_empty()).then(|| format!("{service_id}:{key}"))
}

fn unique<'a>(block: &str, key: &str, values: impl Iterator<Item = Option<&'a str>>, findings: &mut Findings<'_>) {
    unique_by(block, key, values, Cow::Borrowed, findings);
}

/// The same of values that are one where their `form` is.
fn unique_by<'a>(
    block: &str,
    key: &str,
    values: impl Iterator<Item = Option<&'a str>>,
    form: fn(&'a str) -> Cow<'a, str>,
    findings: &mut Findings<'_>,
) {
    // The empty text stands in for a value whose absence is reported already.
    let given =
        values.enumerate().filter_map(|(position, value)| Some((position, value.filter(|value| !value.is_empty())?)));
    for ((position, value), (first, known)) in repeated(given.map(|(position, value)| (form(value), (position, value))))
    {
        let line = findings.line(&format!("{block}[{first}].{key}"));
        let path = format!("{block}[{position}].{key}");
        let spelled = if known == value { String::new() } else { format!(", spelled \"{known}\"") };
        findings.error(&path, format_args!("\"{value}\" is taken on line {line}{spelled}; give this one another"));
    }
}

/// Each value whose key was there before, with the first value of that key.
fn repeated<K: Eq + Hash, V: Copy>(values: impl Iterator<Item = (K, V)>) -> Vec<(V, V)> {
    let mut seen = HashMap::new();
    let mut found = Vec::new();
    for (key, value) in values {
        match seen.entry(key) {
            Entry::Occupied(first) => found.push((value, *first.get())),
            Entry::Vacant(place) => {
                place.insert(value);
            }
        }
    }
    found
}

/// A name in `audience` must mean one thing only (RFC 8693 §2.1, TE-047): a resource server and a client may share one
/// if the client *is* that resource server.
fn check_audience_names(known: &Known<'_>, findings: &mut Findings<'_>) {
    for (position, block) in known.file.clients.iter().enumerate() {
        let id = &block.client.id;
        let server = known.server(id).filter(|_| !id.is_empty());
        let Some(server) = server else { continue };
        let gets_id_tokens =
            block.client.grants.contains(&GrantType::AuthorizationCode) || block.client.sign_in.application.is_some();
        if !server.clients.contains(id) {
            findings.error(
                &format!("client[{position}].id"),
                format_args!(
                    "\"{id}\" is also the audience of a resource server; rename one of them, or add the client to that \
                     resource server's clients if they are the same service"
                ),
            );
        } else if gets_id_tokens && server.token_typ == TokenTyp::Jwt {
            findings.error(
                &format!("client[{position}].id"),
                format_args!(
                    "users sign in to \"{id}\", which is also the audience of a resource server with token_typ = \"JWT\": its ID \
                     tokens would look like access tokens there; rename one of them, or leave token_typ out"
                ),
            );
        }
    }
}

fn check_access(known: &Known<'_>, findings: &mut Findings<'_>) {
    for (position, block) in known.file.clients.iter().enumerate() {
        for (entry, access) in block.client.access.iter().enumerate() {
            let path = format!("client[{position}].access[{entry}]");
            match known.server(&access.audience).filter(|server| server.audience == access.audience) {
                Some(server) => check_scopes(&format!("{path}.scopes"), &access.scopes, &[server], findings),
                None if access.audience.is_empty() => {}
                None => no_resource_server(&format!("{path}.audience"), &access.audience, known.file, findings),
            }
        }
    }
}

fn check_rule(path: &str, rule: &ExchangeRule, known: &Known<'_>, findings: &mut Findings<'_>) {
    let file = known.file;
    check_rule_client(path, rule, known, findings);
    check_subject(path, rule, file, findings);
    let targets: Vec<&ResourceServer> =
        file.resource_servers.iter().filter(|server| rule.audience.contains(&server.audience)).collect();
    if rule.audience.is_empty() {
        findings.error(&format!("{path}.audience"), "names no target; list the resource servers that the rule opens");
    }
    for audience in rule.audience.iter().filter(|name| !targets.iter().any(|target| target.audience == **name)) {
        no_resource_server(&item_path(&format!("{path}.audience"), audience), audience, file, findings);
    }
    if !targets.is_empty() {
        check_scopes(&format!("{path}.pass_scopes"), &rule.pass_scopes, &targets, findings);
        check_scopes(&format!("{path}.grant_scopes"), &rule.grant_scopes, &targets, findings);
        warn_of_scopes_beyond_access(path, rule, known, findings);
    }
    conditions::check(path, rule, findings);
}

fn check_rule_client(path: &str, rule: &ExchangeRule, known: &Known<'_>, findings: &mut Findings<'_>) {
    let path = format!("{path}.client");
    let name = &rule.client;
    if name.is_empty() {
        return;
    }
    let Some(block) = known.clients.get(name.as_str()) else {
        let hint = hint(name, known.file.clients.iter().map(|block| block.client.id.as_str()));
        findings.error(
            &path,
            format_args!("there is no client \"{name}\"{hint}; add a [[client]] block or correct the id"),
        );
        return;
    };
    let can_exchange =
        block.client.grants.iter().any(|grant| matches!(grant, GrantType::TokenExchange | GrantType::Delegation));
    if rule.refresh && !block.client.grants.contains(&GrantType::RefreshToken) {
        findings.error(
            &path,
            format_args!("\"{name}\" cannot use the rule's refresh tokens; add \"refresh_token\" to its grants"),
        );
    }
    if !can_exchange {
        findings.error(
            &path,
            format_args!(
                "\"{name}\" has no grant that uses rules; add \"token_exchange\" or \"delegation\" to its grants"
            ),
        );
    }
}

fn check_subject(path: &str, rule: &ExchangeRule, file: &EnvironmentFile, findings: &mut Findings<'_>) {
    let issuer = &rule.subject.issuer;
    if issuer == ISSUER_SELF {
        if let Some(audience) = &rule.subject.audience
            && !file.resource_servers.iter().any(|server| server.audience == *audience)
        {
            no_resource_server(&format!("{path}.subject.audience"), audience, file, findings);
        }
    } else if !file.identity_connections.iter().any(|block| block.connection.name == *issuer) {
        let names = file.identity_connections.iter().map(|block| block.connection.name.as_str());
        let hint = hint(issuer, names);
        findings.error(
            &format!("{path}.subject.issuer"),
            format_args!("must be \"self\" or the name of an identity connection; there is no \"{issuer}\"{hint}"),
        );
    }
}

/// Reports the scopes that mean nothing at any of the targets (RFC 9068 §3).
fn check_scopes(path: &str, scopes: &Scope, targets: &[&ResourceServer], findings: &mut Findings<'_>) {
    for token in scopes.iter().filter(|token| !targets.iter().any(|target| target.scopes.contains(token))) {
        let names: Vec<String> = targets.iter().map(|target| format!("\"{}\"", target.audience)).collect();
        let known = targets.iter().flat_map(|target| target.scopes.iter());
        let hint = hint(token, known);
        findings.error(
            &item_path(path, token),
            format_args!("\"{token}\" is not a scope of {}{hint}; add it there or remove it here", names.join(" or ")),
        );
    }
}

/// `pass_scopes` stay within what the client may have; beyond that they never have any effect.
fn warn_of_scopes_beyond_access(path: &str, rule: &ExchangeRule, known: &Known<'_>, findings: &mut Findings<'_>) {
    let Some(block) = known.clients.get(rule.client.as_str()) else { return };
    for token in rule.pass_scopes.iter() {
        if !rule.audience.iter().any(|audience| block.client.ceiling(audience).contains(token)) {
            findings.warn(
                &item_path(&format!("{path}.pass_scopes"), token),
                format_args!(
                    "\"{token}\" can never be passed: the client has no access to it at any of the rule's targets; add it \
                     to the client's access, or to grant_scopes if the rule is meant to widen"
                ),
            );
        }
    }
}

fn no_resource_server(path: &str, audience: &str, file: &EnvironmentFile, findings: &mut Findings<'_>) {
    let hint = hint(audience, file.resource_servers.iter().map(|server| server.audience.as_str()));
    findings.error(
        path,
        format_args!(
            "there is no resource server \"{audience}\"{hint}; add a [[resource_server]] block or correct the name"
        ),
    );
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, hash::Hasher};

    use super::*;

    /// A value that counts how often it is compared with others.
    #[derive(Clone, Copy)]
    struct Counted<'c>(usize, &'c Cell<usize>);

    impl PartialEq for Counted<'_> {
        fn eq(&self, other: &Self) -> bool {
            self.1.set(self.1.get() + 1);
            self.0 == other.0
        }
    }

    impl Eq for Counted<'_> {}

    impl Hash for Counted<'_> {
        fn hash<H: Hasher>(&self, state: &mut H) {
            self.0.hash(state);
        }
    }

    #[test]
    fn each_of_many_values_is_looked_up_and_not_compared_with_all_others() {
        let comparisons = Cell::new(0);
        let values = (0..10_000).map(|number| (Counted(number, &comparisons), number));
        let twice = repeated(values.chain([(Counted(7, &comparisons), 10_000)]));
        assert_eq!(twice, [(10_000, 7)]);
        assert!(comparisons.get() < 50_000, "{} comparisons", comparisons.get());
    }
}
