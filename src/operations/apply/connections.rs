//! Compares identity connections with the database, with the secrets that this server has at their providers.

use super::{
    ApplyContext, ApplyError, Change,
    blocks::Block as _,
    plan::{Planned, plan_blocks},
    sealing::kept_secret,
};
use crate::{
    domain::connection::{IdentityConnection, SignInClient, TokenEndpointAuth},
    jose::master_key::sign_in_secret_aad,
    operations::environment_file::{ConnectionBlock, EnvironmentFile, SignInBlock},
    store::{Conn, identity_connections},
};

pub(super) fn plan_connections(
    conn: &mut Conn<'_>,
    planned: &mut Planned,
    context: &ApplyContext<'_>,
    file: &EnvironmentFile,
) -> Result<(), ApplyError> {
    let environment_id = planned.environment.id.clone();
    let now = context.keys.now;
    let stored = identity_connections::list(conn, &environment_id)?;
    let stored: Vec<_> = stored.into_iter().map(|stored| (stored.connection, stored.origin)).collect();
    let mut wanted = Vec::new();
    let mut secrets = Vec::new();
    for ConnectionBlock { connection, sign_in } in &file.identity_connections {
        let known = stored.iter().map(|(known, _)| known).find(|known| known.name == connection.name);
        let known = known.and_then(|known| known.sign_in.as_ref());
        let place = [environment_id.as_str(), connection.name.as_str()];
        let sign_in =
            sign_in.as_ref().map(|sign_in| wanted_sign_in(conn, context, place, sign_in, known)).transpose()?;
        let connection = IdentityConnection { sign_in, ..connection.clone() };
        secrets.extend(secret_change(&connection, known).map(|change| (change, connection.clone())));
        wanted.push(connection);
    }
    plan_blocks(planned, context, stored, wanted)?;
    for (change, connection) in secrets {
        let environment_id = environment_id.clone();
        planned.add(change, move |conn| Ok(connection.upsert(conn, &environment_id, now)?));
    }
    Ok(())
}

fn wanted_sign_in(
    conn: &mut Conn<'_>,
    context: &ApplyContext<'_>,
    [environment_id, connection]: [&str; 2],
    wanted: &SignInBlock,
    known: Option<&SignInClient>,
) -> Result<SignInClient, ApplyError> {
    let known = known.map(|known| (&known.secret_sha256, known.sealed_secret.as_slice()));
    let aad = sign_in_secret_aad(environment_id, connection);
    let (secret_sha256, sealed_secret) = kept_secret(conn, context, environment_id, &wanted.secret, known, &aad)?;
    Ok(SignInClient {
        client_id: wanted.client_id.clone(),
        authorization_endpoint: wanted.authorization_endpoint.clone(),
        token_endpoint: wanted.token_endpoint.clone(),
        scopes: wanted.scopes.clone(),
        token_endpoint_auth_method: wanted.token_endpoint_auth_method,
        response_mode: wanted.response_mode,
        iss_required: wanted.iss_required,
        secret_sha256,
        sealed_secret,
    })
}

/// A changed secret is a change of its own, because a plan shows neither it nor its hash.
fn secret_change(wanted: &IdentityConnection, known: Option<&SignInClient>) -> Option<Change> {
    let has_secret = |client: &&SignInClient| client.token_endpoint_auth_method != TokenEndpointAuth::None;
    let wanted_hash = wanted.sign_in.as_ref().filter(has_secret)?.secret_sha256;
    let known = known.filter(has_secret);
    let sign = match known {
        None => '+',
        Some(known) if known.secret_sha256.equals(&wanted_hash) => return None,
        Some(_) => '~',
    };
    Some(Change::of(sign, "sign-in secret of identity connection", &wanted.name))
}
