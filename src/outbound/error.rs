//! Why a request to others failed.

use std::error::Error;

/// Why a request to others failed. Never holds the URL, a header or a part of the body: paths, queries and signatures
/// can be secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// The URL must not be called, whatever its host is; the text says why.
    #[error("the URL {0}")]
    UrlRefused(&'static str),
    /// The host is, or its name leads to, an address that is neither public nor in `outbound.allowed_networks`.
    #[error("the host has an address that is neither public nor in outbound.allowed_networks")]
    AddressRefused,
    /// No complete answer in time.
    #[error("there was no complete answer in time")]
    Timeout,
    /// The body is larger than allowed.
    #[error("the answer is larger than allowed")]
    TooLarge,
    /// The answer is a redirect (3xx). They are never followed.
    #[error("the answer is a redirect, and redirects are not followed")]
    Redirected,
    /// The connection, the TLS handshake or the protocol failed.
    #[error("the host cannot be reached: {0}")]
    Unreachable(String),
    /// This machine cannot make such requests at all.
    #[error("requests cannot be made: {0}")]
    Unusable(String),
}

/// Why a mail or a text message was not sent. Never holds a part of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct SendError {
    /// Whether it may go better in a while.
    pub passes: bool,
    /// Why, for the operator.
    pub why: String,
}

impl SendError {
    /// One that may go better in a while.
    pub(super) fn passing(why: impl Into<String>) -> Self {
        Self { passes: true, why: why.into() }
    }

    /// One that will not.
    pub(super) fn lasting(why: impl Into<String>) -> Self {
        Self { passes: false, why: why.into() }
    }
}

/// What the resolver answers for a name with an address that must not be called.
#[derive(Debug, thiserror::Error)]
#[error("an address of the name must not be called")]
pub(super) struct AddressRefused;

impl From<reqwest::Error> for OutboundError {
    fn from(error: reqwest::Error) -> Self {
        let error = error.without_url();
        if causes(&error).any(|cause| cause.is::<AddressRefused>()) {
            Self::AddressRefused
        } else if error.is_timeout() {
            Self::Timeout
        } else if error.is_builder() {
            Self::Unusable(in_full(&error))
        } else {
            Self::Unreachable(in_full(&error))
        }
    }
}

/// An error and what caused it, outermost first.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| {
        let error: &'a (dyn Error + 'static) = *error;
        error.source()
    })
}

fn in_full(error: &reqwest::Error) -> String {
    causes(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
