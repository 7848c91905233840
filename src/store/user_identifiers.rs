//! `user_identifiers`: by what users are found when they sign in.

use diesel::prelude::*;

use super::{
    Conn, StoreError,
    connection::each,
    rows::{Row, to_name},
    schema::user_identifiers,
};
use crate::domain::login::{IdentifierKind, KnownIdentifier};

#[derive(Queryable, Selectable)]
#[diesel(table_name = user_identifiers)]
struct IdentifierRow {
    kind: String,
    application_id: String,
    value: String,
    shown: String,
    is_primary: bool,
    verified_at: Option<i64>,
}

impl IdentifierRow {
    fn into_value(self) -> Result<KnownIdentifier, StoreError> {
        let row = Row { table: "user_identifiers", key: &self.value };
        Ok(KnownIdentifier {
            kind: row.name("kind", &self.kind)?,
            application_id: self.application_id,
            value: self.value,
            shown: self.shown,
            is_primary: self.is_primary,
            verified_at: self.verified_at,
        })
    }
}

/// Gives a user one more.
///
/// # Errors
/// Somebody has it already ([`StoreError::Conflict`]), or the database failed.
pub fn insert(
    conn: &mut Conn<'_>,
    environment_id: &str,
    user_id: &str,
    identifier: &KnownIdentifier,
    now: i64,
) -> Result<(), StoreError> {
    use user_identifiers as t;
    let row = (
        t::environment_id.eq(environment_id),
        t::kind.eq(to_name(&identifier.kind)?),
        t::application_id.eq(&identifier.application_id),
        t::value.eq(&identifier.value),
        t::user_id.eq(user_id),
        t::shown.eq(&identifier.shown),
        t::is_primary.eq(identifier.is_primary),
        t::verified_at.eq(identifier.verified_at),
        t::created_at.eq(now),
    );
    each!(conn, c => diesel::insert_into(t::table).values(row).execute(c))?;
    Ok(())
}

/// Whose it is. `application_id` is empty unless the kind is one application's.
///
/// # Errors
/// The database failed.
pub fn owner(
    conn: &mut Conn<'_>,
    environment_id: &str,
    kind: IdentifierKind,
    application_id: &str,
    value: &str,
) -> Result<Option<String>, StoreError> {
    use user_identifiers as t;
    let one = t::table.find((environment_id, to_name(&kind)?, application_id, value));
    Ok(each!(conn, c => one.select(t::user_id).first(c).optional())?)
}

/// Whether an address or number is this user's.
///
/// # Errors
/// The database failed.
pub fn is_of_user(conn: &mut Conn<'_>, user_id: &str, kind: IdentifierKind, value: &str) -> Result<bool, StoreError> {
    use user_identifiers as t;
    let own = t::table.filter(t::user_id.eq(user_id)).filter(t::kind.eq(to_name(&kind)?).and(t::value.eq(value)));
    let found: Option<i64> = each!(conn, c => own.select(t::created_at).first(c).optional())?;
    Ok(found.is_some())
}

/// All that a user has, in the order in which they came.
///
/// # Errors
/// The database failed, or a row is corrupt.
pub fn of_user(conn: &mut Conn<'_>, environment_id: &str, user_id: &str) -> Result<Vec<KnownIdentifier>, StoreError> {
    use user_identifiers as t;
    let all = t::table.filter(t::user_id.eq(user_id).and(t::environment_id.eq(environment_id)));
    let all = all.order((t::created_at, t::kind, t::value));
    let rows: Vec<IdentifierRow> = each!(conn, c => all.select(IdentifierRow::as_select()).load(c))?;
    rows.into_iter().map(IdentifierRow::into_value).collect()
}

/// Notes that the user has shown to be the owner of an address, unless that was known. `false` when the user has it no more.
///
/// # Errors
/// The database failed.
pub fn verify(
    conn: &mut Conn<'_>,
    environment_id: &str,
    user_id: &str,
    (kind, value): (IdentifierKind, &str),
    now: i64,
) -> Result<bool, StoreError> {
    use user_identifiers as t;
    let one = t::table.find((environment_id, to_name(&kind)?, "", value)).filter(t::user_id.eq(user_id));
    let changed =
        each!(conn, c => diesel::update(one.filter(t::verified_at.is_null())).set(t::verified_at.eq(now)).execute(c))?;
    Ok(changed == 1)
}

/// Those of several users, each with the id of the user, in the order in which they came.
///
/// # Errors
/// The database failed, or a row is corrupt.
pub fn of_users(
    conn: &mut Conn<'_>,
    environment_id: &str,
    user_ids: &[String],
) -> Result<Vec<(String, KnownIdentifier)>, StoreError> {
    use user_identifiers as t;
    let all = t::table.filter(t::user_id.eq_any(user_ids).and(t::environment_id.eq(environment_id)));
    let all = all.order((t::created_at, t::kind, t::value));
    let rows: Vec<(String, IdentifierRow)> =
        each!(conn, c => all.select((t::user_id, IdentifierRow::as_select())).load(c))?;
    rows.into_iter().map(|(user_id, row)| Ok((user_id, row.into_value()?))).collect()
}

/// Writes how one of a user's is shown, whether it is the primary one and when it was verified. `false` when the user has it no more.
///
/// # Errors
/// The database failed.
pub fn update(
    conn: &mut Conn<'_>,
    environment_id: &str,
    user_id: &str,
    identifier: &KnownIdentifier,
) -> Result<bool, StoreError> {
    use user_identifiers as t;
    let KnownIdentifier { kind, application_id, value, .. } = identifier;
    let one = t::table.find((environment_id, to_name(kind)?, application_id, value)).filter(t::user_id.eq(user_id));
    let changes = (
        t::shown.eq(&identifier.shown),
        t::is_primary.eq(identifier.is_primary),
        t::verified_at.eq(identifier.verified_at),
    );
    Ok(each!(conn, c => diesel::update(one).set(changes).execute(c))? == 1)
}

/// Takes one from a user; `false` when the user has it no more.
///
/// # Errors
/// The database failed.
pub fn remove(
    conn: &mut Conn<'_>,
    environment_id: &str,
    user_id: &str,
    identifier: &KnownIdentifier,
) -> Result<bool, StoreError> {
    use user_identifiers as t;
    let KnownIdentifier { kind, application_id, value, .. } = identifier;
    let one = t::table.find((environment_id, to_name(kind)?, application_id, value)).filter(t::user_id.eq(user_id));
    Ok(each!(conn, c => diesel::delete(one).execute(c))? == 1)
}
