//! What is presented, and whether it is the one.

use super::CodeError;
use crate::{
    domain::{
        login::{
            IdentifierKind,
            lockout::{Attempts, Authenticator, Claim, LockoutRule},
            one_time_code::{CodeChannel, CodePurpose, OneTimeCode},
        },
        secret::{Secret, SecretHash, SecretKind},
    },
    jose::master_key::MasterKey,
    operations::backend::lockout::holder_at,
    store::{
        Conn, StoreError,
        attempts::{self, Holder},
        one_time_codes::{self, Over, Sought},
        user_identifiers,
    },
};

/// A code that somebody typed in.
#[derive(Debug)]
pub struct Presented<'a> {
    /// Which code is meant.
    pub sought: Sought<'a>,
    /// The channels that it may have come by, and how many wrong codes lock each. A guess is looked at once for each that has a
    /// code.
    pub channels: &'a [(CodeChannel, LockoutRule)],
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
    Locked,
}

/// A code of which a guess may be looked at, and the user's attempts by its channel.
struct Claimed {
    code: OneTimeCode,
    authenticator: Authenticator,
    /// Who pays for a wrong guess.
    holder: Holder,
    before: Attempts,
    after: Attempts,
}

/// What wrong codes of a channel are counted under; `None` for what cannot be guessed.
pub fn authenticator(channel: CodeChannel) -> Option<Authenticator> {
    match channel {
        CodeChannel::Link => None,
        CodeChannel::Email => Some(Authenticator::EmailOtp),
        CodeChannel::Sms => Some(Authenticator::SmsOtp),
        CodeChannel::Direct => Some(Authenticator::DirectOtp),
    }
}

/// Looks at a guess, if the codes that may be meant have any left and the user is not locked out. In a transaction, whose commit
/// comes before the answer: a guess that was looked at is counted whatever becomes of the request, and no answer is given that was
/// not paid for.
///
/// Two counts must have room. That of the code makes it die with its last guess, also if nobody tries again before the lock is over.
/// That of the user and channel goes on from code to code: whoever can have new ones sent has no more guesses for that.
///
/// # Errors
/// The database or the cryptographic library failed.
pub fn guess_in(
    conn: &mut Conn<'_>,
    master_key: &MasterKey,
    presented: &Presented<'_>,
    now: i64,
) -> Result<Guess, CodeError> {
    let (mut claimed, mut is_locked) = (Vec::new(), false);
    for (channel, rule) in presented.channels {
        let Some(authenticator) = authenticator(*channel) else { continue };
        let Some(code) = one_time_codes::claim(conn, &presented.sought, *channel, now)? else { continue };
        let place = (presented.sought.environment_id, presented.sought.application_id);
        let holder = holder_at(conn, place, &code.binding.user_id)?;
        let before = attempts::hold(conn, &holder, authenticator)?;
        let mut after = before.clone();
        match after.claim(rule, now) {
            Claim::Go => claimed.push(Claimed { code, authenticator, holder, before, after }),
            Claim::Locked { .. } => is_locked = true,
        }
    }
    let mut right = None;
    for (place, one) in claimed.iter().enumerate() {
        if is_right(conn, master_key, &one.code, presented.passcode)? {
            right = Some(place);
        }
    }
    match right {
        Some(place) => use_up(conn, claimed, place, now),
        None if is_locked => failed(conn, claimed, now).map(|()| Guess::Locked),
        None if claimed.is_empty() => why_not(conn, presented, now),
        None => failed(conn, claimed, now).map(|()| Guess::Wrong),
    }
}

fn is_right(
    conn: &mut Conn<'_>,
    master_key: &MasterKey,
    code: &OneTimeCode,
    passcode: &Secret,
) -> Result<bool, CodeError> {
    let reason = || "secret_hash is not readable".to_owned();
    let unreadable = || StoreError::Corrupt { table: "one_time_codes", key: code.id.clone(), reason: reason() };
    let kept = SecretHash::from_hex(&code.secret_hash).ok_or_else(unreadable)?;
    let is_code = master_key.is_code(&kept, &code.id, &code.binding.user_id, passcode)?;
    Ok(is_code && is_address_still_own(conn, code)?)
}

/// A code that went to an address that has since been taken from the user, or changed, is dead: whoever reads the old mailbox is
/// perhaps the reason. An address that was named for this once was never the user's.
fn is_address_still_own(conn: &mut Conn<'_>, code: &OneTimeCode) -> Result<bool, StoreError> {
    let Some(address) = code.address.as_ref().filter(|address| address.is_own) else { return Ok(true) };
    let kind = address_kind(code.binding.channel);
    let binding = &code.binding;
    user_identifiers::is_of_user(conn, &binding.user_id, kind, &address.value)
}

/// What kind of address a channel leads to.
pub fn address_kind(channel: CodeChannel) -> IdentifierKind {
    if channel == CodeChannel::Sms { IdentifierKind::PhoneNumber } else { IdentifierKind::Email }
}

fn failed(conn: &mut Conn<'_>, claimed: Vec<Claimed>, now: i64) -> Result<(), CodeError> {
    for mut one in claimed {
        one.after.last_failed_at = Some(now);
        attempts::write(conn, &one.holder, one.authenticator, &one.after)?;
    }
    Ok(())
}

/// The user has proved what all of them were for. The guess was no wrong one of the others.
fn use_up(conn: &mut Conn<'_>, claimed: Vec<Claimed>, right: usize, now: i64) -> Result<Guess, CodeError> {
    let mut redeemed = None;
    for (place, mut one) in claimed.into_iter().enumerate() {
        let taken = one_time_codes::take(conn, &one.code.id, now)?;
        let binding = &one.code.binding;
        if place == right {
            one.after.succeeded(&binding.application_id, now);
            attempts::write(conn, &one.holder, one.authenticator, &one.after)?;
            redeemed = taken.then_some(one.code);
        } else {
            attempts::write(conn, &one.holder, one.authenticator, &one.before)?;
        }
    }
    Ok(redeemed.map_or(Guess::Wrong, |code| Guess::Right(Box::new(code))))
}

fn why_not(conn: &mut Conn<'_>, presented: &Presented<'_>, now: i64) -> Result<Guess, CodeError> {
    let mut expired = false;
    for (channel, _) in presented.channels {
        match one_time_codes::why_over(conn, &presented.sought, *channel, now)? {
            Some(Over::Exhausted) => return Ok(Guess::Locked),
            Some(Over::Expired) => expired = true,
            None => {}
        }
    }
    Ok(if expired { Guess::Expired } else { Guess::Wrong })
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
    let Some(code) = found.filter(is_meant) else { return Ok(None) };
    Ok(is_address_still_own(conn, &code)?.then_some(code))
}
