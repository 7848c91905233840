//! Transactions that a user confirms with a code.
//!
//! What is to be approved is kept here, under a challenge of six digits. The user types the challenge that stands beside what is
//! approved, and then the code that the app shows: `123456` and `987654` are sent as `123456987654`. So a code says not only who
//! approves but what, and whoever has another transaction begun for the user at the same moment gets nothing approved by it.

use std::collections::BTreeMap;

use serde_json::json;

use super::{
    Whom,
    check::{Attempt, malformed},
    rules,
};
use crate::{
    domain::{
        login::AuthMethod,
        random::{Random, RandomError, random_uuid},
        totp::is_code_length,
        typed_code::typed_digits,
    },
    operations::backend::{
        call::Call,
        error::{ApiCode, ApiError},
        sign_in::{CommonRequest, Proof, TokenAnswer, preflight, sign_in},
        who::find_user,
    },
    store::totp_transactions::{self, Transaction},
};

/// How many digits a challenge has.
const CHALLENGE_DIGITS: usize = 6;

/// How long a transaction waits for the user, in seconds.
const LIFETIME: i64 = 300;
/// How often a challenge is drawn that the user has at the moment already.
const MAX_TRIES: usize = 8;

/// Begins a transaction, and gives its challenge. For an identifier that is nobody's the answer is the same, and nobody can confirm it.
///
/// # Errors
/// Those of a sign-in, as far as they can be known; the database or the random source failed.
pub async fn start(
    call: &mut Call,
    common: CommonRequest,
    whom: &Whom,
    approval_data: &BTreeMap<String, String>,
) -> Result<String, ApiError> {
    preflight(call, common).await?;
    rules(call)?;
    let user_id = find_user(call, whom.kind, &whom.identifier).await?.person().map(|person| person.user.id);
    let kept = json!(approval_data).to_string();
    for _ in 0..MAX_TRIES {
        let challenge = challenge(&*call.context.random)?;
        let transaction = Transaction {
            id: random_uuid(&*call.context.random)?,
            application_id: call.application()?.id.clone(),
            user_id: user_id.clone(),
            challenge: challenge.clone(),
            approval_data: kept.clone(),
            expires_at: call.now().saturating_add(LIFETIME),
        };
        let environment_id = call.environment_id().to_owned();
        let work = call
            .context
            .catalog
            .work(move |store| store.transact(|conn| totp_transactions::insert(conn, &environment_id, &transaction)));
        match work.await {
            Err(error) if error.is_conflict() => {}
            other => return other.map(|()| challenge).map_err(ApiError::from),
        }
    }
    Err(ApiError::from(ApiCode::TooManyRequests).with_detail("the user has too many transactions that wait"))
}

/// Signs a user in who approves a transaction: `code` is its challenge and behind it a code of an authenticator app.
///
/// # Errors
/// [`ApiCode::InvalidCredentials`], whatever is wrong: the user, the challenge, its age or the code; [`ApiCode::Locked`] after too
/// many of those; those of a sign-in; or the database failed.
pub async fn approve(
    call: &mut Call,
    common: CommonRequest,
    whom: &Whom,
    code: String,
) -> Result<TokenAnswer, ApiError> {
    let preflight = preflight(call, common).await?;
    rules(call)?;
    let (challenge, code) = typed_digits(&code).and_then(|digits| parts(&digits)).ok_or_else(malformed)?;
    let attempt = Attempt::begin(call, whom).await?;
    let looked = attempt.finish(call, move |conn, codes| {
        let (user_id, application_id) = (&codes.user_id, &codes.application_id);
        let waiting = totp_transactions::waiting(conn, user_id, application_id, &challenge, codes.now)?;
        // A code for a transaction that is not there is not used up: the user mistyped the challenge and tries again.
        let Some(transaction) = waiting else { return Ok(None) };
        let approved = codes.used(conn, &code)? && totp_transactions::take(conn, &transaction.id)?;
        Ok(approved.then_some(transaction.approval_data))
    });
    let (user_id, approval_data) = looked.await?;
    let approval_data = serde_json::from_str(&approval_data)
        .map_err(|_| ApiError::from(ApiCode::ServerError).with_detail("approval_data cannot be read back"))?;
    let proof = Proof { approval_data: Some(approval_data), ..Proof::of(user_id, Some(AuthMethod::Totp)) };
    sign_in(call, preflight, proof).await
}

/// The challenge, and the code behind it; `None` where it has not that form.
fn parts(digits: &str) -> Option<(String, String)> {
    let (challenge, code) = digits.split_at_checked(CHALLENGE_DIGITS)?;
    is_code_length(code.len()).then(|| (challenge.to_owned(), code.to_owned()))
}

/// Six random digits, each number as likely as the others.
fn challenge(random: &dyn Random) -> Result<String, RandomError> {
    const NUMBERS: u32 = 1_000_000;
    loop {
        let mut bytes = [0; 4];
        random.fill(&mut bytes)?;
        let drawn = u32::from_be_bytes(bytes);
        // The numbers beyond the last whole million would make small ones likelier.
        if drawn < u32::MAX - u32::MAX % NUMBERS {
            return Ok(format!("{:06}", drawn % NUMBERS));
        }
    }
}
