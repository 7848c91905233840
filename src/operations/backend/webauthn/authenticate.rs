//! Signing in by a passkey.

use serde_json::{Map, Value};

use super::{Setup, bytes_of, no_ceremony, refused, text_of};
use crate::{
    domain::{
        login::AuthMethod,
        passkey::{Ceremony, Passkey},
        secret::Secret,
    },
    operations::backend::{
        call::Call,
        error::{ApiCode, ApiError},
        lockout::{self, Authenticator, Claim, LockoutRule},
        sign_in::{CommonRequest, Proof, TokenAnswer, preflight, sign_in},
    },
    store::{Conn, Store, StoreError, webauthn_ceremonies, webauthn_credentials},
    webauthn::{Assertion, AuthenticationCeremony, Credential, EncodedResult, Refusal, RelyingParty},
};

/// Signs in whoever answered a ceremony of the client's application.
///
/// # Errors
/// [`ApiCode::WebauthnResult`]: the answer is refused, and the ceremony used up; [`ApiCode::Locked`]; those of
/// [`sign_in`]; or the database failed.
pub async fn authenticate(call: &mut Call, encoded: &str, common: CommonRequest) -> Result<TokenAnswer, ApiError> {
    let preflight = preflight(call, common).await?;
    let setup = Setup::of(call, call.application()?, super::DEFAULT_TIMEOUT)?;
    let result = EncodedResult::read(encoded).map_err(refused)?;
    let assertion = result.assertion().map_err(refused)?;
    let answer = Answer {
        environment_id: call.environment_id().to_owned(),
        application_id: setup.application_id.clone(),
        lockout: setup.lockout(),
        may_synchronise: setup.policy.synchronised,
        party: setup.party,
        session: Secret::new(result.session_id),
        user_agent: result.user_agent,
        now: call.now(),
    };
    let (user_id, outcome) = call.context.catalog.work(move |store| answer.check(store, assertion)).await?;
    call.record.subject = user_id;
    let used = outcome?;
    let proof = Proof { approval_data: used.approval_data, ..Proof::of(used.user_id, Some(AuthMethod::WebAuthn)) };
    sign_in(call, preflight, proof).await
}

/// A passkey was used.
struct Used {
    user_id: String,
    approval_data: Option<Map<String, Value>>,
}

/// What a browser answered, and what it is held against.
struct Answer {
    environment_id: String,
    application_id: String,
    lockout: Option<LockoutRule>,
    party: RelyingParty,
    /// Whether the application allows passkeys that are copied to other devices.
    may_synchronise: bool,
    session: Secret,
    user_agent: Option<String>,
    now: i64,
}

/// What was found before the answer is looked at.
struct Asked {
    ceremony: AuthenticationCeremony,
    approval_data: Option<Map<String, Value>>,
    passkey: Passkey,
    /// Whether somebody was named when it began.
    is_known: bool,
}

/// Whose passkey it is, as far as that is known, and what came of the answer.
type Checked = (Option<String>, Result<Used, ApiError>);

impl Answer {
    fn check(&self, store: &Store, assertion: Assertion) -> Result<Checked, ApiError> {
        let asked = match store.transact(|conn| self.find(conn, &assertion))? {
            (_, Ok(asked)) => asked,
            (user_id, Err(error)) => return Ok((user_id, Err(error))),
        };
        let user_id = asked.passkey.user_id.clone();
        let from = asked.passkey.counter;
        let outcome = match self.verify(&asked, assertion) {
            Ok(passkey) => store.transact(|conn| self.keep(conn, &passkey, from))?,
            Err(error) => Err(error),
        };
        let outcome = match outcome {
            Ok(()) => Ok(Used { user_id: user_id.clone(), approval_data: asked.approval_data }),
            Err(error) => {
                store.transact(|conn| lockout::failed(conn, &user_id, Authenticator::WebAuthn, self.now))?;
                Err(error)
            }
        };
        Ok((Some(user_id), outcome))
    }

    /// Uses the ceremony up, and counts a failure of the passkey's owner before anything is verified. All of it stays, whatever
    /// comes of the answer.
    fn find(
        &self,
        conn: &mut Conn<'_>,
        assertion: &Assertion,
    ) -> Result<(Option<String>, Result<Asked, ApiError>), ApiError> {
        let pending =
            webauthn_ceremonies::take(conn, &self.environment_id, &self.application_id, &self.session.hash())?;
        let Some(pending) = pending.filter(|pending| self.now < pending.expires_at) else {
            return Ok((None, Err(no_ceremony())));
        };
        let Ceremony::Authentication { user_id: wanted, approval_data, state } = pending.ceremony else {
            return Ok((None, Err(refused(Refusal::Kind))));
        };
        let id = text_of(assertion.credential_id());
        let found = webauthn_credentials::find(conn, &self.environment_id, &id)?;
        let is_known = wanted.is_some();
        let is_good = |passkey: &Passkey| {
            passkey.application_id == self.application_id
                && passkey.removed_at.is_none()
                && wanted.as_ref().is_none_or(|wanted| *wanted == passkey.user_id)
        };
        let Some(passkey) = found.filter(is_good) else { return Ok((wanted, Err(refused(Refusal::Credential)))) };
        let user_id = Some(passkey.user_id.clone());
        if let Some(rule) = &self.lockout {
            let claim = lockout::claim(conn, &passkey.user_id, Authenticator::WebAuthn, rule, self.now)?;
            if let Claim::Locked { until } = claim {
                let error = ApiError::from(ApiCode::Locked).with_detail("locked after too many failures");
                let error = until.map_or(error.clone(), |until| error.after(until.saturating_sub(self.now)));
                return Ok((user_id, Err(error)));
            }
        }
        let ceremony = serde_json::from_value(state).map_err(|_| unreadable("the state of a ceremony"))?;
        let approval_data = match approval_data {
            Some(Value::Object(members)) => Some(members),
            _ => None,
        };
        Ok((user_id, Ok(Asked { ceremony, approval_data, passkey, is_known })))
    }

    /// The passkey as it is after its use.
    fn verify(&self, asked: &Asked, assertion: Assertion) -> Result<Passkey, ApiError> {
        let credential = credential_of(&asked.passkey)?;
        let handle = bytes_of(&asked.passkey.user_handle)?;
        let used = self.party.finish_authentication(
            &asked.ceremony,
            assertion,
            (&credential, asked.passkey.counter),
            (&handle, asked.is_known),
            self.may_synchronise,
        );
        let used = used.map_err(refused)?;
        let mut passkey = asked.passkey.clone();
        passkey.counter = used.counter;
        passkey.credential = serde_json::to_string(&used.credential).map_err(|_| unreadable("a credential"))?;
        passkey.seen(self.user_agent.as_deref(), self.now);
        Ok(passkey)
    }

    /// Keeps the counter, unless somebody else did with the same one meanwhile.
    fn keep(&self, conn: &mut Conn<'_>, passkey: &Passkey, from: u32) -> Result<Result<(), ApiError>, StoreError> {
        if !webauthn_credentials::used(conn, &self.environment_id, passkey, from)? {
            return Ok(Err(refused(Refusal::Cloned)));
        }
        lockout::succeeded(conn, &passkey.user_id, Authenticator::WebAuthn, &self.application_id, self.now)?;
        Ok(Ok(()))
    }
}

/// What the verifier keeps of a passkey.
pub(super) fn credential_of(passkey: &Passkey) -> Result<Credential, ApiError> {
    serde_json::from_str(&passkey.credential).map_err(|_| unreadable("a credential"))
}

fn unreadable(what: &str) -> ApiError {
    ApiError::from(ApiCode::ServerError).with_detail(format!("{what} cannot be read"))
}
