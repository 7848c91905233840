//! The sessions of users who were signed in behind applications' backends.

use super::{Place, change_users, checks::not_found, look_up, recorded::Subject};
use crate::{
    catalog::environment::EnvironmentSnapshot,
    operations::{
        backend::{
            kept_sessions::{KeptSession, list_in},
            session::end_all_in,
        },
        context::Context,
        facts::{Changed, Differences},
        mosaic_error::MosaicError,
    },
    store::Conn,
};

/// How many sessions of which user were ended.
#[derive(Debug)]
pub struct EndedSessions {
    /// The user.
    pub user_id: String,
    /// How many.
    pub count: usize,
}

impl Subject for EndedSessions {
    fn subject(&self) -> &str {
        &self.user_id
    }
}

/// The sessions of a user that are not over, oldest first.
///
/// # Errors
/// There is no such user, or the database fails.
pub async fn of_user(
    context: &Context,
    environment: &EnvironmentSnapshot,
    user_id: String,
) -> Result<Vec<KeptSession>, MosaicError> {
    let now = context.clock.now();
    let found = look_up(context, environment, move |conn, id| list_in(conn, id, &user_id, now)).await?;
    found.ok_or_else(not_found)
}

/// Ends all sessions of a user, with every token that came of them.
///
/// # Errors
/// There is no such user, or the database fails.
pub async fn end_all(
    context: &Context,
    environment: &EnvironmentSnapshot,
    user_id: String,
) -> Result<Changed<EndedSessions>, MosaicError> {
    let work = move |conn: &mut Conn<'_>, place: &Place| {
        list_in(conn, &place.environment_id, &user_id, place.now)?.ok_or_else(not_found)?;
        let count = end_all_in(conn, &place.environment_id, &user_id, place.now)?;
        Ok(EndedSessions { user_id, count })
    };
    let value = change_users(context, environment, work).await?;
    // No thing is other than before: what the record says is which operation on whom.
    Ok(Changed { value, differences: Differences::default() })
}
