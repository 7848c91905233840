//! `sessions` and `session_origins`.

use diesel::{prelude::*, sql_types::BigInt};

use super::{
    Conn, StoreError,
    connection::each,
    rows::{Row, to_json, to_name},
    schema::{session_origins, sessions},
};
use crate::domain::{
    revocation::RevocationKind,
    session::{EndReason, RefreshToken, Rotation, Session, SessionEnd, SessionOrigin},
};

/// How many are deleted at once: short enough that nobody waits for the lock.
const DELETE_AT_ONCE: i64 = 500;

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = sessions)]
pub(super) struct SessionRow {
    id: String,
    environment_id: String,
    client_id: String,
    definition: String,
    generation: i64,
    rotated_by: Option<String>,
    rotated_at: Option<i64>,
    created_at: i64,
    last_used_at: i64,
    idle_expires_at: i64,
    expires_at: i64,
    ended_at: Option<i64>,
    end_reason: Option<String>,
}

impl SessionRow {
    pub(super) fn into_value(self) -> Result<Session, StoreError> {
        let row = Row { table: "sessions", key: &self.id };
        let end = match (self.ended_at, &self.end_reason) {
            (Some(at), Some(reason)) => Some(SessionEnd { at, reason: row.name("end_reason", reason)? }),
            (None, None) => None,
            _ => return Err(row.corrupt("it has half an end")),
        };
        Ok(Session {
            grant: row.json("definition", &self.definition)?,
            rotation: self.rotated_by.zip(self.rotated_at).map(|(by, at)| Rotation { by, at }),
            end,
            id: self.id,
            environment_id: self.environment_id,
            client_id: self.client_id,
            generation: self.generation,
            created_at: self.created_at,
            last_used_at: self.last_used_at,
            idle_expires_at: self.idle_expires_at,
            expires_at: self.expires_at,
        })
    }
}

/// Adds one with what it came of.
///
/// # Errors
/// Its id is taken ([`StoreError::Conflict`]), or the database failed.
pub fn insert(conn: &mut Conn<'_>, session: &Session, origins: &[SessionOrigin]) -> Result<(), StoreError> {
    let (by, at) = session.rotation.clone().map(|rotation| (rotation.by, rotation.at)).unzip();
    let row = SessionRow {
        id: session.id.clone(),
        environment_id: session.environment_id.clone(),
        client_id: session.client_id.clone(),
        definition: to_json(&session.grant)?,
        generation: session.generation,
        rotated_by: by,
        rotated_at: at,
        created_at: session.created_at,
        last_used_at: session.last_used_at,
        idle_expires_at: session.idle_expires_at,
        expires_at: session.expires_at,
        ended_at: session.end.map(|end| end.at),
        end_reason: session.end.map(|end| end.reason.as_str().to_owned()),
    };
    each!(conn, c => diesel::insert_into(sessions::table).values(&row).execute(c))?;
    use session_origins as o;
    let rows: Vec<_> = origins
        .iter()
        .map(|(kind, value)| {
            let own = (o::session_id.eq(&session.id), o::environment_id.eq(&session.environment_id));
            (own, o::kind.eq(kind.as_str()), o::value.eq(value))
        })
        .collect();
    each!(conn, c => diesel::insert_into(o::table).values(rows).execute(c))?;
    Ok(())
}

/// The one with this id in this environment.
///
/// # Errors
/// The database failed, or the row is corrupt.
pub fn find(conn: &mut Conn<'_>, environment_id: &str, id: &str) -> Result<Option<Session>, StoreError> {
    let one = sessions::table.find(id).filter(sessions::environment_id.eq(environment_id));
    let row: Option<SessionRow> = each!(conn, c => one.select(SessionRow::as_select()).first(c).optional())?;
    row.map(SessionRow::into_value).transpose()
}

/// The session of a refresh token that was found in the environment.
///
/// # Errors
/// The database failed, or the row is corrupt.
pub fn of_token(conn: &mut Conn<'_>, token: &RefreshToken) -> Result<Option<Session>, StoreError> {
    let one = sessions::table.find(&token.session_id);
    let row: Option<SessionRow> = each!(conn, c => one.select(SessionRow::as_select()).first(c).optional())?;
    row.map(SessionRow::into_value).transpose()
}

/// The first use of a refresh token of the newest generation: counts the generation up. `false` when the session is of a later
/// one already, or over. Of any number of callers at the same moment one is told `true`, because the row is changed only
/// where the generation is still that of the token.
///
/// # Errors
/// The database failed.
pub fn rotate(conn: &mut Conn<'_>, token: &RefreshToken, now: i64, idle_expires_at: i64) -> Result<bool, StoreError> {
    use sessions as t;
    let same = t::table.find(&token.session_id).filter(t::generation.eq(token.generation));
    let open = same.filter(t::ended_at.is_null().and(t::idle_expires_at.gt(now)).and(t::expires_at.gt(now)));
    let changes = (
        t::generation.eq(t::generation + 1),
        t::rotated_by.eq(&token.hash),
        t::rotated_at.eq(now),
        t::last_used_at.eq(now),
        t::idle_expires_at.eq(idle_expires_at),
    );
    Ok(each!(conn, c => diesel::update(open).set(changes).execute(c))? == 1)
}

/// A second use of the refresh token that made the present generation, if that was after `since` (seconds since 1970):
/// gives the generation, and holds the session as it is until the transaction ends. `None` when it is not so (any more).
///
/// # Errors
/// The database failed.
pub fn repeat(conn: &mut Conn<'_>, token: &RefreshToken, since: i64, now: i64) -> Result<Option<i64>, StoreError> {
    use sessions as t;
    let session = t::table.find(&token.session_id);
    let last = session.filter(t::rotated_by.eq(&token.hash).and(t::rotated_at.gt(since)));
    let open = last.filter(t::ended_at.is_null().and(t::idle_expires_at.gt(now)).and(t::expires_at.gt(now)));
    let held = each!(conn, c => diesel::update(open).set(t::last_used_at.eq(now)).execute(c))?;
    if held == 0 {
        return Ok(None);
    }
    Ok(each!(conn, c => session.select(t::generation).first(c).optional())?)
}

/// Ends all open sessions that came of `value`, and gives their ids.
///
/// # Errors
/// The database failed.
pub fn end_all_of(
    conn: &mut Conn<'_>,
    environment_id: &str,
    kind: RevocationKind,
    value: &str,
    reason: EndReason,
    now: i64,
) -> Result<Vec<String>, StoreError> {
    use session_origins as o;
    use sessions as t;
    let of_value = o::environment_id.eq(environment_id).and(o::kind.eq(kind.as_str())).and(o::value.eq(value));
    let ids = o::table.filter(of_value).select(o::session_id);
    let open = t::table.filter(t::id.eq_any(ids).and(t::ended_at.is_null()));
    let changes = (t::ended_at.eq(now), t::end_reason.eq(to_name(&reason)?));
    Ok(each!(conn, c => diesel::update(open).set(changes).returning(t::id).get_results(c))?)
}

/// Keeps those of an environment that have one of these ids until `until` (seconds since 1970) at least, though they be over: a token
/// that lives so long came of them.
///
/// # Errors
/// The database failed.
pub fn keep(conn: &mut Conn<'_>, environment_id: &str, ids: &[String], until: i64) -> Result<(), StoreError> {
    use sessions as t;
    let short =
        t::table.filter(t::environment_id.eq(environment_id).and(t::id.eq_any(ids)).and(t::kept_until.lt(until)));
    each!(conn, c => diesel::update(short).set(t::kept_until.eq(until)).execute(c))?;
    Ok(())
}

/// Deletes some of those that were over at `before` (seconds since 1970), with their refresh tokens; `true` when there may be
/// more. One that others came of stays as long as they do: whoever shows one of its refresh tokens to revoke it must reach them.
///
/// # Errors
/// The database failed.
pub fn sweep(conn: &mut Conn<'_>, before: i64) -> Result<bool, StoreError> {
    let statement = "DELETE FROM sessions WHERE id IN (\
                         SELECT id FROM sessions WHERE idle_expires_at <= $1 AND kept_until <= $1 AND NOT EXISTS (\
                             SELECT 1 FROM session_origins WHERE session_origins.environment_id = sessions.environment_id \
                             AND kind = 'session' AND value = sessions.id AND session_id <> sessions.id) \
                         LIMIT $2)";
    let statement = diesel::sql_query(statement).bind::<BigInt, _>(before).bind::<BigInt, _>(DELETE_AT_ONCE);
    let deleted = each!(conn, c => statement.execute(c))?;
    Ok(i64::try_from(deleted).is_ok_and(|deleted| deleted == DELETE_AT_ONCE))
}
