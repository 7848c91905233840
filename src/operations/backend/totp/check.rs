//! Signing in with a code.

use super::{TotpRules, Whom, rules};
use crate::{
    domain::{
        login::AuthMethod,
        totp::{TotpParameters, TotpSecret, is_code_length},
        typed_code::typed_digits,
    },
    jose::master_key::{MasterKey, totp_secret_aad},
    operations::backend::{
        call::Call,
        error::{ApiCode, ApiError},
        lockout::{self, Authenticator, Claim, Holder, LockoutRule},
        sign_in::{CommonRequest, Proof, TokenAnswer, preflight, sign_in},
        who::find_user,
    },
    store::{Conn, StoreError, totp},
};

/// Signs a user in with a code of an authenticator app.
///
/// # Errors
/// [`ApiCode::InvalidCredentials`], whoever is named and whatever is wrong with the code; [`ApiCode::Locked`] after too many of
/// those; those of a sign-in; or the database failed.
pub async fn authenticate(
    call: &mut Call,
    common: CommonRequest,
    whom: &Whom,
    code: String,
) -> Result<TokenAnswer, ApiError> {
    let preflight = preflight(call, common).await?;
    rules(call)?;
    // A slip of the finger is not a guess: nothing is counted for it, whoever is named.
    let digits = typed_digits(&code).filter(|digits| is_code_length(digits.len()));
    let code = digits.ok_or_else(malformed)?;
    let attempt = Attempt::begin(call, whom).await?;
    let (user_id, ()) =
        attempt.finish(call, move |conn, codes| codes.used(conn, &code).map(|used| used.then_some(()))).await?;
    let proof = Proof::of(user_id, Some(AuthMethod::Totp));
    sign_in(call, preflight, proof).await
}

/// The refusal of what cannot be a code. It says no more than that of a wrong one.
pub(super) fn malformed() -> ApiError {
    ApiError::from(ApiCode::InvalidCredentials).with_detail("it has not the form of a code")
}

/// A guess that was let through: a failure, until it turns out to be right.
pub(super) struct Attempt {
    holder: Holder,
    user_id: Option<String>,
    codes: Codes,
}

impl Attempt {
    /// Finds the user and counts the guess. What follows is the same work whether there is such a user or not.
    pub(super) async fn begin(call: &mut Call, whom: &Whom) -> Result<Self, ApiError> {
        let TotpRules { window, lockout, .. } = rules(call)?;
        let user_id = find_user(call, whom.kind, &whom.identifier).await?.person().map(|person| person.user.id);
        let holder = user_id.as_ref().map_or_else(|| nobody(call, whom), |id| Ok(Holder::from(id)))?;
        claimed(call, &holder, lockout).await?;
        let codes = Codes {
            environment_id: call.environment_id().to_owned(),
            application_id: call.application()?.id.clone(),
            // No user has this id.
            user_id: user_id.clone().unwrap_or_default(),
            master_key: call.context.master_key.clone(),
            window,
            now: call.now(),
        };
        Ok(Self { holder, user_id, codes })
    }

    /// Looks at the answer, and writes in the same transaction what became of it.
    pub(super) async fn finish<T: Send + 'static>(
        self,
        call: &Call,
        look: impl FnOnce(&mut Conn<'_>, &Codes) -> Result<Option<T>, CheckError> + Send + 'static,
    ) -> Result<(String, T), ApiError> {
        let Self { holder, user_id, codes } = self;
        let work = call.context.catalog.work(move |store| {
            store.transact(|conn| {
                let found = look(conn, &codes)?;
                if found.is_some() {
                    lockout::succeeded(conn, &holder, Authenticator::Totp, &codes.application_id, codes.now)?;
                } else {
                    lockout::failed(conn, &holder, Authenticator::Totp, codes.now)?;
                }
                Ok::<_, CheckError>(found)
            })
        });
        let found = work.await?;
        user_id.zip(found).ok_or_else(|| ApiCode::InvalidCredentials.into())
    }
}

/// Who is counted where the identifier is nobody's. Of any length: only a hash is kept.
fn nobody(call: &Call, whom: &Whom) -> Result<Holder, ApiError> {
    let identifier = format!("{}:{}:{}", call.application()?.id, whom.kind.as_str(), whom.identifier);
    Ok(Holder::nobody(call.environment_id(), &identifier))
}

/// Committed before anything is looked at: a crash in between leaves a failure.
async fn claimed(call: &Call, holder: &Holder, rule: LockoutRule) -> Result<(), ApiError> {
    let (holder, now) = (holder.clone(), call.now());
    let work = call
        .context
        .catalog
        .work(move |store| store.transact(|conn| lockout::claim(conn, &holder, Authenticator::Totp, &rule, now)));
    match work.await? {
        Claim::Go => Ok(()),
        Claim::Locked { until } => {
            let why = until.map_or_else(|| "until somebody unlocks".to_owned(), |until| format!("until {until}"));
            Err(ApiError::from(ApiCode::Locked).with_detail(format!("locked {why}")))
        }
    }
}

/// Why a code cannot be checked.
pub(super) enum CheckError {
    Store(StoreError),
    /// A secret does not open.
    Sealed(String),
}

impl From<StoreError> for CheckError {
    fn from(error: StoreError) -> Self {
        CheckError::Store(error)
    }
}

impl From<CheckError> for ApiError {
    fn from(error: CheckError) -> Self {
        match error {
            CheckError::Store(error) => error.into(),
            CheckError::Sealed(id) => ApiError::from(ApiCode::ServerError).with_detail(format!(
                "the secret of authenticator {id} does not open: is keys.master_key the right one?"
            )),
        }
    }
}

/// What codes are held against: all authenticators that the user has for the application.
pub(super) struct Codes {
    pub(super) environment_id: String,
    pub(super) application_id: String,
    pub(super) user_id: String,
    pub(super) now: i64,
    master_key: MasterKey,
    window: u8,
}

impl Codes {
    /// Whether the code is right; then it, and those before it, are used up. Of callers at the same moment one is told `true`.
    pub(super) fn used(&self, conn: &mut Conn<'_>, code: &str) -> Result<bool, CheckError> {
        let all = totp::of_user(conn, &self.environment_id, &self.user_id, Some(&self.application_id))?;
        if all.is_empty() {
            // As much work as for somebody who has one.
            let nobodys = TotpSecret::from_bytes(vec![0; 20]);
            let _ = TotpParameters::default().step_of(&nobodys, code, self.now, self.window);
        }
        let mut is_used = false;
        for one in all {
            let aad = totp_secret_aad(&self.environment_id, &self.user_id, &one.id);
            let secret = self.master_key.open(&one.sealed, &aad).map_err(|_| CheckError::Sealed(one.id.clone()))?;
            let secret = TotpSecret::from_bytes(secret);
            let step = one.parameters.step_of(&secret, code, self.now, self.window);
            if let Some(step) = step
                && !is_used
            {
                is_used = totp::use_step(conn, &one.id, step, self.now)?;
            }
        }
        Ok(is_used)
    }
}
