//! Lists of users, as applications' backends ask for them: those of an application, by the beginning of an address, in an order.

use diesel::prelude::*;

use super::{
    Conn, StoreError,
    connection::each,
    rows::to_name,
    schema::{user_applications, user_identifiers, users},
    users::UserRow,
};
use crate::domain::{login::IdentifierKind, user::User};

/// By what a list is ordered. Users of whom it is not known come last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UserOrder {
    /// When they were made.
    #[default]
    Created,
    /// When they signed in last.
    LastSignIn,
    /// The primary e-mail address.
    Email,
    /// The primary telephone number.
    PhoneNumber,
}

/// Which users are listed, and in which order.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// Those who may sign in to this application.
    pub application_id: Option<String>,
    /// Those whose primary e-mail address or telephone number begins so, in the form in which identifiers are compared.
    pub prefix: Option<String>,
    /// By what they are ordered; and then by their ids.
    pub order: UserOrder,
    /// Whether the order is turned round.
    pub descending: bool,
}

/// The text itself, whatever it has of what `LIKE` takes for more.
fn beginning_with(prefix: &str) -> String {
    let mut pattern = String::with_capacity(prefix.len() + 1);
    for c in prefix.chars() {
        if matches!(c, '\\' | '%' | '_') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

/// The users that `$listing` lets through, as a query that goes on.
macro_rules! listed {
    ($environment_id:expr, $listing:expr, $from:expr) => {{
        use user_identifiers as i;
        let mut wanted = $from.filter(users::environment_id.eq($environment_id)).into_boxed();
        if let Some(application) = &$listing.application_id {
            use user_applications as a;
            let members = a::table.filter(a::application_id.eq(application)).select(a::user_id);
            wanted = wanted.filter(users::id.eq_any(members));
        }
        if let Some(prefix) = &$listing.prefix {
            let kinds = [IdentifierKind::Email.as_str(), IdentifierKind::PhoneNumber.as_str()];
            // Under another name: lists join the table too.
            let known = diesel::alias!(user_identifiers as known);
            let here = known.field(i::environment_id).eq($environment_id);
            let primary = here.and(known.field(i::is_primary).eq(true)).and(known.field(i::kind).eq_any(kinds));
            let fits = known.field(i::value).like(beginning_with(prefix)).escape('\\');
            let owners = known.filter(primary.and(fits)).select(known.field(i::user_id));
            wanted = wanted.filter(users::id.eq_any(owners));
        }
        wanted
    }};
}

/// A page: `limit` of them, after the first `offset`.
///
/// # Errors
/// The database failed.
pub fn list(
    conn: &mut Conn<'_>,
    environment_id: &str,
    listing: &Listing,
    limit: i64,
    offset: i64,
) -> Result<Vec<User>, StoreError> {
    use user_identifiers as i;
    let kind = match listing.order {
        UserOrder::PhoneNumber => IdentifierKind::PhoneNumber,
        _ => IdentifierKind::Email,
    };
    let kind = to_name(&kind)?;
    let rows: Vec<UserRow> = each!(conn, c => {
        let primary = i::user_id.eq(users::id).and(i::kind.eq(&kind)).and(i::is_primary.eq(true));
        let wanted = listed!(environment_id, listing, users::table.left_join(i::table.on(primary)));
        let value = i::value.nullable();
        let wanted = match (listing.order, listing.descending) {
            (UserOrder::Created, false) => wanted.order((users::created_at.asc(), users::id.asc())),
            (UserOrder::Created, true) => wanted.order((users::created_at.desc(), users::id.desc())),
            (UserOrder::LastSignIn, false) => wanted
                .order((users::last_sign_in_at.is_null().asc(), users::last_sign_in_at.asc(), users::id.asc())),
            (UserOrder::LastSignIn, true) => wanted
                .order((users::last_sign_in_at.is_null().asc(), users::last_sign_in_at.desc(), users::id.desc())),
            (_, false) => wanted.order((value.is_null().asc(), value.asc(), users::id.asc())),
            (_, true) => wanted.order((value.is_null().asc(), value.desc(), users::id.desc())),
        };
        wanted.limit(limit).offset(offset).select(UserRow::as_select()).load(c)
    })?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// How many there are in all.
///
/// # Errors
/// The database failed.
pub fn count(conn: &mut Conn<'_>, environment_id: &str, listing: &Listing) -> Result<i64, StoreError> {
    Ok(each!(conn, c => {
        let wanted = listed!(environment_id, listing, users::table);
        wanted.count().get_result(c)
    })?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_taken_as_it_stands() {
        assert_eq!(beginning_with("ada"), "ada%");
        assert_eq!(beginning_with("a_b%c\\"), "a\\_b\\%c\\\\%");
    }
}
