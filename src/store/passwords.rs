//! `passwords` and `password_history`.

use diesel::prelude::*;

use super::{
    Conn, StoreError,
    connection::each,
    schema::{password_history, passwords},
};
use crate::domain::password::PasswordHash;

/// The most passwords of a user that are remembered, with the present one.
pub const MAX_REMEMBERED: i64 = 20;

/// The password of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPassword {
    /// What is kept of it.
    pub hash: PasswordHash,
    /// Whether the user did not choose it.
    pub temporary: bool,
    /// Counts the passwords that the user has had, from 1.
    pub generation: i64,
    /// Seconds since 1970.
    pub changed_at: i64,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = passwords)]
struct PasswordRow {
    hash: String,
    temporary: bool,
    generation: i64,
    changed_at: i64,
}

impl From<PasswordRow> for StoredPassword {
    fn from(row: PasswordRow) -> Self {
        let PasswordRow { hash, temporary, generation, changed_at } = row;
        Self { hash: PasswordHash::from_stored(hash), temporary, generation, changed_at }
    }
}

/// That of a user; `None` if there is none.
///
/// # Errors
/// The database failed.
pub fn find(conn: &mut Conn<'_>, user_id: &str) -> Result<Option<StoredPassword>, StoreError> {
    let one = passwords::table.find(user_id);
    let row: Option<PasswordRow> = each!(conn, c => one.select(PasswordRow::as_select()).first(c).optional())?;
    Ok(row.map(Into::into))
}

/// Those of users, each with the user's id.
///
/// # Errors
/// The database failed.
pub fn of_users(conn: &mut Conn<'_>, ids: &[String]) -> Result<Vec<(String, StoredPassword)>, StoreError> {
    use passwords as t;
    let some = t::table.filter(t::user_id.eq_any(ids));
    let rows: Vec<(String, PasswordRow)> =
        each!(conn, c => some.select((t::user_id, PasswordRow::as_select())).load(c))?;
    Ok(rows.into_iter().map(|(user_id, row)| (user_id, row.into())).collect())
}

/// Gives a user the first one; `false` when there is one already.
///
/// # Errors
/// There is no such user, or the database failed.
pub fn insert(
    conn: &mut Conn<'_>,
    user_id: &str,
    hash: &PasswordHash,
    temporary: bool,
    now: i64,
) -> Result<bool, StoreError> {
    use passwords as t;
    let row = (
        t::user_id.eq(user_id),
        t::hash.eq(hash.as_str()),
        t::temporary.eq(temporary),
        t::generation.eq(1),
        t::changed_at.eq(now),
    );
    let added = each!(conn, c => diesel::insert_into(t::table).values(row).on_conflict_do_nothing().execute(c))?;
    Ok(added == 1)
}

/// Puts another one in the place of `before`, which is remembered; `false` when that is not the present one any more. Of any number
/// of callers at the same moment one is told `true`, because the row is changed only where its generation is still that.
///
/// # Errors
/// The database failed.
pub fn replace(
    conn: &mut Conn<'_>,
    user_id: &str,
    before: &StoredPassword,
    hash: &PasswordHash,
    temporary: bool,
    now: i64,
) -> Result<bool, StoreError> {
    use passwords as t;
    let one = t::table.find(user_id).filter(t::generation.eq(before.generation));
    let changes = (
        t::hash.eq(hash.as_str()),
        t::temporary.eq(temporary),
        t::generation.eq(before.generation + 1),
        t::changed_at.eq(now),
    );
    if each!(conn, c => diesel::update(one).set(changes).execute(c))? == 0 {
        return Ok(false);
    }
    use password_history as h;
    let row = (h::user_id.eq(user_id), h::generation.eq(before.generation), h::hash.eq(before.hash.as_str()));
    each!(conn, c => diesel::insert_into(h::table).values(row).execute(c))?;
    let old = h::table.filter(h::user_id.eq(user_id).and(h::generation.le(before.generation + 1 - MAX_REMEMBERED)));
    each!(conn, c => diesel::delete(old).execute(c))?;
    Ok(true)
}

/// The same password under another hash; `false` when it is another password by now.
///
/// # Errors
/// The database failed.
pub fn rehash(
    conn: &mut Conn<'_>,
    user_id: &str,
    before: &PasswordHash,
    after: &PasswordHash,
) -> Result<bool, StoreError> {
    use passwords as t;
    let one = t::table.find(user_id).filter(t::hash.eq(before.as_str()));
    Ok(each!(conn, c => diesel::update(one).set(t::hash.eq(after.as_str())).execute(c))? == 1)
}

/// The passwords before the present one, the latest first; at most `most`.
///
/// # Errors
/// The database failed.
pub fn history(conn: &mut Conn<'_>, user_id: &str, most: i64) -> Result<Vec<PasswordHash>, StoreError> {
    use password_history as t;
    let all = t::table.filter(t::user_id.eq(user_id)).order(t::generation.desc()).limit(most).select(t::hash);
    let hashes: Vec<String> = each!(conn, c => all.load(c))?;
    Ok(hashes.into_iter().map(PasswordHash::from_stored).collect())
}
