//! `totp_authenticators`.

use diesel::prelude::*;

use super::{
    Conn, StoreError,
    connection::each,
    rows::{Row, to_name},
    schema::totp_authenticators,
};
use crate::domain::totp::TotpParameters;

/// The `last_step` of one that was not used yet.
const NEVER: i64 = -1;

/// An authenticator app that a user has for an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTotp {
    /// UUID.
    pub id: String,
    /// Whose it is.
    pub user_id: String,
    /// What it is for.
    pub application_id: String,
    /// What the app shows it as.
    pub label: String,
    /// Whom the app shows it to be of.
    pub issuer: String,
    /// How its codes are made.
    pub parameters: TotpParameters,
    /// The secret, sealed under the master key.
    pub sealed: Vec<u8>,
    /// Seconds since 1970.
    pub created_at: i64,
    /// When a code of it was right last, in seconds since 1970.
    pub last_used_at: Option<i64>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = totp_authenticators)]
struct TotpRow {
    id: String,
    application_id: String,
    user_id: String,
    label: String,
    issuer: String,
    algorithm: String,
    digits: i64,
    period: i64,
    secret: Vec<u8>,
    created_at: i64,
    last_used_at: Option<i64>,
}

impl TotpRow {
    fn into_value(self) -> Result<StoredTotp, StoreError> {
        let row = Row { table: "totp_authenticators", key: &self.id };
        let parameters = TotpParameters {
            algorithm: row.name("algorithm", &self.algorithm)?,
            digits: u8::try_from(self.digits).map_err(|_| row.corrupt("digits is no such count"))?,
            period: u32::try_from(self.period).map_err(|_| row.corrupt("period is no such time"))?,
        };
        Ok(StoredTotp {
            parameters,
            id: self.id,
            user_id: self.user_id,
            application_id: self.application_id,
            label: self.label,
            issuer: self.issuer,
            sealed: self.secret,
            created_at: self.created_at,
            last_used_at: self.last_used_at,
        })
    }
}

/// Adds one.
///
/// # Errors
/// There is no such user or application (any more), or the database failed.
pub fn insert(conn: &mut Conn<'_>, environment_id: &str, totp: &StoredTotp) -> Result<(), StoreError> {
    use totp_authenticators as t;
    let row = (
        t::id.eq(&totp.id),
        t::environment_id.eq(environment_id),
        t::application_id.eq(&totp.application_id),
        t::user_id.eq(&totp.user_id),
        t::label.eq(&totp.label),
        t::issuer.eq(&totp.issuer),
        t::algorithm.eq(to_name(&totp.parameters.algorithm)?),
        t::digits.eq(i64::from(totp.parameters.digits)),
        t::period.eq(i64::from(totp.parameters.period)),
        t::secret.eq(&totp.sealed),
        t::last_step.eq(NEVER),
        t::created_at.eq(totp.created_at),
        t::last_used_at.eq(totp.last_used_at),
    );
    each!(conn, c => diesel::insert_into(t::table).values(row).execute(c))?;
    Ok(())
}

/// Those of a user, oldest first; of one application or of all.
///
/// # Errors
/// The database failed, or a row is corrupt.
pub fn of_user(
    conn: &mut Conn<'_>,
    environment_id: &str,
    user_id: &str,
    application_id: Option<&str>,
) -> Result<Vec<StoredTotp>, StoreError> {
    use totp_authenticators as t;
    let rows: Vec<TotpRow> = each!(conn, c => {
        let own = t::table.filter(t::user_id.eq(user_id).and(t::environment_id.eq(environment_id)));
        let mut own = own.order((t::created_at, t::id)).into_boxed();
        if let Some(application_id) = application_id {
            own = own.filter(t::application_id.eq(application_id));
        }
        own.select(TotpRow::as_select()).load(c)
    })?;
    rows.into_iter().map(TotpRow::into_value).collect()
}

/// Uses a code's step up. `false` when it, or a later one, was used already: of any number of callers at the same moment one is
/// told `true`, because the row is changed only where its step is an earlier one.
///
/// # Errors
/// The database failed.
pub fn use_step(conn: &mut Conn<'_>, id: &str, step: i64, now: i64) -> Result<bool, StoreError> {
    use totp_authenticators as t;
    let unused = t::table.find(id).filter(t::last_step.lt(step));
    let changes = (t::last_step.eq(step), t::last_used_at.eq(now));
    Ok(each!(conn, c => diesel::update(unused).set(changes).execute(c))? == 1)
}

/// Deletes those of a user: of one application or of all, and the one with this id or all. Gives how many.
///
/// # Errors
/// The database failed.
pub fn delete(
    conn: &mut Conn<'_>,
    environment_id: &str,
    user_id: &str,
    application_id: Option<&str>,
    id: Option<&str>,
) -> Result<usize, StoreError> {
    use totp_authenticators as t;
    Ok(each!(conn, c => {
        let own = t::user_id.eq(user_id).and(t::environment_id.eq(environment_id));
        let mut own = diesel::delete(t::table.filter(own)).into_boxed();
        if let Some(application_id) = application_id {
            own = own.filter(t::application_id.eq(application_id));
        }
        if let Some(id) = id {
            own = own.filter(t::id.eq(id));
        }
        own.execute(c)
    })?)
}

/// The secret of an authenticator, as it is kept, and what it is bound to.
pub struct SealedSecret {
    /// Where the user is.
    pub environment_id: String,
    /// Whose it is.
    pub user_id: String,
    /// The authenticator.
    pub id: String,
    /// The secret, sealed under the master key.
    pub sealed: Vec<u8>,
}

/// At most `limit` such secrets of all environments after the authenticator `after`, in the order of their ids.
///
/// # Errors
/// The database failed.
pub fn sealed(conn: &mut Conn<'_>, after: &str, limit: i64) -> Result<Vec<SealedSecret>, StoreError> {
    use totp_authenticators as t;
    let next = t::table.filter(t::id.gt(after)).order(t::id).limit(limit);
    let next = next.select((t::environment_id, t::user_id, t::id, t::secret));
    let rows: Vec<(String, String, String, Vec<u8>)> = each!(conn, c => next.load(c))?;
    let value = |(environment_id, user_id, id, sealed)| SealedSecret { environment_id, user_id, id, sealed };
    Ok(rows.into_iter().map(value).collect())
}

/// Puts the same secret back, sealed anew; `false` when its authenticator is gone.
///
/// # Errors
/// The database failed.
pub fn reseal(conn: &mut Conn<'_>, secret: &SealedSecret) -> Result<bool, StoreError> {
    let one = totp_authenticators::table.find(&secret.id);
    let change = totp_authenticators::secret.eq(&secret.sealed);
    Ok(each!(conn, c => diesel::update(one).set(change).execute(c))? == 1)
}
