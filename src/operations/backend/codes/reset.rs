//! The parts of a password reset that go through a mailbox or a telephone (contract §2.1): a reset token for whoever reads there.

use super::{
    keep::{Destination, Wanted, check_delivery, count, keep, send},
    link::{check_redirect, link_to},
    named_as,
    otp::{OtpPresented, channels, delivery, redeem, send_code},
    policy,
    redeem::address_kind,
};
use crate::{
    domain::{
        login::{
            AuthMethod, IdentifierKind,
            identifier::normalized,
            one_time_code::{CodeChannel, CodeDetails, CodePurpose},
        },
        message::EmailContent,
        secret::Secret,
    },
    operations::{
        backend::{
            call::Call,
            error::{ApiCode, ApiError},
            passwords::{ResetOrder, ResetToken, previous_token, reset_token},
            person::Person,
            who::find_user,
        },
        delivery::{
            Channel,
            content::{self, Letter},
        },
    },
};

/// What every call that starts a reset may say besides.
#[derive(Debug, Clone, Default)]
pub struct ResetStart {
    /// The reset token of a first factor.
    pub previous: Option<String>,
    /// Whether one factor is enough although the application wants two.
    pub ignore_mfa: bool,
}

/// A link that is wanted.
pub struct ResetLinkRequest {
    /// What the user is named by.
    pub kind: IdentifierKind,
    /// The name.
    pub identifier: String,
    /// Where the link leads.
    pub redirect_uri: String,
    /// The caller's own mail.
    pub email_content: Option<EmailContent>,
    /// What every start may say.
    pub start: ResetStart,
}

/// Mails a link to set a new password with.
///
/// # Errors
/// Those of the contract, see [`ApiCode`].
pub async fn mail_link(call: &mut Call, request: ResetLinkRequest) -> Result<(), ApiError> {
    let policy = policy::reset(&call.application()?.login, CodeChannel::Link)?;
    check_redirect(call, &request.redirect_uri, None)?;
    if let Some(content) = &request.email_content {
        content.check()?;
    }
    check_delivery(call, Channel::Mail)?;
    let person = find_user(call, request.kind, &request.identifier).await?.required()?;
    let to = verified(call, &person, CodeChannel::Link, (request.kind, &request.identifier))?;
    count(call, &person, Some(&to)).await?;
    let order = order(call, &person, AuthMethod::EmailLink, request.start).await?;
    let order = order.at(IdentifierKind::Email, to.address.value.clone());
    let token = reset_token(call, &call.application()?.clone(), order).await?;
    let link = link_to(&request.redirect_uri, &token.secret, None);
    let letter = Letter::PasswordResetLink(&link, policy.minutes);
    let branding = policy::branding(call.application()?, CodePurpose::PasswordReset, CodeChannel::Link);
    let parcel = content::mail(&to.shown, &letter, &branding, request.email_content.as_ref())?;
    send(call, letter.kind(), &person, token.expires_at, parcel)
}

/// Makes a link to set a new password with, which the client brings to the user itself. Where it goes nobody here knows: it is no
/// factor of its own.
///
/// # Errors
/// Those of the contract, see [`ApiCode`].
pub async fn make_link(call: &mut Call, request: ResetLinkRequest) -> Result<String, ApiError> {
    policy::reset(&call.application()?.login, CodeChannel::Link)?;
    check_redirect(call, &request.redirect_uri, None)?;
    let person = find_user(call, request.kind, &request.identifier).await?.required()?;
    count(call, &person, None).await?;
    let order = order(call, &person, AuthMethod::DirectOtp, request.start).await?;
    let token = reset_token(call, &call.application()?.clone(), order).await?;
    Ok(link_to(&request.redirect_uri, &token.secret, None))
}

/// Sends a code to set a new password with.
///
/// # Errors
/// Those of the contract, see [`ApiCode`].
pub async fn send_reset_code(
    call: &mut Call,
    channel: CodeChannel,
    identifier: &str,
    email_content: Option<&EmailContent>,
    start: ResetStart,
) -> Result<(), ApiError> {
    let policy = policy::reset(&call.application()?.login, channel)?;
    if let Some(content) = email_content {
        content.check()?;
    }
    if let Some(delivery) = delivery(channel) {
        check_delivery(call, delivery)?;
    }
    let kind = address_kind(channel);
    let person = find_user(call, kind, identifier).await?.required()?;
    let to = verified(call, &person, channel, (kind, identifier))?;
    let application = call.application()?.clone();
    let previous = previous_token(call, &application, &person.user.id, start.previous.as_deref()).await?;
    let wanted = Wanted {
        purpose: CodePurpose::PasswordReset,
        channel,
        person: &person,
        named_as: named_as(kind.as_str(), identifier),
        to: Some(&to),
        policy: &policy,
        minutes: None,
        with_request_id: false,
        details: CodeDetails { previous_reset: previous, ignore_mfa: start.ignore_mfa, ..CodeDetails::default() },
        links_per_minute: None,
    };
    let kept = keep(call, wanted).await?;
    let letter = Letter::PasswordResetCode(kept.secret.reveal(), kept.minutes);
    send_code(call, (CodePurpose::PasswordReset, channel), &letter, (&person, &to, &kept), (email_content, None))
}

/// Gives a reset token for a code.
///
/// # Errors
/// Those of the contract, see [`ApiCode`].
pub async fn redeem_reset_code(
    call: &mut Call,
    channel: CodeChannel,
    identifier: String,
    passcode: Secret,
) -> Result<ResetToken, ApiError> {
    let channels = channels(call, CodePurpose::PasswordReset, &[channel])?;
    let kind = address_kind(channel);
    let person = find_user(call, kind, &identifier).await?.required()?;
    let presented = OtpPresented { kind, identifier, passcode, request_id: None };
    let user_id = Some(person.user.id.clone());
    let code = redeem(call, CodePurpose::PasswordReset, channels, user_id, presented).await.map_err(|error| {
        // The contract has them under another status than at the sign-in.
        match error.code {
            ApiCode::InvalidCredentials => ApiCode::ResetCodeInvalid.into(),
            ApiCode::PasscodeExpired => ApiCode::ResetCodeExpired.into(),
            _ => error,
        }
    })?;
    let method = if channel == CodeChannel::Sms { AuthMethod::SmsOtp } else { AuthMethod::EmailOtp };
    let application = call.application()?.clone();
    let order = ResetOrder::new(&application, &person.user.id, method)
        .after(code.details.previous_reset)
        .ignoring_mfa(code.details.ignore_mfa);
    let order = match code.address {
        Some(address) => order.at(kind, address.value),
        None => order,
    };
    reset_token(call, &application, order).await
}

async fn order(call: &Call, person: &Person, method: AuthMethod, start: ResetStart) -> Result<ResetOrder, ApiError> {
    let application = call.application()?.clone();
    let previous = previous_token(call, &application, &person.user.id, start.previous.as_deref()).await?;
    Ok(ResetOrder::new(&application, &person.user.id, method).after(previous).ignoring_mfa(start.ignore_mfa))
}

/// The user's address or number, which must be verified: otherwise whoever registers with somebody else's address, or gets one that the
/// user mistyped, gets the account with it.
fn verified(
    call: &Call,
    person: &Person,
    channel: CodeChannel,
    (kind, identifier): (IdentifierKind, &str),
) -> Result<Destination, ApiError> {
    let wanted = address_kind(channel);
    let found = if kind == wanted {
        normalized(kind, identifier).and_then(|value| person.identifier(kind, &value))
    } else {
        person.primary(wanted, &call.application()?.id)
    };
    let is_phone = wanted == IdentifierKind::PhoneNumber;
    let missing = if is_phone { ApiCode::UserPhoneMissing } else { ApiCode::UserEmailMissing };
    let unverified = if is_phone { ApiCode::PhoneNotVerified } else { ApiCode::EmailNotVerified };
    let found = found.ok_or(missing)?;
    if found.verified_at.is_none() {
        return Err(unverified.into());
    }
    Ok(Destination::own(found))
}
