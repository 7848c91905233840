//! `one_time_codes`. What may be redeemed once is decided by rows that only one of several requests can change or delete.

use diesel::{prelude::*, sql_types::BigInt, upsert::excluded};

use super::{
    Conn, StoreError,
    connection::each,
    rows::{Row, to_json, to_name},
    schema::one_time_codes,
};
use crate::domain::login::one_time_code::{CodeAddress, CodeBinding, CodeChannel, CodePurpose, OneTimeCode};

/// How many are deleted at once: short enough that nobody waits for the lock.
const DELETE_AT_ONCE: i64 = 500;

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = one_time_codes)]
struct CodeRow {
    id: String,
    environment_id: String,
    user_id: String,
    application_id: String,
    purpose: String,
    channel: String,
    client_id: String,
    any_client: bool,
    named_as: String,
    address: Option<String>,
    own_address: bool,
    /// Empty if it has no request id.
    request_hash: String,
    secret_hash: String,
    tries_left: i64,
    details: String,
    created_at: i64,
    expires_at: i64,
}

impl CodeRow {
    fn of(environment_id: &str, code: &OneTimeCode) -> Result<Self, StoreError> {
        let binding = &code.binding;
        Ok(Self {
            id: code.id.clone(),
            environment_id: environment_id.to_owned(),
            user_id: binding.user_id.clone(),
            application_id: binding.application_id.clone(),
            purpose: to_name(&binding.purpose)?,
            channel: to_name(&binding.channel)?,
            client_id: binding.client_id.clone(),
            any_client: code.any_client,
            named_as: code.named_as.clone(),
            own_address: code.address.as_ref().is_some_and(|address| address.is_own),
            address: code.address.as_ref().map(|address| address.value.clone()),
            request_hash: code.request_hash.clone().unwrap_or_default(),
            secret_hash: code.secret_hash.clone(),
            tries_left: i64::from(code.tries_left),
            details: to_json(&code.details)?,
            created_at: code.created_at,
            expires_at: code.expires_at,
        })
    }

    fn into_value(self) -> Result<OneTimeCode, StoreError> {
        let row = Row { table: "one_time_codes", key: &self.id };
        Ok(OneTimeCode {
            binding: CodeBinding {
                purpose: row.name("purpose", &self.purpose)?,
                channel: row.name("channel", &self.channel)?,
                user_id: self.user_id,
                application_id: self.application_id,
                client_id: self.client_id,
            },
            details: row.json("details", &self.details)?,
            tries_left: u32::try_from(self.tries_left).map_err(|_| row.corrupt("tries_left is no count"))?,
            any_client: self.any_client,
            named_as: self.named_as,
            address: self.address.map(|value| CodeAddress { value, is_own: self.own_address }),
            request_hash: Some(self.request_hash).filter(|hash| !hash.is_empty()),
            secret_hash: self.secret_hash,
            created_at: self.created_at,
            expires_at: self.expires_at,
            id: self.id,
        })
    }
}

/// Which code is meant by somebody who types one in.
#[derive(Debug, Clone, Copy)]
pub struct Sought<'a> {
    /// The environment.
    pub environment_id: &'a str,
    /// The user that was named.
    pub user_id: &'a str,
    /// The application of the calling client.
    pub application_id: &'a str,
    /// The calling client.
    pub client_id: &'a str,
    /// What it is to be good for.
    pub purpose: CodePurpose,
    /// SHA-256, in hexadecimal, of how the user was named.
    pub named_as: &'a str,
    /// SHA-256, in hexadecimal, of the request id that was presented.
    pub request_hash: Option<&'a str>,
}

/// The row that is sought in a channel, good or not.
macro_rules! meant {
    ($sought:expr, $channel:expr) => {
        one_time_codes::table
            .filter(one_time_codes::user_id.eq($sought.user_id))
            .filter(one_time_codes::application_id.eq($sought.application_id))
            .filter(one_time_codes::purpose.eq(to_name(&$sought.purpose)?))
            .filter(one_time_codes::channel.eq(to_name(&$channel)?))
            .filter(one_time_codes::environment_id.eq($sought.environment_id))
            .filter(one_time_codes::client_id.eq($sought.client_id).or(one_time_codes::any_client.eq(true)))
            .filter(one_time_codes::named_as.eq($sought.named_as))
            .filter(one_time_codes::request_hash.eq($sought.request_hash.unwrap_or_default()))
    };
}

/// What became of the only code that could be meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// As many guesses as are looked at were wrong.
    Exhausted,
    /// Its time is over.
    Expired,
}

/// Keeps a new one, in the place of the one before it of this purpose and channel.
///
/// # Errors
/// There is no such user, or the database failed.
pub fn replace(conn: &mut Conn<'_>, environment_id: &str, code: &OneTimeCode) -> Result<(), StoreError> {
    use one_time_codes as t;
    let row = CodeRow::of(environment_id, code)?;
    // One statement: of two that are sent at once one stays, and none is refused.
    let changes = (
        t::id.eq(excluded(t::id)),
        t::client_id.eq(excluded(t::client_id)),
        t::any_client.eq(excluded(t::any_client)),
        t::named_as.eq(excluded(t::named_as)),
        t::address.eq(excluded(t::address)),
        t::own_address.eq(excluded(t::own_address)),
        t::request_hash.eq(excluded(t::request_hash)),
        t::secret_hash.eq(excluded(t::secret_hash)),
        t::tries_left.eq(excluded(t::tries_left)),
        t::details.eq(excluded(t::details)),
        t::created_at.eq(excluded(t::created_at)),
        t::expires_at.eq(excluded(t::expires_at)),
    );
    each!(conn, c => diesel::insert_into(t::table)
        .values(&row)
        .on_conflict((t::user_id, t::application_id, t::purpose, t::channel))
        .do_update()
        .set(changes)
        .execute(c))?;
    Ok(())
}

/// Takes one guess off the code that is meant, and gives it: whoever gets it may look at one guess. Of any number of requests at
/// the same moment exactly as many get it as the code has guesses left, because each of them changes the row. `None` when there is
/// none that can still be redeemed.
///
/// # Errors
/// The database failed, or the row is corrupt.
pub fn claim(
    conn: &mut Conn<'_>,
    sought: &Sought<'_>,
    channel: CodeChannel,
    now: i64,
) -> Result<Option<OneTimeCode>, StoreError> {
    use one_time_codes as t;
    // A guess without the right request id takes nothing off: who does not know it cannot use up the guesses of who does.
    let one = meant!(sought, channel).filter(t::tries_left.gt(0).and(t::expires_at.gt(now)));
    let row: Option<CodeRow> = each!(conn, c => diesel::update(one)
        .set(t::tries_left.eq(t::tries_left - 1))
        .returning(CodeRow::as_returning())
        .get_result(c)
        .optional())?;
    row.map(CodeRow::into_value).transpose()
}

/// Why [`claim`] gave nothing; `None` when there is no such code at all.
///
/// # Errors
/// The database failed.
pub fn why_over(
    conn: &mut Conn<'_>,
    sought: &Sought<'_>,
    channel: CodeChannel,
    now: i64,
) -> Result<Option<Over>, StoreError> {
    use one_time_codes as t;
    let one = meant!(sought, channel);
    let found: Option<(i64, i64)> = each!(conn, c => one.select((t::tries_left, t::expires_at)).first(c).optional())?;
    Ok(found.and_then(|(tries_left, expires_at)| {
        let exhausted = (tries_left == 0).then_some(Over::Exhausted);
        exhausted.or((expires_at <= now).then_some(Over::Expired))
    }))
}

/// The link with this hash.
///
/// # Errors
/// The database failed, or the row is corrupt.
pub fn find_link(
    conn: &mut Conn<'_>,
    environment_id: &str,
    secret_hash: &str,
) -> Result<Option<OneTimeCode>, StoreError> {
    use one_time_codes as t;
    let one = t::table.filter(t::secret_hash.eq(secret_hash).and(t::environment_id.eq(environment_id)));
    let one = one.filter(t::channel.eq(to_name(&CodeChannel::Link)?));
    let row: Option<CodeRow> = each!(conn, c => one.select(CodeRow::as_select()).first(c).optional())?;
    row.map(CodeRow::into_value).transpose()
}

/// Uses one up. `false` if another request was faster, or its time is over at `now`.
///
/// # Errors
/// The database failed.
pub fn take(conn: &mut Conn<'_>, id: &str, now: i64) -> Result<bool, StoreError> {
    use one_time_codes as t;
    let one = t::table.filter(t::id.eq(id).and(t::expires_at.gt(now)));
    Ok(each!(conn, c => diesel::delete(one).execute(c))? == 1)
}

/// Deletes some of those that were over at `before` (seconds since 1970); `true` when there may be more.
///
/// # Errors
/// The database failed.
pub fn sweep(conn: &mut Conn<'_>, before: i64) -> Result<bool, StoreError> {
    let statement =
        "DELETE FROM one_time_codes WHERE id IN (SELECT id FROM one_time_codes WHERE expires_at <= $1 LIMIT $2)";
    let statement = diesel::sql_query(statement).bind::<BigInt, _>(before).bind::<BigInt, _>(DELETE_AT_ONCE);
    let deleted = each!(conn, c => statement.execute(c))?;
    Ok(i64::try_from(deleted).is_ok_and(|deleted| deleted == DELETE_AT_ONCE))
}
