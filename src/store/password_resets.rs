//! `password_resets`.

use diesel::{prelude::*, sql_types::BigInt};

use super::{
    Conn, StoreError,
    connection::each,
    rows::{Row, to_json},
    schema::password_resets,
};
use crate::domain::login::reset::PasswordReset;

/// How many are deleted at once: short enough that nobody waits for the lock.
const DELETE_AT_ONCE: i64 = 500;

#[derive(Queryable, Selectable)]
#[diesel(table_name = password_resets)]
struct ResetRow {
    token_hash: String,
    user_id: String,
    application_id: String,
    methods: String,
    needs_second_factor: bool,
    generation: Option<i64>,
    expires_at: i64,
}

impl ResetRow {
    fn into_value(self) -> Result<PasswordReset, StoreError> {
        let row = Row { table: "password_resets", key: &self.token_hash };
        Ok(PasswordReset {
            methods: row.json("methods", &self.methods)?,
            token_hash: self.token_hash,
            user_id: self.user_id,
            application_id: self.application_id,
            needs_second_factor: self.needs_second_factor,
            generation: self.generation,
            expires_at: self.expires_at,
        })
    }
}

/// Adds one.
///
/// # Errors
/// There is no such user or application (any more), or the database failed.
pub fn insert(conn: &mut Conn<'_>, environment_id: &str, reset: &PasswordReset) -> Result<(), StoreError> {
    use password_resets as t;
    let row = (
        t::token_hash.eq(&reset.token_hash),
        t::environment_id.eq(environment_id),
        t::user_id.eq(&reset.user_id),
        t::application_id.eq(&reset.application_id),
        t::methods.eq(to_json(&reset.methods)?),
        t::needs_second_factor.eq(reset.needs_second_factor),
        t::generation.eq(reset.generation),
        t::expires_at.eq(reset.expires_at),
    );
    each!(conn, c => diesel::insert_into(t::table).values(row).execute(c))?;
    Ok(())
}

/// The one with this hash in this environment, unless its time is over at `now`.
///
/// # Errors
/// The database failed, or the row is corrupt.
pub fn find(
    conn: &mut Conn<'_>,
    environment_id: &str,
    token_hash: &str,
    now: i64,
) -> Result<Option<PasswordReset>, StoreError> {
    use password_resets as t;
    let one = t::table.find(token_hash).filter(t::environment_id.eq(environment_id).and(t::expires_at.gt(now)));
    let row: Option<ResetRow> = each!(conn, c => one.select(ResetRow::as_select()).first(c).optional())?;
    row.map(ResetRow::into_value).transpose()
}

/// Uses one up; `false` when somebody was faster. Of any number of callers at the same moment one is told `true`.
///
/// # Errors
/// The database failed.
pub fn take(conn: &mut Conn<'_>, token_hash: &str) -> Result<bool, StoreError> {
    let one = password_resets::table.find(token_hash);
    Ok(each!(conn, c => diesel::delete(one).execute(c))? == 1)
}

/// Deletes those of a user.
///
/// # Errors
/// The database failed.
pub fn delete_of_user(conn: &mut Conn<'_>, user_id: &str) -> Result<(), StoreError> {
    let all = password_resets::table.filter(password_resets::user_id.eq(user_id));
    each!(conn, c => diesel::delete(all).execute(c))?;
    Ok(())
}

/// Deletes some of those that were over at `before` (seconds since 1970); `true` when there may be more.
///
/// # Errors
/// The database failed.
pub fn sweep(conn: &mut Conn<'_>, before: i64) -> Result<bool, StoreError> {
    let statement = "DELETE FROM password_resets WHERE token_hash IN \
                     (SELECT token_hash FROM password_resets WHERE expires_at <= $1 LIMIT $2)";
    let statement = diesel::sql_query(statement).bind::<BigInt, _>(before).bind::<BigInt, _>(DELETE_AT_ONCE);
    let deleted = each!(conn, c => statement.execute(c))?;
    Ok(i64::try_from(deleted).is_ok_and(|deleted| deleted == DELETE_AT_ONCE))
}
