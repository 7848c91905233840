//! `applications`.

use diesel::{prelude::*, query_dsl::methods::FilterDsl, upsert::excluded};

use super::{
    Conn, Origin, StoreError,
    connection::each,
    rows::{Row, to_json, to_name},
    schema::applications,
};
use crate::domain::{
    application::{Application, Webhook},
    secret::SecretHash,
};

/// An application as it is kept.
#[derive(Debug, Clone)]
pub struct StoredApplication {
    /// Itself.
    pub application: Application,
    /// Who looks after it.
    pub origin: Origin,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = applications)]
struct ApplicationRow {
    id: String,
    environment_id: String,
    name: String,
    platform: String,
    enabled: bool,
    origin: String,
    allowed_origins: String,
    allowed_proxy_urls: String,
    key_hash: Option<String>,
    webhook: Option<String>,
    webhook_secret: Option<Vec<u8>>,
    login_preferences: String,
    users_join: String,
}

impl ApplicationRow {
    fn from_value(environment_id: &str, application: &Application, origin: Origin) -> Result<Self, StoreError> {
        let webhook = application.webhook.as_ref();
        Ok(Self {
            id: application.id.clone(),
            environment_id: environment_id.to_owned(),
            name: application.name.clone(),
            platform: application.platform.clone(),
            enabled: application.enabled,
            origin: to_name(&origin)?,
            allowed_origins: to_json(&application.allowed_origins)?,
            allowed_proxy_urls: to_json(&application.allowed_proxy_urls)?,
            key_hash: application.key.map(|key| key.to_hex()),
            webhook: webhook.map(to_json).transpose()?,
            webhook_secret: webhook.map(|webhook| webhook.sealed_secret.clone()),
            login_preferences: to_json(&application.login)?,
            users_join: to_name(&application.users_join)?,
        })
    }

    fn into_value(self) -> Result<StoredApplication, StoreError> {
        let row = Row { table: "applications", key: &self.id };
        let key = match &self.key_hash {
            None => None,
            Some(hex) => {
                Some(SecretHash::from_hex(hex).ok_or_else(|| row.corrupt("key_hash is not 64 hexadecimal digits"))?)
            }
        };
        let webhook = match (&self.webhook, self.webhook_secret) {
            (Some(json), Some(sealed_secret)) => {
                Some(Webhook { sealed_secret, ..row.json::<Webhook>("webhook", json)? })
            }
            (None, None) => None,
            _ => return Err(row.corrupt("webhook and webhook_secret do not stand together")),
        };
        let application = Application {
            enabled: self.enabled,
            allowed_origins: row.json("allowed_origins", &self.allowed_origins)?,
            allowed_proxy_urls: row.json("allowed_proxy_urls", &self.allowed_proxy_urls)?,
            key,
            webhook,
            login: row.json("login_preferences", &self.login_preferences)?,
            users_join: row.name("users_join", &self.users_join)?,
            name: self.name,
            platform: self.platform,
            id: self.id.clone(),
        };
        Ok(StoredApplication { application, origin: row.name("origin", &self.origin)? })
    }
}

/// Those of an environment, by name.
///
/// # Errors
/// The database failed, or a row is corrupt.
pub fn list(conn: &mut Conn<'_>, environment_id: &str) -> Result<Vec<StoredApplication>, StoreError> {
    use applications as t;
    let all = QueryDsl::filter(t::table, t::environment_id.eq(environment_id)).order(t::name);
    let rows: Vec<ApplicationRow> = each!(conn, c => all.select(ApplicationRow::as_select()).load(c))?;
    rows.into_iter().map(ApplicationRow::into_value).collect()
}

/// The one with this id in this environment.
///
/// # Errors
/// The database failed, or the row is corrupt.
pub fn find(conn: &mut Conn<'_>, environment_id: &str, id: &str) -> Result<Option<StoredApplication>, StoreError> {
    use applications as t;
    let one = QueryDsl::filter(t::table.find(id), t::environment_id.eq(environment_id));
    let row: Option<ApplicationRow> = each!(conn, c => one.select(ApplicationRow::as_select()).first(c).optional())?;
    row.map(ApplicationRow::into_value).transpose()
}

/// Adds one, or overwrites the one with its id in the same environment.
///
/// # Errors
/// Its name is taken, or its id by another environment ([`StoreError::Conflict`]), or the database failed.
pub fn upsert(
    conn: &mut Conn<'_>,
    environment_id: &str,
    application: &Application,
    origin: Origin,
) -> Result<(), StoreError> {
    use applications as t;
    let row = ApplicationRow::from_value(environment_id, application, origin)?;
    // Ids are unique across environments and may be given in a file: without the filter, a file for one environment could take over
    // another's application.
    let written = each!(conn, c => FilterDsl::filter(diesel::insert_into(t::table)
        .values(&row)
        .on_conflict(t::id)
        .do_update()
        .set((
            t::name.eq(excluded(t::name)),
            t::platform.eq(excluded(t::platform)),
            t::enabled.eq(excluded(t::enabled)),
            t::origin.eq(excluded(t::origin)),
            t::allowed_origins.eq(excluded(t::allowed_origins)),
            t::allowed_proxy_urls.eq(excluded(t::allowed_proxy_urls)),
            t::key_hash.eq(excluded(t::key_hash)),
            t::webhook.eq(excluded(t::webhook)),
            t::webhook_secret.eq(excluded(t::webhook_secret)),
            t::login_preferences.eq(excluded(t::login_preferences)),
            t::users_join.eq(excluded(t::users_join)),
        )), t::environment_id.eq(environment_id))
        .execute(c))?;
    if written == 0 {
        return Err(StoreError::Conflict(format!("application id {} in another environment", application.id)));
    }
    Ok(())
}

/// The secret of a webhook as it is kept, and what it is bound to.
pub struct SealedSecret {
    /// Where its application is.
    pub environment_id: String,
    /// Its application.
    pub application_id: String,
    /// The secret, sealed under the master key.
    pub sealed: Vec<u8>,
}

/// The secret of every webhook of every environment, in one order for all who ask.
///
/// # Errors
/// The database failed.
pub fn sealed(conn: &mut Conn<'_>) -> Result<Vec<SealedSecret>, StoreError> {
    use applications as t;
    let all = QueryDsl::filter(t::table, t::webhook_secret.is_not_null()).order(t::id);
    let all = all.select((t::environment_id, t::id, t::webhook_secret.assume_not_null()));
    let rows: Vec<(String, String, Vec<u8>)> = each!(conn, c => all.load(c))?;
    let value = |(environment_id, application_id, sealed)| SealedSecret { environment_id, application_id, sealed };
    Ok(rows.into_iter().map(value).collect())
}

/// Puts the same secret back, sealed anew; `false` when its application is gone.
///
/// # Errors
/// The database failed.
pub fn reseal(conn: &mut Conn<'_>, secret: &SealedSecret) -> Result<bool, StoreError> {
    let one = applications::table.find(&secret.application_id);
    let change = applications::webhook_secret.eq(&secret.sealed);
    Ok(each!(conn, c => diesel::update(one).set(change).execute(c))? == 1)
}

/// Deletes one; `false` when there is none in this environment.
///
/// # Errors
/// The database failed.
pub fn delete(conn: &mut Conn<'_>, environment_id: &str, id: &str) -> Result<bool, StoreError> {
    let one = QueryDsl::filter(applications::table.find(id), applications::environment_id.eq(environment_id));
    Ok(each!(conn, c => diesel::delete(one).execute(c))? == 1)
}
