//! New passwords: judged, hashed, and put in the place of the one before.

use super::{
    judge::{self, Background},
    policy::preferences,
};
use crate::{
    domain::{
        application::Application,
        login::{IdentifierKind, preferences::PasswordPreferences},
        password::PasswordHash,
    },
    operations::{
        backend::{
            call::Call,
            error::{ApiCode, ApiError},
            person::Person,
            session,
            users::{self, Account, AccountChange},
        },
        delivery::{
            Message, MessageKind,
            content::{Branding, Letter, mail},
        },
        facts::{Changed, Differences},
    },
    store::{
        Conn, StoreError, environments,
        passwords::{self, StoredPassword},
    },
};

/// A new password, as it was sent.
#[derive(Clone)]
pub struct NewPassword {
    /// The text.
    pub text: String,
    /// Whether the user must choose another one at the first sign-in.
    pub temporary: bool,
    /// Whether the application's rules for strength count.
    pub enforced: bool,
}

/// A password that was judged and hashed, and may be written.
#[derive(Debug, Clone)]
pub struct Accepted {
    hash: PasswordHash,
    temporary: bool,
    /// The one that it was compared with, whose place it takes.
    before: Option<StoredPassword>,
}

/// Judges a new password by the rules of `application`, and hashes it.
///
/// # Errors
/// [`ApiCode::PasswordPolicyDisabled`]: the application has no passwords; [`ApiCode::PasswordWeak`],
/// [`ApiCode::PasswordBreached`], [`ApiCode::PasswordRecentlyUsed`]; or too many passwords wait.
pub async fn accept(
    call: &Call,
    application: &Application,
    background: Background,
    new: &NewPassword,
) -> Result<Accepted, ApiError> {
    let preferences = preferences(application).map_err(|_| ApiError::from(ApiCode::PasswordPolicyDisabled))?;
    let password = judge::read(&new.text)?;
    if new.enforced {
        judge::refused(&judge::objections(call, preferences, &password, &background).await?)?;
    }
    let hash = call.context.passwords.hash(&password).await?;
    Ok(Accepted { hash, temporary: new.temporary, before: background.present })
}

impl Accepted {
    /// Writes it. `false` when the user has another password by now than the one that it was compared with.
    ///
    /// # Errors
    /// There is no such user, or the database failed.
    pub fn write_in(&self, conn: &mut Conn<'_>, user_id: &str, now: i64) -> Result<bool, StoreError> {
        match &self.before {
            None => passwords::insert(conn, user_id, &self.hash, self.temporary, now),
            Some(before) => passwords::replace(conn, user_id, before, &self.hash, self.temporary, now),
        }
    }

    /// Writes it and, if it takes another one's place, ends the sessions of the user: whoever knew the password before is out.
    ///
    /// # Errors
    /// As with [`write_in`](Self::write_in).
    pub(super) fn change_in(
        &self,
        conn: &mut Conn<'_>,
        (environment_id, user_id): (&str, &str),
        now: i64,
    ) -> Result<bool, StoreError> {
        // Sign-ins with the password before are done by now, and are ended below, or see the new one.
        environments::hold_sign_ins(conn, environment_id)?;
        if !self.write_in(conn, user_id, now)? {
            return Ok(false);
        }
        if self.before.is_some() {
            session::end_all_in(conn, environment_id, user_id, now)?;
        }
        Ok(true)
    }
}

/// Whether the user may have a password already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// The user has none.
    First,
    /// The user has one.
    Another,
}

/// Sets a password of a user who may sign in to the calling application, and with `username` the name that the application knows the
/// user by from now on: both or neither.
///
/// # Errors
/// [`ApiCode::PasswordConfigured`]: there is one although there should be none, or it was changed at the same moment;
/// [`ApiCode::PasswordNotActive`]: there is none although there should be one; and those of [`accept`].
pub async fn set(
    call: &mut Call,
    person: &Person,
    expected: Expected,
    new: &NewPassword,
    username: Option<String>,
) -> Result<(), ApiError> {
    let application = call.application()?.clone();
    let mut background = Background::of_user(call, person).await?;
    background.identifiers.extend(username.clone());
    match (expected, &background.present) {
        (Expected::First, Some(_)) => return Err(ApiCode::PasswordConfigured.into()),
        (Expected::Another, None) => return Err(ApiCode::PasswordNotActive.into()),
        _ => {}
    }
    let accepted = accept(call, &application, background, new).await?;
    let (user_id, scope) = (person.user.id.clone(), users::scope_of(call)?);
    let work = move |conn: &mut Conn<'_>| -> Result<Option<Differences>, ApiError> {
        if !accepted.change_in(conn, (&scope.environment_id, &user_id), scope.now)? {
            return Ok(None);
        }
        let Some(username) = username else { return Ok(Some(Differences::default())) };
        let change = AccountChange { username: Some(Some(username)), ..AccountChange::default() };
        let renamed: Changed<Account> = users::update(conn, &scope, &user_id, change)?.into();
        Ok(Some(renamed.differences))
    };
    let differences = call.context.catalog.change(move |store| store.transact(work)).await?;
    let overtaken =
        || ApiError::from(ApiCode::PasswordConfigured).with_detail("another one was set at the same moment");
    let Differences { before, after } = differences.ok_or_else(overtaken)?;
    (call.record.before, call.record.after) = (before, after);
    call.record.detail = Some(if new.temporary { "temporary" } else { "chosen" }.to_owned());
    if expected == Expected::Another {
        notify(call, &application, person);
    }
    Ok(())
}

/// Tells the user by mail, if the application wants that. Nothing depends on it: the password is changed.
pub(super) fn notify(call: &Call, application: &Application, person: &Person) {
    let wanted = application.login.password.as_ref().filter(|preferences| preferences.notify_on_password_update);
    let address = person.primary(IdentifierKind::Email, &application.id);
    let (Some(preferences), Some(address)) = (wanted, address) else { return };
    if let Err(why) = send(call, application, preferences, person, &address.value) {
        log::warn!(request_id = call.request_id.as_str(); "the news of a new password was not sent: {why}");
    }
}

fn send(
    call: &Call,
    application: &Application,
    preferences: &PasswordPreferences,
    person: &Person,
    to: &str,
) -> Result<(), String> {
    // The subject of the preferences is that of reset mails.
    let branding = Branding {
        application: &application.name,
        primary_color: Some(&preferences.message.primary_color),
        sender_name: preferences.message.from.as_deref(),
        subject: None,
    };
    let parcel = mail(to, &Letter::PasswordChanged, &branding, None).map_err(|error| error.to_string())?;
    let message = Message {
        kind: MessageKind::PasswordChanged,
        environment_id: call.environment_id().to_owned(),
        application_id: application.id.clone(),
        client_id: call.record.client_id.clone().unwrap_or_default(),
        user_id: person.user.id.clone(),
        request_id: call.request_id.clone(),
        expires_at: None,
        parcel,
    };
    call.context.delivery.send(message).map_err(|error| error.to_string())
}
