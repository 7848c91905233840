//! Applications: create, change, delete, list, and their keys.
//!
//! One that an environment file looks after may be changed here as well. It stays the file's: the next `tessera apply`
//! restores what the file says.

use super::{
    Place, change,
    checks::{self, Page, invalid, not_found},
    look_up,
    recorded::Subject,
};
use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::{
        application::{Application, UsersJoin},
        login::preferences::LoginPreferences,
        random::random_uuid,
        secret::Secret,
        user::MAX_TEXT,
    },
    operations::{
        context::Context,
        facts::{Changed, Known as _},
        mosaic_error::MosaicError,
    },
    store::{
        Conn, Origin,
        applications::{self, StoredApplication},
        clients,
    },
};

/// The most applications of an environment: all of them are in the memory of every node.
pub const MAX_APPLICATIONS: usize = 1000;
/// The longest `applicationPlatform`, in bytes.
const MAX_PLATFORM: usize = 64;

/// What an application is made of.
#[derive(Debug, Clone)]
pub struct NewApplication {
    /// Unique in the environment.
    pub name: String,
    /// A label for people.
    pub platform: String,
    /// Origins of its pages.
    pub allowed_origins: Vec<String>,
    /// URLs of its proxies.
    pub allowed_proxy_urls: Vec<String>,
}

/// What is changed of an application; `None` stays as it is.
#[derive(Debug, Clone, Default)]
pub struct ApplicationPatch {
    /// A new name.
    pub name: Option<String>,
    /// A new label.
    pub platform: Option<String>,
    /// Whether its users' tokens are good.
    pub enabled: Option<bool>,
    /// New origins, in place of all there are.
    pub allowed_origins: Option<Vec<String>>,
    /// New URLs of proxies, in place of all there are.
    pub allowed_proxy_urls: Option<Vec<String>>,
}

impl Subject for StoredApplication {
    fn subject(&self) -> &str {
        &self.application.id
    }
}

/// Some applications, and how many there are in all.
#[derive(Debug)]
pub struct Applications {
    /// Those of the page.
    pub nodes: Vec<StoredApplication>,
    /// How many the filter lets through.
    pub total: usize,
}

/// An application and the secret that was made for it, shown for the only time.
#[derive(Debug)]
pub struct WithSecret {
    /// The application.
    pub application: StoredApplication,
    /// The secret; `None` where the one that it has stays.
    pub secret: Option<Secret>,
}

impl Subject for WithSecret {
    fn subject(&self) -> &str {
        self.application.subject()
    }
}

/// The applications of the environment, by name; only the one of that name if one is given.
///
/// # Errors
/// The database fails.
pub async fn list(
    context: &Context,
    environment: &EnvironmentSnapshot,
    name: Option<String>,
    page: Page,
) -> Result<Applications, MosaicError> {
    let mut all = look_up(context, environment, applications::list).await?;
    all.retain(|stored| name.as_ref().is_none_or(|name| stored.application.name == *name));
    Ok(Applications { total: all.len(), nodes: page.of(all) })
}

/// The application with this id; `None` if the environment has none.
///
/// # Errors
/// The database fails.
pub async fn find(
    context: &Context,
    environment: &EnvironmentSnapshot,
    id: String,
) -> Result<Option<StoredApplication>, MosaicError> {
    if checks::id(&id).is_err() {
        return Ok(None);
    }
    look_up(context, environment, move |conn, environment_id| applications::find(conn, environment_id, &id)).await
}

/// Makes an application, disabled at first: nobody signs in to one that is still being set up.
///
/// # Errors
/// An argument is invalid, the name is taken, there are too many, or the database fails.
pub async fn create(
    context: &Context,
    environment: &EnvironmentSnapshot,
    new: NewApplication,
) -> Result<Changed<StoredApplication>, MosaicError> {
    check(Some(&new.name), Some(&new.platform), Some(&new.allowed_origins), Some(&new.allowed_proxy_urls))?;
    let application = Application {
        id: random_uuid(&*context.random)?,
        name: new.name,
        platform: new.platform,
        enabled: false,
        allowed_origins: new.allowed_origins,
        allowed_proxy_urls: new.allowed_proxy_urls,
        key: None,
        webhook: None,
        login: LoginPreferences::default(),
        users_join: UsersJoin::default(),
    };
    change(context, environment, move |conn, place| {
        if applications::list(conn, &place.environment_id)?.len() >= MAX_APPLICATIONS {
            return Err(invalid("application", &format!("is one too many: there are {MAX_APPLICATIONS}")));
        }
        // Tokens carry both ids: an application that is called like a client would be taken for it. A client may well
        // have a UUID for a name.
        if clients::find(conn, &place.environment_id, &application.id)?.is_some() {
            return Err(invalid("application", "got the id of a client; try again"));
        }
        applications::upsert(conn, &place.environment_id, &application, Origin::Command)?;
        Ok(Changed::made(StoredApplication { application, origin: Origin::Command }))
    })
    .await
}

/// Changes an application.
///
/// # Errors
/// An argument is invalid, there is no such application, the new name is taken, or the database fails.
pub async fn update(
    context: &Context,
    environment: &EnvironmentSnapshot,
    id: String,
    patch: ApplicationPatch,
) -> Result<Changed<StoredApplication>, MosaicError> {
    let (name, platform) = (patch.name.as_deref(), patch.platform.as_deref());
    // Only what is new: a file may have set what could not be set here, and that is no reason to refuse the rest.
    check(name, platform, patch.allowed_origins.as_deref(), patch.allowed_proxy_urls.as_deref())?;
    edit(context, environment, id, move |_, application| {
        replace(&mut application.name, patch.name);
        replace(&mut application.platform, patch.platform);
        replace(&mut application.enabled, patch.enabled);
        replace(&mut application.allowed_origins, patch.allowed_origins);
        replace(&mut application.allowed_proxy_urls, patch.allowed_proxy_urls);
        Ok(())
    })
    .await
}

/// Deletes an application, and gives what it was. Its users' tokens are refused from now on.
///
/// # Errors
/// There is no such application, or the database fails.
pub async fn delete(
    context: &Context,
    environment: &EnvironmentSnapshot,
    id: String,
) -> Result<Changed<StoredApplication>, MosaicError> {
    checks::id(&id)?;
    change(context, environment, move |conn, place| {
        let stored = stored(conn, place, &id)?;
        applications::delete(conn, &place.environment_id, &id)?;
        Ok(Changed::removed(stored))
    })
    .await
}

/// Gives an application a new key. The one that it had is no longer good.
///
/// # Errors
/// There is no such application, or the database or the random source fails.
pub async fn regenerate_key(
    context: &Context,
    environment: &EnvironmentSnapshot,
    id: String,
) -> Result<Changed<WithSecret>, MosaicError> {
    let key = Secret::generate(&*context.random)?;
    let hash = key.hash();
    let set_key = move |_: &mut Conn<'_>, application: &mut Application| {
        application.key = Some(hash);
        Ok(())
    };
    let changed = edit(context, environment, id, set_key).await?;
    Ok(changed.map(|application| WithSecret { application, secret: Some(key) }))
}

/// Takes an application's key away: it can no longer authenticate.
///
/// # Errors
/// There is no such application, or the database fails.
pub async fn clear_key(
    context: &Context,
    environment: &EnvironmentSnapshot,
    id: String,
) -> Result<Changed<StoredApplication>, MosaicError> {
    edit(context, environment, id, |_, application| {
        application.key = None;
        Ok(())
    })
    .await
}

/// Changes the application with this id, whoever looks after it.
pub(super) async fn edit(
    context: &Context,
    environment: &EnvironmentSnapshot,
    id: String,
    work: impl FnOnce(&mut Conn<'_>, &mut Application) -> Result<(), MosaicError> + Send + 'static,
) -> Result<Changed<StoredApplication>, MosaicError> {
    checks::id(&id)?;
    change(context, environment, move |conn, place| {
        let mut stored = stored(conn, place, &id)?;
        let before = stored.facts();
        work(conn, &mut stored.application)?;
        applications::upsert(conn, &place.environment_id, &stored.application, stored.origin)?;
        Ok(Changed::edited(&before, stored))
    })
    .await
}

fn stored(conn: &mut Conn<'_>, place: &Place, id: &str) -> Result<StoredApplication, MosaicError> {
    applications::find(conn, &place.environment_id, id)?.ok_or_else(not_found)
}

fn check(
    name: Option<&str>,
    platform: Option<&str>,
    allowed_origins: Option<&[String]>,
    allowed_proxy_urls: Option<&[String]>,
) -> Result<(), MosaicError> {
    checks::optional_text("name", name, MAX_TEXT)?;
    checks::optional_text("applicationPlatform", platform, MAX_PLATFORM)?;
    checks::origins("allowedOrigins", allowed_origins.unwrap_or_default())?;
    checks::web_urls("allowedProxyUrls", allowed_proxy_urls.unwrap_or_default())
}

/// Puts `new` in place of `old`, if there is one.
pub(super) fn replace<T>(old: &mut T, new: Option<T>) {
    if let Some(new) = new {
        *old = new;
    }
}
