//! The rules of the database and those of a file, side by side.

use std::collections::HashMap;

use super::replay::Asked;
use crate::{
    audit::RecordedToken,
    domain::{
        client::Client,
        connection::IdentityConnection,
        environment::{Environment, ResourceServer},
        exchange::{Check, ExchangeRequest, Granted, Policy, Presented, Refused, Standing},
        rule::{ExchangeRule, ISSUER_SELF},
    },
    oauth::{error::Problem, scope::Scope},
    operations::{environment_file::EnvironmentFile, explain::explain},
    store::{Conn, Origin, StoreError, clients, environments, exchange_rules, identity_connections, resource_servers},
};

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// What is in force.
    Database,
    /// What would be.
    File,
}

/// All that an exchange is decided by.
struct Rules {
    clients: HashMap<String, Client>,
    rules: Vec<ExchangeRule>,
    resource_servers: Vec<ResourceServer>,
    /// The names of those that are enabled.
    connections: Vec<String>,
    lifetime: i64,
}

/// Both.
pub(super) struct Policies {
    pub environment_id: String,
    issuer: String,
    database: Rules,
    file: Rules,
}

impl Policies {
    /// Reads what is in force in `environment`, and works out what `file` would make of it.
    pub(super) fn load(
        conn: &mut Conn<'_>,
        environment: &Environment,
        file: &EnvironmentFile,
        public_url: &str,
    ) -> Result<Self, StoreError> {
        let id = &environment.id;
        let stored_clients = clients::list(conn, id)?;
        let stored_connections = identity_connections::list(conn, id)?;
        let rules = exchange_rules::list(conn, id)?;
        let by_id = |client: Client| (client.id.clone(), client);
        let enabled = |connection: &IdentityConnection| connection.enabled.then(|| connection.name.clone());
        // What the file does not name goes out of force, unless it is none of the file's business.
        let others = stored_clients.iter().filter(|stored| stored.origin == Origin::Command);
        let other_connections = stored_connections.iter().filter(|stored| {
            let is_named =
                file.identity_connections.iter().any(|named| named.connection.name == stored.connection.name);
            stored.origin == Origin::Command && !is_named
        });
        let after = Rules {
            clients: others
                .map(|stored| by_id(stored.client.clone()))
                .chain(file.clients.iter().map(|block| by_id(block.client.clone())))
                .collect(),
            rules: file.exchange_rules.iter().filter(|block| block.enabled).map(|block| block.rule.clone()).collect(),
            resource_servers: file.resource_servers.clone(),
            connections: other_connections
                .map(|stored| &stored.connection)
                .chain(file.identity_connections.iter().map(|block| &block.connection))
                .filter_map(enabled)
                .collect(),
            lifetime: file.environment.access_token_lifetime,
        };
        let lifetime = environments::find(conn, id)?.map(|stored| stored.environment.access_token_lifetime);
        let before = Rules {
            clients: stored_clients.into_iter().map(|stored| by_id(stored.client)).collect(),
            rules: rules.into_iter().filter(|stored| stored.enabled).map(|stored| stored.rule).collect(),
            resource_servers: resource_servers::list(conn, id)?,
            connections: stored_connections.iter().filter_map(|stored| enabled(&stored.connection)).collect(),
            lifetime: lifetime.unwrap_or(environment.access_token_lifetime),
        };
        Ok(Self { environment_id: id.clone(), issuer: environment.issuer(public_url), database: before, file: after })
    }

    /// Why this request cannot be decided from its record, if it cannot.
    pub(super) fn cannot_replay(&self, asked: &Asked<'_>) -> Option<String> {
        let all = self.database.rules.iter().chain(&self.file.rules);
        let for_it =
            all.filter(|rule| rule.client == asked.client_id && rule.subject.issuer == asked.request.subject_issuer);
        for rule in for_it {
            let Some(condition) = rule.when.as_ref().filter(|condition| condition.error().is_none()) else { continue };
            match condition.claims() {
                None => {
                    return Some(format!(
                        "rule {:?} looks at claims as a whole, and records hold only some",
                        rule.name
                    ));
                }
                Some(claims) => {
                    let lacking = claims.iter().find(|claim| !RecordedToken::CLAIMS.contains(&claim.as_str()));
                    if let Some(claim) = lacking {
                        return Some(format!(
                            "rule {:?} looks at the claim {claim:?}, which records do not hold",
                            rule.name
                        ));
                    }
                }
            }
        }
        None
    }

    /// What one of them says.
    pub(super) fn decide(&self, side: Side, asked: &Asked<'_>) -> Result<Granted, Refused> {
        let rules = if side == Side::Database { &self.database } else { &self.file };
        let request = asked.request;
        let gone = |problem, reason| Err(Refused::new(problem, Check::Standing, reason));
        let Some(client) = rules.clients.get(asked.client_id) else {
            return gone(Problem::ClientAuthenticationFailed, "the client is not there");
        };
        if request.subject_issuer != ISSUER_SELF && !rules.connections.contains(&request.subject_issuer) {
            return gone(Problem::ConnectionNotActive, "the identity connection is disabled or not there");
        }
        let policy = Policy {
            issuer: &self.issuer,
            rules: &rules.rules,
            resource_servers: &rules.resource_servers,
            lifetime: rules.lifetime,
            now: asked.time,
        };
        let scope = Scope::parse(asked.scope).ok().filter(|scope| !scope.is_empty());
        let exchange = ExchangeRequest {
            targets: &request.audience,
            scope: scope.as_ref(),
            requested_token_type: request.requested_token_type.as_deref(),
            grant_type: asked.grant,
        };
        let (subject, actor) = (request.subject.token(), request.actor.as_ref().map(RecordedToken::token));
        let standing = Standing::Good;
        let presented = Presented { token: &subject, origin: &request.subject_issuer, standing };
        let actor = actor.as_ref().map(|token| Presented { token, origin: ISSUER_SELF, standing });
        explain(client, presented, actor, exchange, &policy).decision
    }
}
