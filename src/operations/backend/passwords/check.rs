//! Comparing a password with a user's: with as many looks as the application allows, and the same work whoever is named.

use super::{
    judge,
    policy::{self, Standing},
};
use crate::{
    domain::{
        application::Application,
        login::{IdentifierKind, identifier::normalized, lockout::LockoutRule},
        password::Password,
    },
    operations::backend::{
        call::Call,
        error::{ApiCode, ApiError},
        lockout::{self, Authenticator, Claim, Holder},
        person::Person,
        who::{Found, find_in},
    },
    store::{
        Conn, StoreError,
        passwords::{self, StoredPassword},
    },
};

/// Who says to be whom.
#[derive(Clone)]
pub struct Login {
    /// By what the user is named.
    pub kind: IdentifierKind,
    /// The name.
    pub identifier: String,
    /// What is said to be the password.
    pub password: String,
}

/// Where a password comes from.
#[derive(Clone)]
pub enum Guesser {
    /// The application's own backend, which has proved itself.
    Backend,
    /// Anybody, from this network.
    Stranger(String),
}

/// A user whose password it was.
pub struct Checked {
    /// The user.
    pub person: Person,
    /// The password.
    pub kept: StoredPassword,
    /// What it is good for; never [`Standing::Over`].
    pub standing: Standing,
    /// Whether the user joins the application by it.
    pub joins: bool,
}

/// Compares a password. Whoever is named, exactly one hash is made, unless the name is locked: of an unknown user, of one without a
/// password and of one who is disabled that of nobody's password. The failure is counted before, so that of any number of guesses at
/// the same moment no more are looked at than the application allows.
///
/// # Errors
/// [`ApiCode::InvalidCredentials`], whatever is wrong; [`ApiCode::Locked`]; [`ApiCode::PreferencesMissing`]; too many passwords wait.
pub async fn check(
    call: &mut Call,
    application: &Application,
    guesser: Guesser,
    login: Login,
) -> Result<Checked, ApiError> {
    let preferences = policy::preferences(application)?;
    let password = judge::read(&login.password)?;
    // Before the failure is counted: nobody is to be locked out because others sign in.
    call.context.passwords.ready()?;
    call.record.application_id = Some(application.id.clone());
    let now = call.now();
    let asked = Asked {
        environment_id: call.environment_id().to_owned(),
        application_id: application.id.clone(),
        kind: kind_of(login.kind, &login.identifier),
        identifier: login.identifier,
        guesser,
        rule: policy::lockout(preferences),
        now,
    };
    let begun = call.context.catalog.work(move |store| store.transact(|conn| asked.begin(conn)));
    let Begun { holder, subject, person, kept, claim, joins } = begun.await?;
    call.record.subject = subject;
    if let Claim::Locked { until } = claim {
        let until = until.map_or("somebody unlocks".to_owned(), |until| until.to_string());
        return Err(ApiError::from(ApiCode::Locked).with_detail(format!("locked until {until}")));
    }
    let matches = match call.context.passwords.verify(&password, kept.as_ref().map(|kept| &kept.hash)).await {
        Ok(matches) => matches,
        Err(error) => {
            // Others took the last places in the queue since it was asked.
            let work = call
                .context
                .catalog
                .work(move |store| store.transact(|conn| lockout::withdraw(conn, &holder, Authenticator::Password)));
            work.await?;
            return Err(error);
        }
    };
    let standing = kept.as_ref().map(|kept| Standing::of(kept, preferences, now));
    match (matches, person, kept, standing) {
        (true, Some(person), Some(kept), Some(standing)) if standing != Standing::Over => {
            let id = application.id.clone();
            let done = call.context.catalog.work(move |store| {
                store.transact(|conn| lockout::succeeded(conn, &holder, Authenticator::Password, &id, now))
            });
            done.await?;
            renew(call, &person, &password, &kept).await;
            Ok(Checked { person, kept, standing, joins })
        }
        (matches, person, kept, _) => {
            let noted = call
                .context
                .catalog
                .work(move |store| store.transact(|conn| lockout::failed(conn, &holder, Authenticator::Password, now)));
            noted.await?;
            let why = match (person, kept, matches) {
                (None, ..) => "there is no such user, or the user is disabled",
                (_, None, _) => "the user has no password",
                (.., false) => "the password is wrong",
                (.., true) => "the temporary password is too old",
            };
            Err(ApiError::from(ApiCode::InvalidCredentials).with_detail(why))
        }
    }
}

/// An e-mail address or telephone number in place of a user name is one: user names never look like either.
pub fn kind_of(kind: IdentifierKind, text: &str) -> IdentifierKind {
    match kind {
        IdentifierKind::Username if text.contains('@') => IdentifierKind::Email,
        IdentifierKind::Username if text.starts_with('+') => IdentifierKind::PhoneNumber,
        other => other,
    }
}

struct Asked {
    environment_id: String,
    application_id: String,
    kind: IdentifierKind,
    identifier: String,
    guesser: Guesser,
    rule: LockoutRule,
    now: i64,
}

struct Begun {
    holder: Holder,
    subject: Option<String>,
    person: Option<Person>,
    kept: Option<StoredPassword>,
    claim: Claim,
    joins: bool,
}

impl Asked {
    /// Finds the user, and counts the failure of whoever that is.
    fn begin(&self, conn: &mut Conn<'_>) -> Result<Begun, StoreError> {
        let Self { environment_id, application_id, kind, .. } = self;
        let value = normalized(*kind, &self.identifier);
        let found = match &value {
            Some(value) => find_in(conn, environment_id, application_id, *kind, value)?,
            None => Found::Nobody,
        };
        let nobody = || {
            let name = value.as_ref().unwrap_or(&self.identifier);
            Holder::nobody(environment_id, &format!("{} {application_id} {name}", kind.as_str()))
        };
        let joins = matches!((&found, &self.guesser), (Found::Joining(_), Guesser::Backend));
        let (holder, subject, person, kept) = match found.or_joining(joins) {
            Found::User(person) => {
                let id = person.user.id.clone();
                let kept = passwords::find(conn, &id)?;
                (lockout::holder_at(conn, (environment_id, application_id), &id)?, Some(id), Some(*person), kept)
            }
            // Who is disabled is compared with nobody: even the right password says nothing.
            Found::Disabled(id) => (Holder::from(&id), Some(id), None, None),
            Found::Joining(person) => (nobody(), Some(person.user.id), None, None),
            Found::Nobody => (nobody(), None, None, None),
        };
        let (password, rule, now) = (Authenticator::Password, &self.rule, self.now);
        let (holder, claim) = match (&self.guesser, &person) {
            (Guesser::Backend, Some(person)) => {
                let claim = lockout::claim_at(conn, &holder, &person.user.id, (password, rule), now)?;
                (holder, claim)
            }
            (Guesser::Backend, None) => {
                let claim = lockout::claim(conn, &holder, password, rule, now)?;
                (holder, claim)
            }
            (Guesser::Stranger(network), _) => {
                lockout::claim_from(conn, (environment_id, network), &holder, password, rule, now)?
            }
        };
        Ok(Begun { holder, subject, person, kept, claim, joins })
    }
}

/// Hashes a password anew if the settings are others than when it was hashed: only now the server knows it. It can wait for the next
/// sign-in, so that nothing fails for it.
async fn renew(call: &Call, person: &Person, password: &Password, kept: &StoredPassword) {
    let passwords = &call.context.passwords;
    if !kept.hash.is_outdated(passwords.parameters()) {
        return;
    }
    let Ok(renewed) = passwords.hash(password).await else { return };
    let (user_id, before) = (person.user.id.clone(), kept.hash.clone());
    let written = call
        .context
        .catalog
        .work(move |store| store.transact(|conn| passwords::rehash(conn, &user_id, &before, &renewed)));
    if let Err(error) = written.await {
        let error: StoreError = error;
        log::warn!(request_id = call.request_id.as_str(); "a password is still hashed as before: {error}");
    }
}
