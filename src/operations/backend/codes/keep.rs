//! From a wish for a code to one that is kept and on its way.

use super::{
    CodeError, MadeCode, NewCode, address_holder, count_in, keep_in, make,
    policy::{CodePolicy, MINUTE},
    redeem::authenticator,
};
use crate::{
    domain::{
        login::{
            IdentifierKind, KnownIdentifier,
            identifier::Identifier,
            one_time_code::{CodeAddress, CodeBinding, CodeChannel, CodeDetails, CodePurpose},
        },
        secret::Secret,
    },
    operations::{
        backend::{
            call::Call,
            error::{ApiCode, ApiError},
            person::Person,
        },
        delivery::{Channel, DeliveryError, Message, MessageKind, Parcel},
    },
    store::{attempts, sendings::SendLimit},
};

/// How many messages go to an address and to a user.
#[derive(Debug, Clone, Copy)]
pub struct SendPolicy {
    /// To one address in a window.
    pub per_address: u32,
    /// To one user in a window, whatever the addresses.
    pub per_user: u32,
    /// How long a window is, in seconds.
    pub window: i64,
}

/// A code that a user is to get.
pub(super) struct Wanted<'a> {
    pub purpose: CodePurpose,
    pub channel: CodeChannel,
    pub person: &'a Person,
    /// How the user was named: [`super::named_as`].
    pub named_as: String,
    /// Where it goes; `None` if the client gets it.
    pub to: Option<&'a Destination>,
    pub policy: &'a CodePolicy,
    /// How long it is good, in minutes, where the request says so.
    pub minutes: Option<i64>,
    pub with_request_id: bool,
    pub details: CodeDetails,
    /// The most links that the user gets in a minute (`linksPerUser`).
    pub links_per_minute: Option<u32>,
}

/// A code that is kept.
pub struct Kept {
    /// The code, or what the link carries.
    pub secret: Secret,
    /// What must come back with it, if anything.
    pub request_id: Option<Secret>,
    /// Seconds since 1970.
    pub expires_at: i64,
    /// How long it is good, in minutes.
    pub minutes: i64,
}

/// Where a message goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Destination {
    /// As it was given.
    pub shown: String,
    /// The same in normal form, and whether it is the user's own.
    pub address: CodeAddress,
}

impl Destination {
    /// An address of the user's.
    pub fn own(identifier: &KnownIdentifier) -> Self {
        let address = CodeAddress { value: identifier.value.clone(), is_own: true };
        Self { shown: identifier.shown.clone(), address }
    }

    /// An address that the request names for this once.
    ///
    /// # Errors
    /// [`ApiCode::InvalidInput`]: it is none.
    pub fn named(field: &str, kind: IdentifierKind, text: &str) -> Result<Self, ApiError> {
        let read = Identifier::parse(kind, text);
        let read = read.map_err(|error| ApiError::new(ApiCode::InvalidInput, format!("{field} {error}")))?;
        Ok(Self { shown: read.shown, address: CodeAddress { value: read.value, is_own: false } })
    }
}

/// The user's address for messages of this kind: the one that the user was named by, or the primary one.
pub(super) fn own_address(
    call: &Call,
    person: &Person,
    kind: IdentifierKind,
    named: (IdentifierKind, &str),
) -> Result<Option<Destination>, ApiError> {
    let by_name = (named.0 == kind).then(|| Identifier::parse(kind, named.1).ok()).flatten();
    let found = match by_name {
        Some(identifier) => person.identifier(kind, &identifier.value),
        None => person.primary(kind, &call.application()?.id),
    };
    Ok(found.map(Destination::own))
}

/// Whether a message could be taken now. Asked before anything else, so that the answer is the same for every user.
pub(super) fn check_delivery(call: &Call, channel: Channel) -> Result<(), ApiError> {
    call.context.delivery.ready(channel).map_err(|error| undelivered(&error))
}

fn undelivered(error: &DeliveryError) -> ApiError {
    let code = match error {
        DeliveryError::NotConfigured => ApiCode::ProviderMissing,
        DeliveryError::Busy => ApiCode::Unavailable,
    };
    ApiError::from(code).with_detail(error.to_string())
}

/// Keeps a new code, unless the user is locked out or has had as many messages as the limits allow.
///
/// # Errors
/// [`ApiCode::Locked`], [`ApiCode::TooManyRequests`]; or the database or the random source failed.
pub(super) async fn keep(call: &Call, wanted: Wanted<'_>) -> Result<Kept, ApiError> {
    let (now, minutes) = (call.now(), wanted.minutes.unwrap_or(wanted.policy.minutes));
    let limits = limits(call, wanted.person, wanted.to, wanted.links_per_minute)?;
    let new = NewCode {
        binding: CodeBinding {
            user_id: wanted.person.user.id.clone(),
            application_id: call.application()?.id.clone(),
            client_id: call.client()?.id.clone(),
            purpose: wanted.purpose,
            channel: wanted.channel,
        },
        any_client: wanted.policy.any_client,
        named_as: wanted.named_as,
        address: wanted.to.map(|to| to.address.clone()),
        with_request_id: wanted.with_request_id,
        length: wanted.policy.length,
        max_failures: wanted.policy.lockout.max_failures,
        lifetime: minutes.saturating_mul(MINUTE),
        details: wanted.details,
    };
    let MadeCode { kept, secret, request_id } = make(&*call.context.random, &call.context.master_key, new, now)?;
    let (environment_id, expires_at) = (call.environment_id().to_owned(), kept.expires_at);
    let work = call.context.catalog.work(move |store| {
        store.transact(|conn| {
            let lock = match authenticator(kept.binding.channel) {
                Some(own) => attempts::of_user(conn, &kept.binding.user_id)?
                    .into_iter()
                    .find(|(authenticator, _)| *authenticator == own)
                    .and_then(|(_, attempts)| attempts.lock_at(now)),
                None => None,
            };
            if lock.is_some() {
                // It could not be used; and whoever tries codes out shall not have the user sent one after the other.
                return Err(CodeError::Locked);
            }
            keep_in(conn, &environment_id, &kept, &limits)
        })
    });
    work.await?;
    Ok(Kept { secret, request_id, expires_at, minutes })
}

/// Always in this order: two that count the same ones at the same moment would otherwise wait for each other.
fn limits(
    call: &Call,
    person: &Person,
    to: Option<&Destination>,
    links_per_minute: Option<u32>,
) -> Result<Vec<SendLimit>, ApiError> {
    let SendPolicy { per_address, per_user, window } = call.context.sending;
    let user_id = &person.user.id;
    let of_address = to.map(|to| SendLimit {
        kind: "messages_per_address",
        holder: address_holder(&to.address.value),
        most: per_address,
        window,
    });
    // Codes that the client gets count too: each is good for some more guesses.
    let of_user = SendLimit { kind: "messages_per_user", holder: user_id.clone(), most: per_user, window };
    let application_id = &call.application()?.id;
    let of_links = links_per_minute.map(|most| SendLimit {
        kind: "links_per_user",
        holder: format!("{user_id}/{application_id}"),
        most,
        window: MINUTE,
    });
    Ok(of_address.into_iter().chain([of_user]).chain(of_links).collect())
}

/// Counts a message whose secret is kept elsewhere.
///
/// # Errors
/// [`ApiCode::TooManyRequests`], or the database failed.
pub(super) async fn count(call: &Call, person: &Person, to: Option<&Destination>) -> Result<(), ApiError> {
    let (limits, now) = (limits(call, person, to, None)?, call.now());
    let environment_id = call.environment_id().to_owned();
    let work =
        call.context.catalog.work(move |store| store.transact(|conn| count_in(conn, &environment_id, &limits, now)));
    Ok(work.await?)
}

/// Hands a message over to be sent, unless it has expired by then (seconds since 1970).
///
/// # Errors
/// There is no room for it. What it holds is kept then, and nobody has it.
pub(super) fn send(
    call: &Call,
    kind: MessageKind,
    person: &Person,
    expires_at: i64,
    parcel: Parcel,
) -> Result<(), ApiError> {
    let message = Message {
        kind,
        environment_id: call.environment_id().to_owned(),
        application_id: call.application()?.id.clone(),
        client_id: call.client()?.id.clone(),
        user_id: person.user.id.clone(),
        request_id: call.request_id.clone(),
        expires_at: Some(expires_at),
        parcel,
    };
    call.context.delivery.send(message).map_err(|error| undelivered(&error))
}

impl From<CodeError> for ApiError {
    fn from(error: CodeError) -> Self {
        match error {
            CodeError::Store(error) => error.into(),
            CodeError::Random(error) => error.into(),
            CodeError::Crypto(error) => Self::from(ApiCode::ServerError).with_detail(error.to_string()),
            CodeError::Locked => ApiCode::Locked.into(),
            CodeError::TooMany { retry_after, .. } => {
                Self::from(ApiCode::TooManyRequests).after(retry_after).with_detail(error.to_string())
            }
        }
    }
}
