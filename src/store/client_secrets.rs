//! `client_secrets`: at most two of a client are in use at once, so that one can be replaced without an outage.

use diesel::prelude::*;
use serde_json::{Value, json};

use super::{
    Conn, StoreError,
    bulk::{Bulk, Write, write},
    connection::each,
    rows::Row,
    schema::client_secrets,
};
use crate::domain::{client::ClientSecret, secret::SecretHash};

/// The most secrets of a client that are active at once.
const MOST_ACTIVE: usize = 2;

/// Where a secret came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretOrigin {
    /// Given in an environment file.
    File,
    /// Made by the server.
    Generated,
}

impl SecretOrigin {
    const fn as_str(self) -> &'static str {
        match self {
            SecretOrigin::File => "file",
            SecretOrigin::Generated => "generated",
        }
    }
}

/// A secret as it is kept.
#[derive(Debug, Clone)]
pub struct StoredSecret {
    /// Itself.
    pub secret: ClientSecret,
    /// Where it came from.
    pub origin: SecretOrigin,
    /// Seconds since 1970.
    pub created_at: i64,
    /// When it was last used, in seconds since 1970, about a minute behind; `None` if never.
    pub last_used_at: Option<i64>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = client_secrets)]
struct SecretRow {
    id: String,
    client_id: String,
    hash: String,
    origin: String,
    created_at: i64,
    expires_at: Option<i64>,
    last_used_at: Option<i64>,
}

impl SecretRow {
    fn into_value(self) -> Result<(String, StoredSecret), StoreError> {
        let row = Row { table: "client_secrets", key: &self.id };
        let hash = SecretHash::from_hex(&self.hash).ok_or_else(|| row.corrupt("hash is not 64 hexadecimal digits"))?;
        let origin = [SecretOrigin::File, SecretOrigin::Generated].into_iter().find(|o| o.as_str() == self.origin);
        let origin = origin.ok_or_else(|| row.corrupt("origin is not known to this version"))?;
        let secret = ClientSecret::new(self.id, hash, self.expires_at);
        let (created_at, last_used_at) = (self.created_at, self.last_used_at);
        Ok((self.client_id, StoredSecret { secret, origin, created_at, last_used_at }))
    }
}

/// Those of a client, newest first, expired ones included.
///
/// # Errors
/// The database failed, or a row is corrupt.
pub fn list(conn: &mut Conn<'_>, environment_id: &str, client_id: &str) -> Result<Vec<StoredSecret>, StoreError> {
    use client_secrets as t;
    let own = t::table
        .filter(t::environment_id.eq(environment_id).and(t::client_id.eq(client_id)))
        .order((t::created_at.desc(), t::id));
    let rows: Vec<SecretRow> = each!(conn, c => own.select(SecretRow::as_select()).load(c))?;
    rows.into_iter().map(|row| row.into_value().map(|(_, secret)| secret)).collect()
}

/// Those of every client of an environment, with the client's id; newest first.
pub(super) fn of_environment(
    conn: &mut Conn<'_>,
    environment_id: &str,
) -> Result<Vec<(String, StoredSecret)>, StoreError> {
    use client_secrets as t;
    let all = t::table.filter(t::environment_id.eq(environment_id)).order((t::created_at.desc(), t::id));
    let rows: Vec<SecretRow> = each!(conn, c => all.select(SecretRow::as_select()).load(c))?;
    rows.into_iter().map(SecretRow::into_value).collect()
}

/// Those of some clients, with the client's id; newest first.
pub(super) fn of_clients(
    conn: &mut Conn<'_>,
    environment_id: &str,
    client_ids: &[&str],
) -> Result<Vec<(String, StoredSecret)>, StoreError> {
    use client_secrets as t;
    let theirs = t::table
        .filter(t::environment_id.eq(environment_id).and(t::client_id.eq_any(client_ids)))
        .order((t::created_at.desc(), t::id));
    let rows: Vec<SecretRow> = each!(conn, c => theirs.select(SecretRow::as_select()).load(c))?;
    rows.into_iter().map(SecretRow::into_value).collect()
}

/// Gives a client a new secret. Of its others only the newest active one stays good, and until `previous_until` (seconds since 1970)
/// at the latest; with `previous_until <= now` none does. So there are never more than two.
///
/// A secret of a file that a generated one replaces is kept as expired: when the unchanged file is applied again, it is known, and does
/// not come back.
///
/// In a transaction, after `environments::touch`: otherwise two at once could leave three.
///
/// # Errors
/// There is no such client, or the database failed.
pub fn replace(
    conn: &mut Conn<'_>,
    environment_id: &str,
    client_id: &str,
    secret: &ClientSecret,
    origin: SecretOrigin,
    now: i64,
    previous_until: i64,
) -> Result<(), StoreError> {
    let others = list(conn, environment_id, client_id)?;
    let kept = others.iter().find(|other| previous_until > now && other.secret.is_active(now));
    let remembered =
        others.iter().find(|other| (origin, other.origin) == (SecretOrigin::Generated, SecretOrigin::File));
    for other in &others {
        let is = |one: Option<&StoredSecret>| one.is_some_and(|one| one.secret.id == other.secret.id);
        if is(kept) {
            expire(conn, &other.secret, previous_until)?;
        } else if is(remembered) {
            // Long ago, so that it is dead on nodes whose clocks are behind this one's too.
            expire(conn, &other.secret, 0)?;
        } else {
            delete(conn, &other.secret.id)?;
        }
    }
    insert(conn, environment_id, client_id, secret, origin, now)
}

/// Gives a client a second secret, beside the one that it has; `false` if it has two that are active at `now` (seconds since 1970).
/// Generated ones that have expired are deleted; those of a file stay known (see [`replace`]).
///
/// In a transaction, after `environments::touch`: otherwise two at once could leave three.
///
/// # Errors
/// There is no such client, or the database failed.
pub fn add(
    conn: &mut Conn<'_>,
    environment_id: &str,
    client_id: &str,
    secret: &ClientSecret,
    now: i64,
) -> Result<bool, StoreError> {
    let (active, expired): (Vec<_>, Vec<_>) =
        list(conn, environment_id, client_id)?.into_iter().partition(|other| other.secret.is_active(now));
    if active.len() >= MOST_ACTIVE {
        return Ok(false);
    }
    for other in expired.iter().filter(|other| other.origin == SecretOrigin::Generated) {
        delete(conn, &other.secret.id)?;
    }
    insert(conn, environment_id, client_id, secret, SecretOrigin::Generated, now)?;
    Ok(true)
}

/// Adds the first secrets of clients that were just made, by the clients' ids. For a transaction that is to be short: what it has to
/// do is prepared now.
///
/// # Errors
/// The rows cannot be written as JSON; what is given back fails where there is no such client.
pub fn inserting(
    environment_id: String,
    all: Vec<(String, ClientSecret)>,
    origin: SecretOrigin,
    now: i64,
) -> Result<Write, StoreError> {
    let columns = ["id", "environment_id", "client_id", "hash", "origin", "created_at", "expires_at"];
    let row = |(client_id, secret): &(String, ClientSecret)| {
        let (hash, origin) = (secret.hash.to_hex(), origin.as_str());
        [
            json!(secret.id),
            json!(environment_id),
            json!(client_id),
            json!(hash),
            json!(origin),
            json!(now),
            json!(secret.expires_at),
        ]
    };
    let rows: Vec<Vec<Value>> = all.iter().map(|one| row(one).to_vec()).collect();
    let bulk = Bulk::insert("client_secrets", &columns, "", &rows)?;
    let each = move |conn: &mut Conn<'_>| {
        all.iter().try_for_each(|(client_id, secret)| insert(conn, &environment_id, client_id, secret, origin, now))
    };
    Ok(write(bulk, each))
}

fn insert(
    conn: &mut Conn<'_>,
    environment_id: &str,
    client_id: &str,
    secret: &ClientSecret,
    origin: SecretOrigin,
    now: i64,
) -> Result<(), StoreError> {
    let row = (
        client_secrets::id.eq(&secret.id),
        client_secrets::environment_id.eq(environment_id),
        client_secrets::client_id.eq(client_id),
        client_secrets::hash.eq(secret.hash.to_hex()),
        client_secrets::origin.eq(origin.as_str()),
        client_secrets::created_at.eq(now),
        client_secrets::expires_at.eq(secret.expires_at),
    );
    each!(conn, c => diesel::insert_into(client_secrets::table).values(row).execute(c))?;
    Ok(())
}

/// Lets one expire at `at` (seconds since 1970), if it does not earlier. After `environments::touch`, so that every node hears of it.
///
/// # Errors
/// The database failed.
pub fn expire(conn: &mut Conn<'_>, secret: &ClientSecret, at: i64) -> Result<(), StoreError> {
    let at = secret.expires_at.map_or(at, |expires_at| expires_at.min(at));
    let one = client_secrets::table.find(&secret.id);
    each!(conn, c => diesel::update(one).set(client_secrets::expires_at.eq(at)).execute(c))?;
    Ok(())
}

/// Deletes one; `false` when there is none.
///
/// # Errors
/// The database failed.
pub fn delete(conn: &mut Conn<'_>, id: &str) -> Result<bool, StoreError> {
    Ok(each!(conn, c => diesel::delete(client_secrets::table.find(id)).execute(c))? == 1)
}
