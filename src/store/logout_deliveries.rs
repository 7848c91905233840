//! `logout_deliveries`: the clients that are still to be told that a session has ended.

use diesel::prelude::*;

use super::{
    Conn, StoreError,
    connection::each,
    rows::Row,
    schema::{clients, login_session_clients, logout_deliveries},
};
use crate::domain::client::ClientSignIn;

/// One client that is to be told of one session.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = logout_deliveries)]
pub struct LogoutDelivery {
    /// The session: `sid`.
    pub session_id: String,
    /// The client: `aud`.
    pub client_id: String,
    /// Its environment.
    pub environment_id: String,
    /// The user: `sub`.
    pub user_id: String,
    /// When the session ended, in seconds since 1970.
    pub created_at: i64,
    /// How often it was tried.
    pub attempts: i64,
    /// When it is due, in seconds since 1970.
    pub due_at: i64,
}

/// Notes the clients of these sessions, each with its user, that want to be told. In the transaction that ends the sessions: none
/// ends without it, and nobody is told of one that goes on.
///
/// # Errors
/// The database failed, or a row is corrupt.
pub(super) fn note(
    conn: &mut Conn<'_>,
    environment_id: &str,
    sessions: &[(String, String)],
    now: i64,
) -> Result<(), StoreError> {
    use login_session_clients as j;
    use logout_deliveries as t;
    for (session_id, user_id) in sessions {
        let joined = j::table.filter(j::session_id.eq(session_id)).select(j::client_id);
        let own =
            clients::table.filter(clients::environment_id.eq(environment_id).and(clients::client_id.eq_any(joined)));
        let own = own.select((clients::client_id, clients::sign_in));
        let found: Vec<(String, String)> = each!(conn, c => own.load(c))?;
        for (client_id, sign_in) in found {
            let sign_in: ClientSignIn = Row { table: "clients", key: &client_id }.json("sign_in", &sign_in)?;
            if sign_in.backchannel_logout_uri.is_none() {
                continue;
            }
            let row = (
                t::session_id.eq(session_id),
                t::client_id.eq(&client_id),
                t::environment_id.eq(environment_id),
                t::user_id.eq(user_id),
                t::created_at.eq(now),
                t::attempts.eq(0),
                t::due_at.eq(now),
            );
            each!(conn, c => diesel::insert_into(t::table).values(row).on_conflict_do_nothing().execute(c))?;
        }
    }
    Ok(())
}

/// Some of those that are due at `now` (seconds since 1970), the oldest first.
///
/// # Errors
/// The database failed.
pub fn due(conn: &mut Conn<'_>, now: i64, most: i64) -> Result<Vec<LogoutDelivery>, StoreError> {
    use logout_deliveries as t;
    let due = t::table.filter(t::due_at.le(now)).order((t::due_at, t::session_id, t::client_id)).limit(most);
    Ok(each!(conn, c => due.select(LogoutDelivery::as_select()).load(c))?)
}

/// Takes one on until `until`: no other node does before, and whoever takes it on again counts one attempt more. `false` when
/// another node was faster.
///
/// # Errors
/// The database failed.
pub fn take(conn: &mut Conn<'_>, delivery: &LogoutDelivery, until: i64) -> Result<bool, StoreError> {
    use logout_deliveries as t;
    let same = t::table
        .find((&delivery.session_id, &delivery.client_id))
        .filter(t::due_at.eq(delivery.due_at).and(t::attempts.eq(delivery.attempts)));
    let changes = (t::due_at.eq(until), t::attempts.eq(delivery.attempts + 1));
    Ok(each!(conn, c => diesel::update(same).set(changes).execute(c))? == 1)
}

/// Puts one off until `due_at`.
///
/// # Errors
/// The database failed.
pub fn put_off(conn: &mut Conn<'_>, delivery: &LogoutDelivery, due_at: i64) -> Result<(), StoreError> {
    use logout_deliveries as t;
    let one = t::table.find((&delivery.session_id, &delivery.client_id));
    each!(conn, c => diesel::update(one).set(t::due_at.eq(due_at)).execute(c))?;
    Ok(())
}

/// Deletes one: the client knows, or will not be told.
///
/// # Errors
/// The database failed.
pub fn remove(conn: &mut Conn<'_>, delivery: &LogoutDelivery) -> Result<(), StoreError> {
    let one = logout_deliveries::table.find((&delivery.session_id, &delivery.client_id));
    each!(conn, c => diesel::delete(one).execute(c))?;
    Ok(())
}
