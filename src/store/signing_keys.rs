//! `signing_keys`. The private halves are sealed before they come here.

use std::fmt;

use diesel::prelude::*;

use super::{Conn, StoreError, connection::each, rows::Row, schema::signing_keys};
use crate::domain::{environment::SigningAlg, signing_key::KeySchedule};

/// A signing key as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// Where it signs.
    pub environment_id: String,
    /// Its JWK thumbprint (RFC 7638).
    pub kid: String,
    /// What it signs with.
    pub alg: SigningAlg,
    /// When it changes state.
    pub schedule: KeySchedule,
    /// The private key, sealed under the master key.
    pub sealed_private_key: Vec<u8>,
    /// The public key as a JWK.
    pub public_jwk: String,
}

impl fmt::Debug for StoredKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredKey")
            .field("environment_id", &self.environment_id)
            .field("kid", &self.kid)
            .field("alg", &self.alg)
            .field("schedule", &self.schedule)
            .finish_non_exhaustive()
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = signing_keys)]
struct KeyRow {
    environment_id: String,
    kid: String,
    alg: String,
    private_key: Vec<u8>,
    public_jwk: String,
    created_at: i64,
    activates_at: i64,
    retires_at: Option<i64>,
    removes_at: Option<i64>,
    tokens_until: i64,
}

impl KeyRow {
    fn from_value(key: &StoredKey) -> Self {
        Self {
            environment_id: key.environment_id.clone(),
            kid: key.kid.clone(),
            alg: key.alg.as_str().to_owned(),
            private_key: key.sealed_private_key.clone(),
            public_jwk: key.public_jwk.clone(),
            created_at: key.schedule.created_at,
            activates_at: key.schedule.activates_at,
            retires_at: key.schedule.retires_at,
            removes_at: key.schedule.removes_at,
            tokens_until: key.schedule.tokens_until,
        }
    }

    fn into_value(self) -> Result<StoredKey, StoreError> {
        let row = Row { table: "signing_keys", key: &self.kid };
        let alg = SigningAlg::from_name(&self.alg).ok_or_else(|| row.corrupt("alg is not known to this version"))?;
        let schedule = KeySchedule {
            created_at: self.created_at,
            activates_at: self.activates_at,
            retires_at: self.retires_at,
            removes_at: self.removes_at,
            tokens_until: self.tokens_until,
        };
        Ok(StoredKey {
            alg,
            schedule,
            environment_id: self.environment_id,
            kid: self.kid,
            sealed_private_key: self.private_key,
            public_jwk: self.public_jwk,
        })
    }
}

/// Those of an environment, oldest first.
///
/// # Errors
/// The database failed, or a row is corrupt.
pub fn list(conn: &mut Conn<'_>, environment_id: &str) -> Result<Vec<StoredKey>, StoreError> {
    use signing_keys as t;
    let all = t::table.filter(t::environment_id.eq(environment_id)).order((t::created_at, t::kid));
    let rows: Vec<KeyRow> = each!(conn, c => all.select(KeyRow::as_select()).load(c))?;
    rows.into_iter().map(KeyRow::into_value).collect()
}

/// Adds one.
///
/// # Errors
/// Its `kid` is taken ([`StoreError::Conflict`]), or the database failed.
pub fn insert(conn: &mut Conn<'_>, key: &StoredKey) -> Result<(), StoreError> {
    let row = KeyRow::from_value(key);
    each!(conn, c => diesel::insert_into(signing_keys::table).values(&row).execute(c))?;
    Ok(())
}

/// Plans anew when one changes state; `false` when there is none.
///
/// # Errors
/// The database failed.
pub fn update_schedule(
    conn: &mut Conn<'_>,
    environment_id: &str,
    kid: &str,
    schedule: &KeySchedule,
) -> Result<bool, StoreError> {
    use signing_keys as t;
    let changes = (
        t::activates_at.eq(schedule.activates_at),
        t::retires_at.eq(schedule.retires_at),
        t::removes_at.eq(schedule.removes_at),
        t::tokens_until.eq(schedule.tokens_until),
    );
    Ok(each!(conn, c => diesel::update(t::table.find((environment_id, kid))).set(changes).execute(c))? == 1)
}

/// A private key as it is kept, and what it is bound to.
pub struct SealedKey {
    /// Where it signs.
    pub environment_id: String,
    /// Its id.
    pub kid: String,
    /// The private key, sealed under the master key.
    pub sealed: Vec<u8>,
}

/// Every private key of every environment, in one order for all who ask.
///
/// # Errors
/// The database failed.
pub fn sealed(conn: &mut Conn<'_>) -> Result<Vec<SealedKey>, StoreError> {
    use signing_keys as t;
    let all = t::table.order((t::environment_id, t::kid)).select((t::environment_id, t::kid, t::private_key));
    let rows: Vec<(String, String, Vec<u8>)> = each!(conn, c => all.load(c))?;
    Ok(rows.into_iter().map(|(environment_id, kid, sealed)| SealedKey { environment_id, kid, sealed }).collect())
}

/// Puts the same private key back, sealed anew; `false` when it is gone.
///
/// # Errors
/// The database failed.
pub fn reseal(conn: &mut Conn<'_>, key: &SealedKey) -> Result<bool, StoreError> {
    let one = signing_keys::table.find((&key.environment_id, &key.kid));
    let change = signing_keys::private_key.eq(&key.sealed);
    Ok(each!(conn, c => diesel::update(one).set(change).execute(c))? == 1)
}

/// Deletes one; `false` when there is none.
///
/// # Errors
/// The database failed.
pub fn delete(conn: &mut Conn<'_>, environment_id: &str, kid: &str) -> Result<bool, StoreError> {
    let one = signing_keys::table.find((environment_id, kid));
    Ok(each!(conn, c => diesel::delete(one).execute(c))? == 1)
}
