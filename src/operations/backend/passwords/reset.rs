//! Reset tokens: that somebody may set a new password of a user, once.

use super::{
    change::{NewPassword, accept, notify},
    judge::Background,
    policy::{self, preferences},
};
use crate::{
    domain::{
        application::Application,
        login::{AuthMethod, IdentifierKind, MFA, amr_of, reset::PasswordReset},
        pasted::pasted,
        secret::{Secret, SecretKind},
    },
    operations::backend::{
        call::Call,
        error::{ApiCode, ApiError},
        lockout::{self, Authenticator, UnlockKind},
        person::Person,
        session,
        who::{Found, find_in},
    },
    store::{Conn, StoreError, environments, password_resets, passwords, user_identifiers},
};

/// What a reset token is to be made for: an authentication of the user by one method.
#[derive(Debug, Clone)]
pub struct ResetOrder {
    user_id: String,
    application_id: String,
    method: AuthMethod,
    /// SHA-256 of the token of an authentication before it, in hexadecimal.
    previous: Option<String>,
    ignore_mfa: bool,
    /// Which of the user's passwords was shown.
    shown: Option<i64>,
    /// The address or number of the user's that was shown, or will be, in normal form.
    address: Option<(IdentifierKind, String)>,
}

impl ResetOrder {
    /// For a user who was authenticated by `method`, or will have been whoever gets the token.
    pub fn new(application: &Application, user_id: &str, method: AuthMethod) -> Self {
        Self {
            user_id: user_id.to_owned(),
            application_id: application.id.clone(),
            method,
            previous: None,
            ignore_mfa: false,
            shown: None,
            address: None,
        }
    }

    /// For whoever reads at this address of the user's, in normal form. It must be verified still.
    #[must_use]
    pub fn at(mut self, kind: IdentifierKind, value: String) -> Self {
        self.address = Some((kind, value));
        self
    }

    /// For a user who has shown the password with this generation.
    pub fn by_password(application: &Application, user_id: &str, generation: i64) -> Self {
        Self { shown: Some(generation), ..Self::new(application, user_id, AuthMethod::Password) }
    }

    /// A second authentication: the token of the first one, as [`previous_token`] gives it, is used up for this one.
    #[must_use]
    pub fn after(mut self, previous: Option<String>) -> Self {
        self.previous = previous;
        self
    }

    /// Whether one factor is enough although the application wants two.
    #[must_use]
    pub fn ignoring_mfa(mut self, ignore: bool) -> Self {
        self.ignore_mfa = ignore;
        self
    }
}

/// A reset token, in clear text.
#[derive(Debug)]
pub struct ResetToken {
    /// The token.
    pub secret: Secret,
    /// Whether it is good for nothing but a second authentication.
    pub needs_second_factor: bool,
    /// When its time is over; seconds since 1970.
    pub expires_at: i64,
}

/// Looks at the `prev_reset_token` of a call, without using it up: it must be this user's and application's. Gives what is kept until
/// the second authentication is done, for [`ResetOrder::after`].
///
/// # Errors
/// [`ApiCode::ResetTokenInvalid`], whatever is wrong with it; or the database failed.
pub async fn previous_token(
    call: &Call,
    application: &Application,
    user_id: &str,
    token: Option<&str>,
) -> Result<Option<String>, ApiError> {
    let Some(token) = token else { return Ok(None) };
    let reset = find(call, token).await?;
    if reset.user_id != user_id || reset.application_id != application.id {
        return Err(ApiError::from(ApiCode::ResetTokenInvalid).with_detail("it is another user's or application's"));
    }
    Ok(Some(reset.token_hash))
}

/// Makes a reset token.
///
/// # Errors
/// [`ApiCode::ResetTokenInvalid`]: the token of the first authentication is used up, over, of the same factor or of another password,
/// or the address is not the user's any more; [`ApiCode::InvalidCredentials`]: the password that was shown is not the user's any
/// more; [`ApiCode::PreferencesMissing`]; or the database failed.
pub async fn reset_token(call: &Call, application: &Application, order: ResetOrder) -> Result<ResetToken, ApiError> {
    let preferences = preferences(application)?;
    let secret = Secret::generate_kind(SecretKind::PasswordReset, &*call.context.random)?;
    let (environment_id, token_hash, now) = (call.environment_id().to_owned(), secret.hash().to_hex(), call.now());
    let (expires_at, wants_two) = (policy::reset_until(preferences, now), preferences.require_mfa && !order.ignore_mfa);
    let made = call.context.catalog.work(move |store| {
        store.transact(|conn| {
            // First: whoever sets a password or takes an address away waits, or was faster.
            environments::hold_revocations(conn, &environment_id)?;
            let generation = passwords::find(conn, &order.user_id)?.map(|present| present.generation);
            // Otherwise whoever knows the password before would get a token for the one that was set against them just now.
            if order.shown.is_some() && order.shown != generation {
                return Ok(Err(ApiCode::InvalidCredentials));
            }
            if !order.is_address_good(conn, &environment_id)? {
                return Ok(Err(ApiCode::ResetTokenInvalid));
            }
            let found = order.methods(conn, &environment_id, generation, now)?;
            let Some(methods) = found else { return Ok(Err(ApiCode::ResetTokenInvalid)) };
            let needs_second_factor = wants_two && !is_mfa(&methods);
            let ResetOrder { user_id, application_id, .. } = order;
            let reset = PasswordReset {
                token_hash,
                user_id,
                application_id,
                methods,
                needs_second_factor,
                generation,
                expires_at,
            };
            password_resets::insert(conn, &environment_id, &reset)?;
            Ok::<_, StoreError>(Ok(needs_second_factor))
        })
    });
    let why =
        "the first token is used up, over or of the same factor, or the password or the address was changed since";
    let needs_second_factor = made.await?.map_err(|code| ApiError::from(code).with_detail(why))?;
    Ok(ResetToken { secret, needs_second_factor, expires_at })
}

impl ResetOrder {
    fn is_address_good(&self, conn: &mut Conn<'_>, environment_id: &str) -> Result<bool, StoreError> {
        let Some((kind, value)) = &self.address else { return Ok(true) };
        let all = user_identifiers::of_user(conn, environment_id, &self.user_id)?;
        Ok(all.iter().any(|one| one.kind == *kind && one.value == *value && one.verified_at.is_some()))
    }

    /// By what the user was authenticated, with the authentication before, which is used up; `None` if there is none such.
    fn methods(
        &self,
        conn: &mut Conn<'_>,
        environment_id: &str,
        generation: Option<i64>,
        now: i64,
    ) -> Result<Option<Vec<AuthMethod>>, StoreError> {
        let Some(hash) = &self.previous else { return Ok(Some(vec![self.method])) };
        let found = password_resets::find(conn, environment_id, hash, now)?;
        let is_own = |one: &PasswordReset| {
            one.user_id == self.user_id && one.application_id == self.application_id && one.generation == generation
        };
        let Some(found) = found.filter(is_own) else { return Ok(None) };
        let methods: Vec<AuthMethod> = found.methods.into_iter().chain([self.method]).collect();
        let is_used = is_mfa(&methods) && password_resets::take(conn, hash)?;
        Ok(is_used.then_some(methods))
    }
}

fn is_mfa(methods: &[AuthMethod]) -> bool {
    amr_of(methods).contains(&MFA)
}

fn refused(why: &str) -> ApiError {
    ApiError::from(ApiCode::ResetTokenInvalid).with_detail(why)
}

async fn find(call: &Call, token: &str) -> Result<PasswordReset, ApiError> {
    let secret = Secret::new(pasted(token));
    if !secret.is_well_formed(SecretKind::PasswordReset) {
        // Without asking the database: most of what is tried is this.
        return Err(refused("it has not the form of a reset token"));
    }
    let (environment_id, hash, now) = (call.environment_id().to_owned(), secret.hash().to_hex(), call.now());
    let found = call
        .context
        .catalog
        .look_up(move |store| store.read(|conn| password_resets::find(conn, &environment_id, &hash, now)));
    found.await?.ok_or_else(|| refused("it is unknown, used up or over"))
}

/// Somebody whose password was set.
pub struct Redeemed {
    /// The primary e-mail address.
    pub email: Option<String>,
}

/// Sets a new password, for whoever has a reset token. A password that is not taken does not use it up; every session of the user ends.
///
/// # Errors
/// [`ApiCode::ResetTokenInvalid`], [`ApiCode::SecondFactorNeeded`], [`ApiCode::UserNotActive`]; and those of [`accept`].
pub async fn redeem(call: &mut Call, token: &str, password: &str, wants_two: bool) -> Result<Redeemed, ApiError> {
    let reset = find(call, token).await?;
    call.record.subject = Some(reset.user_id.clone());
    call.record.application_id = Some(reset.application_id.clone());
    if reset.needs_second_factor || (wants_two && !is_mfa(&reset.methods)) {
        return Err(ApiCode::SecondFactorNeeded.into());
    }
    let application = call.environment.applications.get(&reset.application_id).filter(|one| one.enabled).cloned();
    let application = application.ok_or(ApiCode::AppNotFound)?;
    let person = person(call, &reset).await?;
    let background = Background::of_user(call, &person).await?;
    if background.present.as_ref().map(|present| present.generation) != reset.generation {
        return Err(refused("the password was changed since"));
    }
    let new = NewPassword { text: password.to_owned(), temporary: false, enforced: true };
    let accepted = accept(call, &application, background, &new).await?;
    let (environment_id, now) = (call.environment_id().to_owned(), call.now());
    let change = call.context.catalog.change(move |store| {
        store.transact(|conn| {
            let user = (environment_id.as_str(), reset.user_id.as_str());
            // Before the token's row: whoever takes an address away takes them in this order.
            environments::hold_sign_ins(conn, user.0)?;
            // Of any number who present it at the same moment one gets further.
            let is_done = password_resets::take(conn, &reset.token_hash)? && accepted.change_in(conn, user, now)?;
            if is_done {
                // Also where it is the user's first one: whoever signed in by another method may be who it was set against.
                session::end_all_in(conn, user.0, user.1, now)?;
                // Whoever was locked out and has come this way need not wait. A lock that is somebody's to open stays.
                lockout::unlock(conn, &reset.user_id, Authenticator::Password, UnlockKind::Automatic, now)?;
            }
            Ok::<_, StoreError>(is_done)
        })
    });
    if !change.await? {
        return Err(refused("somebody was faster"));
    }
    notify(call, &application, &person);
    let email = person.primary(IdentifierKind::Email, &application.id).map(|one| one.shown.clone());
    Ok(Redeemed { email })
}

async fn person(call: &Call, reset: &PasswordReset) -> Result<Person, ApiError> {
    let (environment_id, user_id) = (call.environment_id().to_owned(), reset.user_id.clone());
    let application_id = reset.application_id.clone();
    let found = call.context.catalog.look_up(move |store| {
        store.read(|conn| find_in(conn, &environment_id, &application_id, IdentifierKind::UserId, &user_id))
    });
    match found.await? {
        Found::User(person) => Ok(*person),
        Found::Disabled(_) => Err(ApiCode::UserNotActive.into()),
        Found::Joining(_) | Found::Nobody => Err(refused("the user has left the application")),
    }
}
