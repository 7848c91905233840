//! `authenticator_attempts`.

use diesel::prelude::*;
use openssl::sha::Sha256;

use super::{Conn, StoreError, connection::each, rows::Row, schema::authenticator_attempts};
use crate::domain::login::lockout::{Attempts, Authenticator, Lock};

/// How many are deleted at once: short enough that nobody waits for the lock.
const DELETE_AT_ONCE: i64 = 500;

/// Whose attempts are counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    key: String,
    user_id: Option<String>,
}

impl Holder {
    /// An identifier that is nobody's who could sign in. It is counted like a user, so that neither a lock that never comes nor
    /// an answer that comes sooner tells who there is. Only a hash of it is kept: people type passwords into the wrong field.
    pub fn nobody(environment_id: &str, identifier: &str) -> Self {
        let mut hash = Sha256::new();
        for text in [environment_id, identifier] {
            hash.update(&(text.len() as u64).to_be_bytes());
            hash.update(text.as_bytes());
        }
        let digits: String = hash.finish().iter().map(|byte| format!("{byte:02x}")).collect();
        Self { key: format!("nobody:{digits}"), user_id: None }
    }
}

impl Holder {
    /// The guesses at this holder that come from one network without an application's backend. They are counted apart from the user's, so
    /// that strangers lock themselves out and not the user.
    pub fn guessed_from(&self, environment_id: &str, network: &str) -> Self {
        Self::nobody(environment_id, &format!("{network} {}", self.key))
    }
}

impl From<&str> for Holder {
    /// The user with this id, who must be there.
    fn from(user_id: &str) -> Self {
        Self { key: user_id.to_owned(), user_id: Some(user_id.to_owned()) }
    }
}

impl From<&String> for Holder {
    fn from(user_id: &String) -> Self {
        Self::from(user_id.as_str())
    }
}

impl From<&Holder> for Holder {
    fn from(holder: &Holder) -> Self {
        holder.clone()
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = authenticator_attempts)]
struct AttemptsRow {
    holder: String,
    authenticator: String,
    failures: i64,
    counted_at: Option<i64>,
    locked: bool,
    locked_until: Option<i64>,
    last_succeeded_at: Option<i64>,
    last_failed_at: Option<i64>,
    last_application_id: Option<String>,
}

impl AttemptsRow {
    fn into_value(self) -> Result<(Authenticator, Attempts), StoreError> {
        let row = Row { table: "authenticator_attempts", key: &self.holder };
        let unknown = || row.corrupt("authenticator has a value that is not known");
        let attempts = Attempts {
            failures: u32::try_from(self.failures).map_err(|_| row.corrupt("failures is no count"))?,
            counted_at: self.counted_at,
            lock: self.locked.then_some(Lock { until: self.locked_until }),
            last_succeeded_at: self.last_succeeded_at,
            last_failed_at: self.last_failed_at,
            last_application_id: self.last_application_id,
        };
        Ok((Authenticator::from_name(&self.authenticator).ok_or_else(unknown)?, attempts))
    }
}

/// What is known of the attempts, and nobody else learns or changes it until the transaction ends. Makes the row if there is none.
///
/// # Errors
/// There is no such user, the database failed, or the row is corrupt.
pub fn hold(conn: &mut Conn<'_>, holder: &Holder, authenticator: Authenticator) -> Result<Attempts, StoreError> {
    use authenticator_attempts as t;
    let row = (
        t::holder.eq(&holder.key),
        t::authenticator.eq(authenticator.as_str()),
        t::user_id.eq(&holder.user_id),
        t::failures.eq(0),
        t::locked.eq(false),
    );
    // Writing is what takes the lock of the row, on both engines, whether it was there or not.
    let row: AttemptsRow = each!(conn, c => diesel::insert_into(t::table)
        .values(row)
        .on_conflict((t::holder, t::authenticator))
        .do_update()
        .set(t::failures.eq(t::failures))
        .returning(AttemptsRow::as_returning())
        .get_result(c))?;
    row.into_value().map(|(_, attempts)| attempts)
}

/// Writes what [`hold`] gave, changed, in the same transaction.
///
/// # Errors
/// The database failed.
pub fn write(
    conn: &mut Conn<'_>,
    holder: &Holder,
    authenticator: Authenticator,
    attempts: &Attempts,
) -> Result<(), StoreError> {
    use authenticator_attempts as t;
    let changes = (
        t::failures.eq(i64::from(attempts.failures)),
        t::counted_at.eq(attempts.counted_at),
        t::locked.eq(attempts.lock.is_some()),
        t::locked_until.eq(attempts.lock.and_then(|lock| lock.until)),
        t::last_succeeded_at.eq(attempts.last_succeeded_at),
        t::last_failed_at.eq(attempts.last_failed_at),
        t::last_application_id.eq(&attempts.last_application_id),
    );
    let one = t::table.find((&holder.key, authenticator.as_str()));
    each!(conn, c => diesel::update(one).set(changes).execute(c))?;
    Ok(())
}

/// All that is known of a user's attempts, by kind of authenticator.
///
/// # Errors
/// The database failed, or a row is corrupt.
pub fn of_user(conn: &mut Conn<'_>, user_id: &str) -> Result<Vec<(Authenticator, Attempts)>, StoreError> {
    use authenticator_attempts as t;
    let own = t::table.filter(t::user_id.eq(user_id)).order(t::authenticator);
    let rows: Vec<AttemptsRow> = each!(conn, c => own.select(AttemptsRow::as_select()).load(c))?;
    rows.into_iter().map(AttemptsRow::into_value).collect()
}

/// Deletes some of those that are nobody's and were not counted since `before` (seconds since 1970); `true` when there may be
/// more.
///
/// # Errors
/// The database failed.
pub fn sweep(conn: &mut Conn<'_>, before: i64) -> Result<bool, StoreError> {
    use authenticator_attempts as t;
    let old = t::table.filter(t::user_id.is_null().and(t::counted_at.lt(before))).select(t::holder);
    let holders: Vec<String> = each!(conn, c => old.limit(DELETE_AT_ONCE).load(c))?;
    // Asked again: whoever tried meanwhile goes on being counted.
    let still_old = t::table.filter(t::holder.eq_any(&holders).and(t::user_id.is_null()).and(t::counted_at.lt(before)));
    each!(conn, c => diesel::delete(still_old).execute(c))?;
    Ok(i64::try_from(holders.len()).is_ok_and(|found| found == DELETE_AT_ONCE))
}
