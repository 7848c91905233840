//! `totp_transactions`: what users are asked to confirm with a code, until they do or it expires.

use diesel::{prelude::*, sql_types::BigInt};

use super::{Conn, StoreError, connection::each, schema::totp_transactions};

/// How many are deleted at once: short enough that nobody waits for the lock.
const DELETE_AT_ONCE: i64 = 500;

/// One that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = totp_transactions)]
pub struct Transaction {
    /// UUID.
    pub id: String,
    /// Where.
    pub application_id: String,
    /// Who is asked; `None` when the identifier is nobody's.
    pub user_id: Option<String>,
    /// What names it to the user.
    pub challenge: String,
    /// What is to be confirmed, as JSON.
    pub approval_data: String,
    /// Seconds since 1970.
    pub expires_at: i64,
}

/// Adds one.
///
/// # Errors
/// The user has one with this challenge at this application ([`StoreError::Conflict`]), or the database failed.
pub fn insert(conn: &mut Conn<'_>, environment_id: &str, one: &Transaction) -> Result<(), StoreError> {
    use totp_transactions as t;
    let row = (
        t::id.eq(&one.id),
        t::environment_id.eq(environment_id),
        t::application_id.eq(&one.application_id),
        t::user_id.eq(&one.user_id),
        t::challenge.eq(&one.challenge),
        t::approval_data.eq(&one.approval_data),
        t::expires_at.eq(one.expires_at),
    );
    each!(conn, c => diesel::insert_into(t::table).values(row).execute(c))?;
    Ok(())
}

/// The one of this challenge that waits for the user at `now` (seconds since 1970).
///
/// # Errors
/// The database failed.
pub fn waiting(
    conn: &mut Conn<'_>,
    user_id: &str,
    application_id: &str,
    challenge: &str,
    now: i64,
) -> Result<Option<Transaction>, StoreError> {
    use totp_transactions as t;
    let one = t::table
        .filter(t::user_id.eq(user_id).and(t::application_id.eq(application_id)))
        .filter(t::challenge.eq(challenge).and(t::expires_at.gt(now)));
    Ok(each!(conn, c => one.select(Transaction::as_select()).first(c).optional())?)
}

/// Ends one. `false` when it has ended already: of any number of callers at the same moment one is told `true`.
///
/// # Errors
/// The database failed.
pub fn take(conn: &mut Conn<'_>, id: &str) -> Result<bool, StoreError> {
    Ok(each!(conn, c => diesel::delete(totp_transactions::table.find(id)).execute(c))? == 1)
}

/// Deletes some of those that had expired at `now` (seconds since 1970); `true` when there may be more.
///
/// # Errors
/// The database failed.
pub fn sweep(conn: &mut Conn<'_>, now: i64) -> Result<bool, StoreError> {
    let statement =
        "DELETE FROM totp_transactions WHERE id IN (SELECT id FROM totp_transactions WHERE expires_at <= $1 LIMIT $2)";
    let statement = diesel::sql_query(statement).bind::<BigInt, _>(now).bind::<BigInt, _>(DELETE_AT_ONCE);
    let deleted = each!(conn, c => statement.execute(c))?;
    Ok(i64::try_from(deleted).is_ok_and(|deleted| deleted == DELETE_AT_ONCE))
}
