//! Making a passkey.

use super::{Setup, no_ceremony, refused, text_of};
use crate::{
    domain::{
        application::UsersJoin,
        login::{IdentifierKind, identifier::normalized},
        passkey::{Ceremony, MAX_PASSKEYS, Passkey},
        random::Random,
        secret::Secret,
    },
    operations::{
        backend::{
            call::Call,
            error::{ApiCode, ApiError},
            users::{self, AccountChange, Scope},
            who::{Found, find_in},
        },
        facts::Differences,
    },
    store::{Conn, Store, StoreError, user_applications, webauthn_ceremonies, webauthn_credentials},
    webauthn::{EncodedResult, NewKey, Refusal, RegistrationCeremony},
};

/// Whose the passkey is to be.
#[derive(Debug, Clone)]
pub enum NewPasskey {
    /// The user with this id.
    Of(String),
    /// The user whom the application's own system calls so, who is made if there is none.
    OfExternal {
        /// The name there.
        external_user_id: String,
        /// The address of a user who is made.
        email: Option<String>,
        /// Whether the caller may make users.
        may_create: bool,
    },
}

/// A passkey was made.
#[derive(Debug)]
pub struct Registered {
    /// Which ceremony it came of.
    pub session_id: String,
    /// The passkey.
    pub passkey: Passkey,
    /// Whether its authenticator is a part of the device, as the browser says.
    pub is_platform: bool,
    /// Whether the user was made for it.
    pub is_user_created: bool,
}

/// Makes a passkey of what a browser answered.
///
/// # Errors
/// [`ApiCode::WebauthnResult`]: the answer is refused, and the ceremony used up; [`ApiCode::WebauthnUsernameTaken`],
/// [`ApiCode::TooManyPasskeys`], [`ApiCode::UserNotFound`], [`ApiCode::UserNotActive`], [`ApiCode::Forbidden`]; those of making a
/// user; or the database failed.
pub async fn register(call: &mut Call, encoded: &str, whose: NewPasskey) -> Result<Registered, ApiError> {
    let application = call.application()?.clone();
    call.record.application_id = Some(application.id.clone());
    let setup = Setup::of(call, &application, super::DEFAULT_TIMEOUT)?;
    let result = EncodedResult::read(encoded).map_err(refused)?;
    let key = result.new_key().map_err(refused)?;
    let scope = Scope {
        environment_id: call.environment_id().to_owned(),
        application_id: Some(application.id),
        now: call.now(),
    };
    let random = call.context.random.clone();
    let answer = Answer { setup, scope, join: application.users_join, result, whose };
    let done = call.context.catalog.change(move |store| answer.finish(store, &*random, key)).await;
    let (registered, differences) = done?;
    call.record.subject = Some(registered.passkey.user_id.clone());
    call.record.detail = Some(format!("passkey of {}", registered.passkey.aaguid));
    if let Some(differences) = differences {
        (call.record.before, call.record.after) = (differences.before, differences.after);
        // On the snapshot of now: that of the request may be an old one.
        if let Some(current) = call.context.catalog.environment_by_id(call.environment_id()) {
            current.forget_users();
        }
    }
    Ok(registered)
}

struct Answer {
    setup: Setup,
    scope: Scope,
    /// When a user who is there already belongs to the application.
    join: UsersJoin,
    result: EncodedResult,
    whose: NewPasskey,
}

impl Answer {
    fn finish(
        &self,
        store: &Store,
        random: &dyn Random,
        key: NewKey,
    ) -> Result<(Registered, Option<Differences>), ApiError> {
        let Scope { environment_id, now, .. } = &self.scope;
        let id = Secret::new(&self.result.session_id).hash();
        // Used up whatever comes of it.
        let taken =
            store.transact(|conn| webauthn_ceremonies::take(conn, environment_id, &self.setup.application_id, &id));
        let pending = taken?.filter(|pending| *now < pending.expires_at).ok_or_else(no_ceremony)?;
        let Ceremony::Registration { username, display_name, user_handle, state } = pending.ceremony else {
            return Err(refused(Refusal::Kind));
        };
        let ceremony: RegistrationCeremony = serde_json::from_value(state)
            .map_err(|_| ApiError::from(ApiCode::ServerError).with_detail("the state of a ceremony cannot be read"))?;
        let made = self.setup.party.finish_registration(&ceremony, key, &self.setup.policy).map_err(refused)?;
        let credential = serde_json::to_string(&made.credential)
            .map_err(|_| ApiError::from(ApiCode::ServerError).with_detail("a credential cannot be written"))?;
        let mut passkey = Passkey {
            id: text_of(made.credential.id()),
            user_id: String::new(),
            application_id: self.setup.application_id.clone(),
            username,
            user_handle,
            display_name,
            credential,
            counter: made.counter,
            aaguid: made.aaguid.to_string(),
            devices: Vec::new(),
            created_at: *now,
            last_seen_at: *now,
            removed_at: None,
        };
        passkey.seen(self.result.user_agent.as_deref(), *now);
        let (passkey, created) = store.transact(|conn| self.keep(conn, random, passkey))?;
        let registered = Registered {
            session_id: self.result.session_id.clone(),
            passkey,
            is_platform: made.is_platform,
            is_user_created: created.as_ref().is_some_and(|(is_new, _)| *is_new),
        };
        Ok((registered, created.map(|(_, differences)| differences)))
    }

    /// Keeps the passkey, or nothing.
    fn keep(
        &self,
        conn: &mut Conn<'_>,
        random: &dyn Random,
        mut passkey: Passkey,
    ) -> Result<(Passkey, Option<(bool, Differences)>), ApiError> {
        let Scope { environment_id, now, .. } = &self.scope;
        let (user_id, created) = self.owner(conn, random)?;
        passkey.user_id = user_id;
        let name = (passkey.application_id.as_str(), passkey.username.as_str());
        if !webauthn_credentials::claim_username(conn, environment_id, name, &passkey.user_id, *now)? {
            return Err(ApiCode::WebauthnUsernameTaken.into());
        }
        self.make_room(conn, &passkey)?;
        match webauthn_credentials::insert(conn, environment_id, &passkey) {
            Err(StoreError::Conflict(_)) => {
                let error = ApiError::from(ApiCode::WebauthnResult);
                return Err(error.with_detail("the credential is registered already"));
            }
            other => other?,
        }
        Ok((passkey, created))
    }

    /// Whose it is, and what became of the user.
    fn owner(
        &self,
        conn: &mut Conn<'_>,
        random: &dyn Random,
    ) -> Result<(String, Option<(bool, Differences)>), ApiError> {
        let (external_user_id, email, may_create) = match &self.whose {
            NewPasskey::OfExternal { external_user_id, email, may_create } => (external_user_id, email, *may_create),
            NewPasskey::Of(user_id) => {
                let is_here = user_applications::has(conn, user_id, &self.setup.application_id)?;
                return if is_here { Ok((user_id.clone(), None)) } else { Err(ApiCode::UserNotFound.into()) };
            }
        };
        let kind = IdentifierKind::ExternalUserId;
        let value = normalized(kind, external_user_id)
            .ok_or_else(|| ApiError::new(ApiCode::InvalidInput, "external_user_id cannot be one"))?;
        match find_in(conn, &self.scope.environment_id, &self.setup.application_id, kind, &value)? {
            Found::User(person) => Ok((person.user.id, None)),
            Found::Disabled(_) => Err(ApiCode::UserNotActive.into()),
            Found::Joining(_) => Err(not_joined()),
            Found::Nobody if !may_create => {
                let needed =
                    "The access token lacks the permission userid-api:USERS_CREATE, which making the user needs";
                Err(ApiError::new(ApiCode::Forbidden, needed).with_detail(needed))
            }
            Found::Nobody => {
                let change = AccountChange {
                    external_user_id: Some(Some(external_user_id.clone())),
                    email: email.clone().map(Some),
                    ..AccountChange::default()
                };
                let made = users::create(conn, &self.scope, random, &change, None, self.join)?;
                if made.account.is_joining {
                    return Err(not_joined());
                }
                let is_named = made.account.identifiers.iter().any(|one| one.kind == kind && one.value == value);
                if !is_named {
                    // Somebody else has the address. An address that nobody has verified must not lead a passkey into that
                    // user's account.
                    let error = ApiError::from(ApiCode::IdentifierTaken);
                    return Err(error.with_detail("the address is that of another user"));
                }
                Ok((made.account.user.id, Some((made.is_new, made.differences))))
            }
        }
    }

    /// Removes those that the new one takes the place of, and refuses one too many.
    fn make_room(&self, conn: &mut Conn<'_>, passkey: &Passkey) -> Result<(), ApiError> {
        let Scope { environment_id, now, .. } = &self.scope;
        let mut all = webauthn_credentials::of_user(conn, environment_id, &passkey.user_id)?;
        all.retain(|one| one.application_id == passkey.application_id);
        if self.setup.preferences.replace_existing_passkey {
            for one in all.iter().filter(|one| one.removed_at.is_none()) {
                webauthn_credentials::remove(conn, environment_id, &one.user_id, &one.id, *now)?;
            }
        } else if all.iter().filter(|one| one.removed_at.is_none()).count() >= MAX_PASSKEYS {
            return Err(ApiCode::TooManyPasskeys.into());
        }
        if all.len() >= 2 * MAX_PASSKEYS {
            // Whoever makes and removes them in turn shall not fill the table.
            webauthn_credentials::forget_removed(conn, environment_id, &passkey.user_id, &passkey.application_id)?;
        }
        Ok(())
    }
}

/// A passkey is a way into the account: no backend adds one before the user has proved to it who it is. The user has to be named and
/// signed in first.
fn not_joined() -> ApiError {
    ApiError::from(ApiCode::IdentifierTaken).with_detail("the user has yet to join the application by a proof")
}
