//! `user_applications`: the applications that users may sign in to.

use diesel::prelude::*;

use super::{
    Conn, StoreError,
    connection::each,
    pending_joins,
    rows::{Row, to_json},
    schema::user_applications,
};
use crate::domain::user_details::CustomData;

/// That a user may sign in to an application, with what that keeps of the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// UUID of the application.
    pub application_id: String,
    /// What the application keeps.
    pub custom_data: CustomData,
    /// What the application calls the user's account.
    pub external_account_id: Option<String>,
    /// Seconds since 1970.
    pub created_at: i64,
    /// Seconds since 1970.
    pub last_sign_in_at: Option<i64>,
}

impl Membership {
    /// What an application keeps of a user who joins it now.
    pub fn new(application_id: &str, now: i64) -> Self {
        Self {
            application_id: application_id.to_owned(),
            custom_data: CustomData::new(),
            external_account_id: None,
            created_at: now,
            last_sign_in_at: None,
        }
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = user_applications)]
struct MembershipRow {
    user_id: String,
    application_id: String,
    custom_data: String,
    external_account_id: Option<String>,
    created_at: i64,
    last_sign_in_at: Option<i64>,
}

impl MembershipRow {
    fn into_value(self) -> Result<(String, Membership), StoreError> {
        let custom_data =
            Row { table: "user_applications", key: &self.user_id }.json("custom_data", &self.custom_data)?;
        let membership = Membership {
            application_id: self.application_id,
            custom_data,
            external_account_id: self.external_account_id,
            created_at: self.created_at,
            last_sign_in_at: self.last_sign_in_at,
        };
        Ok((self.user_id, membership))
    }
}

/// Lets a user sign in to an application, whatever the user would have had to prove before; `false` when the user may already.
///
/// # Errors
/// There is no such user or application ([`StoreError::Conflict`]), or the database failed.
pub fn add(conn: &mut Conn<'_>, user_id: &str, application_id: &str, now: i64) -> Result<bool, StoreError> {
    use user_applications as t;
    pending_joins::remove(conn, user_id, application_id)?;
    let row =
        (t::user_id.eq(user_id), t::application_id.eq(application_id), t::custom_data.eq("{}"), t::created_at.eq(now));
    let insert = diesel::insert_into(t::table).values(row).on_conflict_do_nothing();
    Ok(each!(conn, c => insert.execute(c))? == 1)
}

/// Whether a user may sign in to an application.
///
/// # Errors
/// The database failed.
pub fn has(conn: &mut Conn<'_>, user_id: &str, application_id: &str) -> Result<bool, StoreError> {
    use user_applications as t;
    let one = t::table.find((user_id, application_id)).select(t::created_at);
    let found: Option<i64> = each!(conn, c => one.first(c).optional())?;
    Ok(found.is_some())
}

/// That of one user in one application; `None` when the user may not sign in to it.
///
/// # Errors
/// The database failed, or the row is corrupt.
pub fn find(conn: &mut Conn<'_>, user_id: &str, application_id: &str) -> Result<Option<Membership>, StoreError> {
    use user_applications as t;
    let one = t::table.find((user_id, application_id));
    let row: Option<MembershipRow> = each!(conn, c => one.select(MembershipRow::as_select()).first(c).optional())?;
    Ok(row.map(MembershipRow::into_value).transpose()?.map(|(_, membership)| membership))
}

/// What the application keeps of a user, as JSON; `None` when the user may not sign in to it.
///
/// # Errors
/// The database failed.
pub fn custom_data(conn: &mut Conn<'_>, user_id: &str, application_id: &str) -> Result<Option<String>, StoreError> {
    use user_applications as t;
    let one = t::table.find((user_id, application_id)).select(t::custom_data);
    Ok(each!(conn, c => one.first(c).optional())?)
}

/// Notes a sign-in.
///
/// # Errors
/// The database failed.
pub fn signed_in(conn: &mut Conn<'_>, user_id: &str, application_id: &str, now: i64) -> Result<(), StoreError> {
    use user_applications as t;
    let one = t::table.find((user_id, application_id));
    each!(conn, c => diesel::update(one).set(t::last_sign_in_at.eq(now)).execute(c))?;
    Ok(())
}

/// The applications of several users, each with the id of the user, in the order in which they came.
///
/// # Errors
/// The database failed, or a row is corrupt.
pub fn of_users(conn: &mut Conn<'_>, user_ids: &[String]) -> Result<Vec<(String, Membership)>, StoreError> {
    use user_applications as t;
    let all = t::table.filter(t::user_id.eq_any(user_ids)).order((t::created_at, t::application_id));
    let rows: Vec<MembershipRow> = each!(conn, c => all.select(MembershipRow::as_select()).load(c))?;
    rows.into_iter().map(MembershipRow::into_value).collect()
}

/// Those of one user.
///
/// # Errors
/// The database failed, or a row is corrupt.
pub fn of_user(conn: &mut Conn<'_>, user_id: &str) -> Result<Vec<Membership>, StoreError> {
    Ok(of_users(conn, &[user_id.to_owned()])?.into_iter().map(|(_, membership)| membership).collect())
}

/// Writes what an application keeps of a user. `false` when the user may not sign in to it any more.
///
/// # Errors
/// The database failed.
pub fn update(conn: &mut Conn<'_>, user_id: &str, membership: &Membership) -> Result<bool, StoreError> {
    use user_applications as t;
    let one = t::table.find((user_id, &membership.application_id));
    let changes = (
        t::custom_data.eq(to_json(&membership.custom_data)?),
        t::external_account_id.eq(&membership.external_account_id),
    );
    Ok(each!(conn, c => diesel::update(one).set(changes).execute(c))? == 1)
}

/// Takes a user out of an application; `false` when the user was not in it.
///
/// # Errors
/// The database failed.
pub fn remove(conn: &mut Conn<'_>, user_id: &str, application_id: &str) -> Result<bool, StoreError> {
    use user_applications as t;
    let one = t::table.find((user_id, application_id));
    Ok(each!(conn, c => diesel::delete(one).execute(c))? == 1)
}
