//! The sessions of users, for whoever keeps an environment: listed, and ended one by one or all at once. The command line and
//! GraphQL both end here; backends have the operations of the API, which end sessions by the same functions.

use crate::{
    domain::{environment::Environment, login::session::LoginSession, user::is_text},
    operations::{
        facts::Differences,
        lookup::EnvironmentLookup,
        operator::{Done, Operator},
        revoke::RevokeError,
    },
    store::{
        Conn, Store, StoreError,
        login_sessions::{self, clients_of},
        users,
    },
};

use super::session::{end_all_in, end_in};

/// The longest id, in bytes.
const MAX_ID: usize = 64;

/// A session, with the clients that got tokens of it.
#[derive(Debug, Clone)]
pub struct KeptSession {
    /// The session.
    pub session: LoginSession,
    /// The clients, in the order in which they came.
    pub clients: Vec<String>,
}

/// Which sessions.
#[derive(Debug, Clone)]
pub enum Which {
    /// That of this id: the `sid` of its tokens.
    One(String),
    /// All of this user.
    AllOf(String),
}

/// The sessions of a user that are not over at `now` (seconds since 1970), oldest first; `None` where there is no such user.
///
/// # Errors
/// The database failed, or a row is corrupt.
pub fn list_in(
    conn: &mut Conn<'_>,
    environment_id: &str,
    user_id: &str,
    now: i64,
) -> Result<Option<Vec<KeptSession>>, StoreError> {
    if !is_text(user_id, MAX_ID) || users::find(conn, environment_id, user_id)?.is_none() {
        return Ok(None);
    }
    let open = login_sessions::open_of_user(conn, environment_id, user_id, now)?;
    let kept = open.into_iter().map(|session| Ok(KeptSession { clients: clients_of(conn, &session.id)?, session }));
    kept.collect::<Result<_, StoreError>>().map(Some)
}

/// The same from outside a server.
///
/// # Errors
/// There is no such environment or user, or the database failed.
pub fn list_at(
    store: &Store,
    lookup: &EnvironmentLookup,
    user_id: &str,
    now: i64,
) -> Result<Vec<KeptSession>, RevokeError> {
    let found = store.snapshot(|conn| {
        let Some(environment) = lookup.find(conn)? else { return Ok(Err(lookup.not_found())) };
        let sessions = list_in(conn, &environment.id, user_id, now)?;
        Ok::<_, StoreError>(sessions.ok_or_else(|| "there is no such user".to_owned()))
    });
    found?.map_err(RevokeError::Refused)
}

/// Ends sessions from outside a server, with every token that came of them, and gives how many those were. Servers go by it within a
/// second.
///
/// # Errors
/// There is no such environment, session or user, or the database failed; nothing is ended then.
pub fn end_at(
    store: &Store,
    operator: &Operator<'_>,
    lookup: &EnvironmentLookup,
    which: &Which,
) -> Result<(Environment, usize), RevokeError> {
    let refused = |why: &str| RevokeError::Refused(why.to_owned());
    operator.change(store, "endSessions", |conn| {
        let found = lookup.find(conn)?;
        let environment = found.ok_or_else(|| RevokeError::Refused(lookup.not_found()))?;
        let (Which::One(id) | Which::AllOf(id)) = which;
        if !is_text(id, MAX_ID) {
            return Err(refused("nothing has such an id"));
        }
        let ended = match which {
            Which::One(id) if end_in(conn, &environment.id, id, operator.now())? => 1,
            Which::One(_) => return Err(refused("there is no such session, or it has ended already")),
            Which::AllOf(id) if users::find(conn, &environment.id, id)?.is_none() => {
                return Err(refused("there is no such user"));
            }
            Which::AllOf(id) => end_all_in(conn, &environment.id, id, operator.now())?,
        };
        let mut done = Done::to(&environment.id, id, Differences::default());
        done.detail = Some(format!("{ended} sessions"));
        Ok(((environment, ended), vec![done]))
    })
}
