//! One-time codes by e-mail, by SMS, and by way of the client (contract §2.3).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    CodeError,
    keep::{Destination, Kept, Wanted, check_delivery, keep, own_address, send},
    named_as, policy,
    redeem::{Guess, Presented, address_kind, guess_in},
};
use crate::{
    domain::{
        login::{
            AuthMethod, IdentifierKind,
            lockout::LockoutRule,
            one_time_code::{CodeChannel, CodeDetails, CodePurpose, OneTimeCode},
        },
        message::{CustomSms, EmailContent},
        pasted::pasted,
        secret::Secret,
        typed_code::typed_digits,
    },
    operations::{
        backend::{
            call::Call,
            error::{ApiCode, ApiError},
            person::Person,
            sign_in::{CommonRequest, Proof, TokenAnswer, preflight, sign_in},
            who::{Found, find_user},
        },
        delivery::{
            Channel,
            content::{self, Letter},
        },
    },
    store::one_time_codes::Sought,
};

/// What the contract says of a code that is locked.
const LOCKED: &str = "One time code invalid due to multiple failed attempts";

/// A code that is wanted.
pub struct OtpRequest {
    /// How it goes to the user.
    pub channel: CodeChannel,
    /// What the user is named by.
    pub kind: IdentifierKind,
    /// The name.
    pub identifier: String,
    /// The caller's own mail.
    pub email_content: Option<EmailContent>,
    /// The caller's own text message.
    pub custom_sms: Option<CustomSms>,
    /// What the user approves of.
    pub approval_data: Option<BTreeMap<String, String>>,
    /// Another address than the user's.
    pub custom_email: Option<String>,
    /// Another number than the user's.
    pub custom_phone_number: Option<String>,
    /// How long it is good, in minutes, instead of what the preferences say.
    pub minutes: Option<i64>,
    /// Whether whoever redeems it must know a request id besides.
    pub with_request_id: bool,
}

/// A code that was made.
pub struct OtpAnswer {
    /// The code, if the client gets it.
    pub code: Option<Secret>,
    /// The request id, if there is one.
    pub request_id: Option<Secret>,
}

/// Sends a code to sign in with.
///
/// # Errors
/// Those of the contract, see [`ApiCode`].
pub async fn send_otp(call: &mut Call, request: OtpRequest) -> Result<OtpAnswer, ApiError> {
    let policy = policy::of(&call.application()?.login, CodePurpose::SignIn, request.channel)?;
    // Whether the request is right does not depend on whom it is about, and is said first.
    if let Some(content) = &request.email_content {
        content.check()?;
    }
    if let Some(custom) = &request.custom_sms {
        custom.check()?;
    }
    let named = named_destination(&request)?;
    if let Some(channel) = delivery(request.channel) {
        check_delivery(call, channel)?;
    }
    // Only what goes to the user's own address, and comes back, is a proof to an application that the user joins by it.
    let is_proof = request.channel != CodeChannel::Direct && named.is_none();
    let found = find_user(call, request.kind, &request.identifier).await?;
    let is_joining = matches!(found, Found::Joining(_));
    let person = found.or_joining(is_proof).required()?;
    let to = match request.channel {
        CodeChannel::Direct => None,
        channel => {
            let kind = address_kind(channel);
            let own = own_address(call, &person, kind, (request.kind, &request.identifier))?;
            let missing = match channel {
                // Which addresses the user has is not said before the user has joined.
                _ if is_joining => ApiCode::UserNotFound,
                CodeChannel::Sms => ApiCode::UserPhoneMissing,
                _ => ApiCode::UserEmailMissing,
            };
            Some(named.or(own).ok_or(missing)?)
        }
    };
    let wanted = Wanted {
        purpose: CodePurpose::SignIn,
        channel: request.channel,
        person: &person,
        named_as: named_as(request.kind.as_str(), &request.identifier),
        to: to.as_ref(),
        policy: &policy,
        minutes: request.minutes,
        with_request_id: request.with_request_id,
        details: CodeDetails { approval_data: request.approval_data.clone(), ..CodeDetails::default() },
        links_per_minute: None,
    };
    let kept = keep(call, wanted).await?;
    let letter = Letter::SignInCode(kept.secret.reveal(), kept.minutes);
    match &to {
        Some(to) => {
            let contents = (request.email_content.as_ref(), request.custom_sms.as_ref());
            send_code(call, (CodePurpose::SignIn, request.channel), &letter, (&person, to, &kept), contents)?;
            Ok(OtpAnswer { code: None, request_id: kept.request_id })
        }
        None => Ok(OtpAnswer { code: Some(kept.secret.clone()), request_id: kept.request_id }),
    }
}

/// Writes a message with a code, and hands it over.
///
/// # Errors
/// There is no room for it.
pub(super) fn send_code(
    call: &Call,
    (purpose, channel): (CodePurpose, CodeChannel),
    letter: &Letter<'_>,
    (person, to, kept): (&Person, &Destination, &Kept),
    (email_content, custom_sms): (Option<&EmailContent>, Option<&CustomSms>),
) -> Result<(), ApiError> {
    let application = call.application()?;
    let parcel = if channel == CodeChannel::Sms {
        content::sms(&to.shown, letter, &application.name, custom_sms)?
    } else {
        content::mail(&to.shown, letter, &policy::branding(application, purpose, channel), email_content)?
    };
    send(call, letter.kind(), person, kept.expires_at, parcel)
}

/// What carries a channel's messages.
pub(super) fn delivery(channel: CodeChannel) -> Option<Channel> {
    match channel {
        CodeChannel::Link | CodeChannel::Email => Some(Channel::Mail),
        CodeChannel::Sms => Some(Channel::Sms),
        CodeChannel::Direct => None,
    }
}

fn named_destination(request: &OtpRequest) -> Result<Option<Destination>, ApiError> {
    let (field, kind, named) = match request.channel {
        CodeChannel::Sms => ("custom_phone_number", IdentifierKind::PhoneNumber, &request.custom_phone_number),
        CodeChannel::Email => ("custom_email", IdentifierKind::Email, &request.custom_email),
        CodeChannel::Direct | CodeChannel::Link => return Ok(None),
    };
    named.as_deref().map(|text| Destination::named(field, kind, text)).transpose()
}

/// A code that was typed in.
pub struct OtpPresented {
    /// What the user is named by; as it was when the code was sent.
    pub kind: IdentifierKind,
    /// The name.
    pub identifier: String,
    /// What was typed in.
    pub passcode: Secret,
    /// The request id, if there is one.
    pub request_id: Option<String>,
}

/// Signs a user in with a code.
///
/// # Errors
/// Those of the contract, see [`ApiCode`]. Nobody, somebody without a code and a wrong code are refused alike.
pub async fn authenticate_otp(
    call: &mut Call,
    common: CommonRequest,
    presented: OtpPresented,
) -> Result<TokenAnswer, ApiError> {
    let channels = channels(call, CodePurpose::SignIn, &CodeChannel::TYPED)?;
    let preflight = preflight(call, common).await?;
    let person = find_user(call, presented.kind, &presented.identifier).await?.or_joining(true).person();
    let user_id = person.map(|person| person.user.id);
    if preflight.user_id().is_some_and(|owner| Some(owner) != user_id.as_deref()) {
        // Before anything is looked at: nothing is used up, neither the code of the one nor the session of the other.
        return Err(ApiError::from(ApiCode::SessionNotFound).with_detail("the session is another user's"));
    }
    let code = redeem(call, CodePurpose::SignIn, channels, user_id, presented).await?;
    let own = code.address.filter(|address| address.is_own);
    let verifies = own.map(|address| (address_kind(code.binding.channel), address.value));
    // What went through the client, or where the client said, shows no mailbox and no telephone of the user's.
    let method = match code.binding.channel {
        CodeChannel::Email if verifies.is_some() => AuthMethod::EmailOtp,
        CodeChannel::Sms if verifies.is_some() => AuthMethod::SmsOtp,
        _ => AuthMethod::DirectOtp,
    };
    let approval_data: Option<Map<String, Value>> =
        code.details.approval_data.map(|data| data.into_iter().map(|(key, value)| (key, value.into())).collect());
    let proof = Proof { verifies, approval_data, ..Proof::of(code.binding.user_id, Some(method)) };
    sign_in(call, preflight, proof).await
}

/// The channels that the application's users get codes by, each with what locks it.
///
/// # Errors
/// [`ApiCode::PreferencesMissing`]: there is none.
pub(super) fn channels(
    call: &Call,
    purpose: CodePurpose,
    among: &[CodeChannel],
) -> Result<Vec<(CodeChannel, LockoutRule)>, ApiError> {
    let preferences = &call.application()?.login;
    let rule = |channel: &CodeChannel| Some((*channel, policy::of(preferences, purpose, *channel).ok()?.lockout));
    let channels: Vec<_> = among.iter().filter_map(rule).collect();
    if channels.is_empty() { Err(ApiCode::PreferencesMissing.into()) } else { Ok(channels) }
}

/// Uses a code up, if it is right. For nobody the same is done as for a user without a code.
///
/// # Errors
/// [`ApiCode::InvalidCredentials`], [`ApiCode::PasscodeExpired`], [`ApiCode::Locked`]; or the database failed.
pub(super) async fn redeem(
    call: &Call,
    purpose: CodePurpose,
    channels: Vec<(CodeChannel, LockoutRule)>,
    user_id: Option<String>,
    presented: OtpPresented,
) -> Result<OneTimeCode, ApiError> {
    let passcode = typed(call, purpose, &channels, &presented.passcode)?;
    let (environment_id, application_id) = (call.environment_id().to_owned(), call.application()?.id.clone());
    let (client_id, now) = (call.client()?.id.clone(), call.now());
    let master_key = call.context.master_key.clone();
    let work = call.context.catalog.work(move |store| {
        let named_as = named_as(presented.kind.as_str(), &presented.identifier);
        let request_hash = presented.request_id.map(|id| Secret::new(pasted(&id)).hash().to_hex());
        let sought = Sought {
            environment_id: &environment_id,
            user_id: user_id.as_deref().unwrap_or_default(),
            application_id: &application_id,
            client_id: &client_id,
            purpose,
            named_as: &named_as,
            request_hash: request_hash.as_deref(),
        };
        let presented = Presented { sought, channels: &channels, passcode: &passcode };
        store.transact(|conn| guess_in(conn, &master_key, &presented, now))
    });
    let refused = match work.await.map_err(|error: CodeError| ApiError::from(error))? {
        Guess::Right(code) => return Ok(*code),
        Guess::Wrong => ApiCode::InvalidCredentials,
        Guess::Expired => ApiCode::PasscodeExpired,
        Guess::Locked => return Err(ApiError::new(ApiCode::Locked, LOCKED)),
    };
    Err(refused.into())
}

/// The code that was typed in. What has not the form of one, as many digits as the application's codes have, is not a guess: it is
/// refused like a wrong one, and nothing is counted for it, whoever is named.
fn typed(
    call: &Call,
    purpose: CodePurpose,
    channels: &[(CodeChannel, LockoutRule)],
    passcode: &Secret,
) -> Result<Secret, ApiError> {
    let preferences = &call.application()?.login;
    let lengths = channels.iter().filter_map(|(channel, _)| policy::of(preferences, purpose, *channel).ok());
    let lengths: Vec<usize> = lengths.filter_map(|policy| usize::try_from(policy.length).ok()).collect();
    let digits = typed_digits(passcode.reveal()).filter(|digits| lengths.contains(&digits.len()));
    let malformed = || ApiError::from(ApiCode::InvalidCredentials).with_detail("it has not the form of a code");
    digits.map(Secret::new).ok_or_else(malformed)
}
