//! What is presented, and whether it is the one.

use super::CodeError;
use crate::{
    domain::{
        login::one_time_code::{CodeChannel, CodePurpose, OneTimeCode},
        secret::{Secret, SecretHash, SecretKind},
    },
    jose::master_key::MasterKey,
    store::{
        Conn, StoreError,
        one_time_codes::{self, Over, Sought},
    },
};

/// A code that somebody typed in.
#[derive(Debug)]
pub struct Presented<'a> {
    /// Which code is meant.
    pub sought: Sought<'a>,
    /// The channels that it may have come by. A guess is looked at once for each that has a code.
    pub channels: &'a [CodeChannel],
    /// What was typed in.
    pub passcode: &'a Secret,
}

/// What a guess was.
#[derive(Debug, PartialEq, Eq)]
pub enum Guess {
    /// Right, for the first time. It is used up, and so is every other code that could have been meant.
    Right(Box<OneTimeCode>),
    /// Wrong, or there is no such code.
    Wrong,
    /// The code that could be meant has expired.
    Expired,
    /// As many guesses as are looked at were wrong. This one was not looked at.
    Exhausted,
}

/// Looks at a guess, if the codes that may be meant have any left. In a transaction, whose commit comes before the answer: a guess
/// that was looked at is counted whatever becomes of the request, and no answer is given that was not paid for.
///
/// # Errors
/// The database or the cryptographic library failed.
pub fn guess_in(
    conn: &mut Conn<'_>,
    master_key: &MasterKey,
    presented: &Presented<'_>,
    now: i64,
) -> Result<Guess, CodeError> {
    let sought = &presented.sought;
    let mut claimed = Vec::new();
    for channel in presented.channels {
        claimed.extend(one_time_codes::claim(conn, sought, *channel, now)?);
    }
    let mut right = None;
    for code in &claimed {
        let kept = SecretHash::from_hex(&code.secret_hash).ok_or_else(|| unreadable(code))?;
        if master_key.is_code(&kept, &code.id, &code.binding.user_id, presented.passcode)? {
            right = Some(code.clone());
        }
    }
    match right {
        Some(code) => use_up(conn, &claimed, code, now),
        None if claimed.is_empty() => why_not(conn, presented, now),
        None => Ok(Guess::Wrong),
    }
}

/// The user has proved what all of them were for.
fn use_up(conn: &mut Conn<'_>, claimed: &[OneTimeCode], right: OneTimeCode, now: i64) -> Result<Guess, CodeError> {
    let mut is_first = false;
    for code in claimed {
        let taken = one_time_codes::take(conn, &code.id, now)?;
        is_first |= taken && code.id == right.id;
    }
    Ok(if is_first { Guess::Right(Box::new(right)) } else { Guess::Wrong })
}

fn why_not(conn: &mut Conn<'_>, presented: &Presented<'_>, now: i64) -> Result<Guess, CodeError> {
    let mut expired = false;
    for channel in presented.channels {
        match one_time_codes::why_over(conn, &presented.sought, *channel, now)? {
            Some(Over::Exhausted) => return Ok(Guess::Exhausted),
            Some(Over::Expired) => expired = true,
            None => {}
        }
    }
    Ok(if expired { Guess::Expired } else { Guess::Wrong })
}

fn unreadable(code: &OneTimeCode) -> StoreError {
    let reason = "secret_hash is not readable".to_owned();
    StoreError::Corrupt { table: "one_time_codes", key: code.id.clone(), reason }
}

/// What a link carried back.
#[derive(Debug)]
pub struct LinkPresented<'a> {
    /// The environment.
    pub environment_id: &'a str,
    /// The application of the calling client.
    pub application_id: &'a str,
    /// The calling client.
    pub client_id: &'a str,
    /// What it is to be good for.
    pub purpose: CodePurpose,
    /// The code.
    pub code: &'a Secret,
    /// The request id, if the client has one.
    pub request_id: Option<&'a Secret>,
}

/// Finds the link that is presented, and whether it may be redeemed here, and now. It is not used up by that, and whoever may not
/// redeem it does not use it up.
///
/// # Errors
/// The database failed.
pub fn find_link_in(
    conn: &mut Conn<'_>,
    presented: &LinkPresented<'_>,
    now: i64,
) -> Result<Option<OneTimeCode>, StoreError> {
    if !presented.code.is_well_formed(SecretKind::Link) {
        return Ok(None);
    }
    let hash = presented.code.hash().to_hex();
    let found = one_time_codes::find_link(conn, presented.environment_id, &hash)?;
    let request = presented.request_id.map(|id| id.hash().to_hex());
    // A link of another client that is slipped in here would sign its user in to this one: who asked for it redeems it. The request
    // id binds it to the browser as well, where there is one.
    let is_meant = |code: &OneTimeCode| {
        code.binding.purpose == presented.purpose
            && code.binding.application_id == presented.application_id
            && (code.any_client || code.binding.client_id == presented.client_id)
            && code.request_hash == request
            && now < code.expires_at
    };
    Ok(found.filter(is_meant))
}

/// Redeems a link. Of any number of requests at the same moment one gets it.
///
/// # Errors
/// The database failed.
pub fn redeem_link_in(
    conn: &mut Conn<'_>,
    presented: &LinkPresented<'_>,
    now: i64,
) -> Result<Option<OneTimeCode>, StoreError> {
    let Some(code) = find_link_in(conn, presented, now)? else { return Ok(None) };
    Ok(one_time_codes::take(conn, &code.id, now)?.then_some(code))
}
