//! `login_sessions` and `login_session_clients`.

use diesel::{prelude::*, sql_types::BigInt};

use super::{
    Conn, StoreError,
    connection::each,
    logout_deliveries,
    rows::{Row, to_json},
    schema::{login_session_clients, login_sessions},
};
use crate::domain::{login::session::LoginSession, secret::SecretHash};

/// How many are deleted at once: short enough that nobody waits for the lock.
const DELETE_AT_ONCE: i64 = 500;

#[derive(Queryable, Selectable)]
#[diesel(table_name = login_sessions)]
struct LoginSessionRow {
    id: String,
    environment_id: String,
    user_id: String,
    secret_hash: String,
    methods: String,
    created_at: i64,
    idle_expires_at: i64,
    expires_at: i64,
    ended_at: Option<i64>,
}

impl LoginSessionRow {
    fn into_value(self) -> Result<LoginSession, StoreError> {
        let row = Row { table: "login_sessions", key: &self.id };
        Ok(LoginSession {
            secret: SecretHash::from_hex(&self.secret_hash).ok_or_else(|| row.corrupt("secret_hash is no hash"))?,
            methods: row.json("methods", &self.methods)?,
            id: self.id,
            environment_id: self.environment_id,
            user_id: self.user_id,
            created_at: self.created_at,
            idle_expires_at: self.idle_expires_at,
            expires_at: self.expires_at,
            ended_at: self.ended_at,
        })
    }
}

/// Adds one.
///
/// # Errors
/// Its id is taken, or its user is gone ([`StoreError::Conflict`]); or the database failed.
pub fn insert(conn: &mut Conn<'_>, session: &LoginSession) -> Result<(), StoreError> {
    use login_sessions as t;
    let row = (
        t::id.eq(&session.id),
        t::environment_id.eq(&session.environment_id),
        t::user_id.eq(&session.user_id),
        t::secret_hash.eq(session.secret.to_hex()),
        t::methods.eq(to_json(&session.methods)?),
        t::created_at.eq(session.created_at),
        t::idle_expires_at.eq(session.idle_expires_at),
        t::expires_at.eq(session.expires_at),
        t::ended_at.eq(session.ended_at),
    );
    each!(conn, c => diesel::insert_into(t::table).values(row).execute(c))?;
    Ok(())
}

/// The one with this id in this environment.
///
/// # Errors
/// The database failed, or the row is corrupt.
pub fn find(conn: &mut Conn<'_>, environment_id: &str, id: &str) -> Result<Option<LoginSession>, StoreError> {
    let one = login_sessions::table.find(id).filter(login_sessions::environment_id.eq(environment_id));
    let row: Option<LoginSessionRow> = each!(conn, c => one.select(LoginSessionRow::as_select()).first(c).optional())?;
    row.map(LoginSessionRow::into_value).transpose()
}

/// The one whose `session_id` has that hash.
///
/// # Errors
/// The database failed, or the row is corrupt.
pub fn of_secret(
    conn: &mut Conn<'_>,
    environment_id: &str,
    secret: &SecretHash,
) -> Result<Option<LoginSession>, StoreError> {
    use login_sessions as t;
    let one = t::table.filter(t::secret_hash.eq(secret.to_hex()).and(t::environment_id.eq(environment_id)));
    let row: Option<LoginSessionRow> = each!(conn, c => one.select(LoginSessionRow::as_select()).first(c).optional())?;
    row.map(LoginSessionRow::into_value).transpose()
}

/// Those of a user that are not over at `now` (seconds since 1970), oldest first.
///
/// # Errors
/// The database failed, or a row is corrupt.
pub fn open_of_user(
    conn: &mut Conn<'_>,
    environment_id: &str,
    user_id: &str,
    now: i64,
) -> Result<Vec<LoginSession>, StoreError> {
    use login_sessions as t;
    let own = t::table.filter(t::user_id.eq(user_id).and(t::environment_id.eq(environment_id)));
    let open = own.filter(t::ended_at.is_null().and(t::idle_expires_at.gt(now)).and(t::expires_at.gt(now)));
    let open = open.order((t::created_at, t::id));
    let rows: Vec<LoginSessionRow> = each!(conn, c => open.select(LoginSessionRow::as_select()).load(c))?;
    rows.into_iter().map(LoginSessionRow::into_value).collect()
}

/// Writes the methods and the idle expiry of `after`, where the session is still as it was in `before`; else `false`, and
/// whoever wants to extend it reads it again.
///
/// # Errors
/// The database failed.
pub fn extend(conn: &mut Conn<'_>, before: &LoginSession, after: &LoginSession) -> Result<bool, StoreError> {
    use login_sessions as t;
    let same = t::table.find(&before.id).filter(t::ended_at.is_null().and(t::methods.eq(to_json(&before.methods)?)));
    let changes = (t::methods.eq(to_json(&after.methods)?), t::idle_expires_at.eq(after.idle_expires_at));
    Ok(each!(conn, c => diesel::update(same).set(changes).execute(c))? == 1)
}

/// Ends one, and notes which clients are to be told; `false` when there is none, or it has ended already.
///
/// # Errors
/// The database failed.
pub fn end(conn: &mut Conn<'_>, environment_id: &str, id: &str, now: i64) -> Result<bool, StoreError> {
    use login_sessions as t;
    let open = t::table.find(id).filter(t::ended_at.is_null().and(t::environment_id.eq(environment_id)));
    let ended = diesel::update(open).set(t::ended_at.eq(now)).returning((t::id, t::user_id));
    let ended: Vec<(String, String)> = each!(conn, c => ended.get_results(c))?;
    logout_deliveries::note(conn, environment_id, &ended, now)?;
    Ok(!ended.is_empty())
}

/// Ends all of a user, notes which clients are to be told, and gives their ids.
///
/// # Errors
/// The database failed.
pub fn end_of_user(
    conn: &mut Conn<'_>,
    environment_id: &str,
    user_id: &str,
    now: i64,
) -> Result<Vec<String>, StoreError> {
    use login_sessions as t;
    let own = t::user_id.eq(user_id).and(t::environment_id.eq(environment_id));
    let open = t::table.filter(own.and(t::ended_at.is_null()));
    let ended = diesel::update(open).set(t::ended_at.eq(now)).returning((t::id, t::user_id));
    let ended: Vec<(String, String)> = each!(conn, c => ended.get_results(c))?;
    logout_deliveries::note(conn, environment_id, &ended, now)?;
    Ok(ended.into_iter().map(|(id, _)| id).collect())
}

/// Notes that a client got tokens of a session.
///
/// # Errors
/// The session is gone ([`StoreError::Conflict`]), or the database failed.
pub fn join(
    conn: &mut Conn<'_>,
    session_id: &str,
    client_id: &str,
    application_id: &str,
    now: i64,
) -> Result<(), StoreError> {
    use login_session_clients as t;
    let row = (
        t::session_id.eq(session_id),
        t::client_id.eq(client_id),
        t::application_id.eq(application_id),
        t::joined_at.eq(now),
    );
    each!(conn, c => diesel::insert_into(t::table).values(row).on_conflict_do_nothing().execute(c))?;
    Ok(())
}

/// The clients that got tokens of a session, in the order in which they came.
///
/// # Errors
/// The database failed.
pub fn clients_of(conn: &mut Conn<'_>, session_id: &str) -> Result<Vec<String>, StoreError> {
    use login_session_clients as t;
    let all = t::table.filter(t::session_id.eq(session_id)).order((t::joined_at, t::client_id)).select(t::client_id);
    Ok(each!(conn, c => all.load(c))?)
}

/// The ids of a user's sessions that have not been ended and of which clients of an application got tokens.
///
/// # Errors
/// The database failed.
pub fn joined_by(
    conn: &mut Conn<'_>,
    environment_id: &str,
    user_id: &str,
    application_id: &str,
) -> Result<Vec<String>, StoreError> {
    use login_session_clients as j;
    use login_sessions as t;
    let joined = j::table.filter(j::application_id.eq(application_id)).select(j::session_id);
    let own = t::table.filter(t::user_id.eq(user_id).and(t::environment_id.eq(environment_id)));
    let own = own.filter(t::ended_at.is_null().and(t::id.eq_any(joined))).select(t::id);
    Ok(each!(conn, c => own.load(c))?)
}

/// Deletes some of those that were over at `before` (seconds since 1970); `true` when there may be more.
///
/// # Errors
/// The database failed.
pub fn sweep(conn: &mut Conn<'_>, before: i64) -> Result<bool, StoreError> {
    let statement =
        "DELETE FROM login_sessions WHERE id IN (SELECT id FROM login_sessions WHERE idle_expires_at <= $1 LIMIT $2)";
    let statement = diesel::sql_query(statement).bind::<BigInt, _>(before).bind::<BigInt, _>(DELETE_AT_ONCE);
    let deleted = each!(conn, c => statement.execute(c))?;
    Ok(i64::try_from(deleted).is_ok_and(|deleted| deleted == DELETE_AT_ONCE))
}
