//! The step in which a user signs in: sent somewhere, come back, and known to us.
//!
//! What the authorization endpoint needs of it is [`SignIn::location`] and [`SignIn::finish`]. Today the only way is an OpenID
//! provider behind an identity connection; a page of our own would be another variant.

mod oidc;

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{authorize::Call, context::Context};
use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::{
        connection::{IdentityConnection, IdentityProvider, ResponseMode},
        random::Random,
        secret::{Secret, SecretHash},
        trace::Trace,
    },
    jose::mac::hmac_sha256_hex,
    oauth::error::{OAuthError, Problem},
};
use oidc::OidcSignIn;

/// A way for users to sign in.
pub(super) enum SignIn<'a> {
    /// At the OpenID provider of an identity connection.
    Oidc(OidcSignIn<'a>),
}

/// Wishes of the client that are passed on.
#[derive(Clone, Copy, Default)]
pub(super) struct Wishes<'a> {
    /// `login_hint`.
    pub login_hint: Option<&'a str>,
    /// `prompt`, without `none`.
    pub prompt: Option<&'a str>,
    /// `max_age`, in seconds.
    pub max_age: Option<i64>,
}

/// Who signed in.
pub(super) struct SignedIn {
    /// The user's name there.
    pub subject_id: String,
    /// E-mail address, if it is verified.
    pub email: Option<String>,
    /// Name for people.
    pub name: Option<String>,
    /// When, in seconds since 1970.
    pub auth_time: i64,
}

impl<'a> SignIn<'a> {
    /// The one that is `wanted` by the name of its connection, or the first in their order.
    ///
    /// # Errors
    /// There is none, or it is disabled.
    pub fn choose(environment: &'a EnvironmentSnapshot, wanted: Option<&str>) -> Result<Self, OAuthError> {
        let is_wanted = |one: &&IdentityConnection| wanted.is_none_or(|name| one.name == name);
        let mut enabled = environment.identity_connections.iter().filter(|one| one.enabled).filter(is_wanted);
        enabled.find_map(Self::of).ok_or_else(|| {
            OAuthError::new(Problem::ConnectionNotActive, "no enabled identity connection has sign_in, or not that one")
        })
    }

    fn of(connection: &'a IdentityConnection) -> Option<Self> {
        match (&connection.provider, &connection.sign_in) {
            (IdentityProvider::Oidc(issuer), Some(client)) => {
                Some(Self::Oidc(OidcSignIn { name: &connection.name, issuer, client }))
            }
            _ => None,
        }
    }

    /// The name of the identity connection that vouches for the user.
    pub fn connection(&self) -> &'a str {
        match self {
            SignIn::Oidc(oidc) => oidc.name,
        }
    }

    /// Whether a page of somebody else posts the answer, so that the browser must bring its cookie along from there.
    pub fn is_posted_back(&self) -> bool {
        match self {
            SignIn::Oidc(oidc) => oidc.client.response_mode == ResponseMode::FormPost,
        }
    }

    /// Where the browser is sent.
    ///
    /// # Errors
    /// What is configured cannot be used, or the provider cannot be asked what it is.
    pub async fn location(
        &self,
        context: &Context,
        environment: &EnvironmentSnapshot,
        attempt: &Attempt,
        (wishes, trace): (Wishes<'_>, Option<Trace>),
    ) -> Result<String, OAuthError> {
        match self {
            SignIn::Oidc(oidc) => oidc.location(context, environment, attempt, (wishes, trace)).await,
        }
    }

    /// Who came back with the answer in `call`.
    ///
    /// # Errors
    /// The user is not vouched for, or cannot be at the moment.
    pub async fn finish(
        &self,
        context: &Context,
        environment: &EnvironmentSnapshot,
        attempt: &Attempt,
        call: &Call<'_>,
        max_age: Option<i64>,
    ) -> Result<SignedIn, OAuthError> {
        match self {
            SignIn::Oidc(oidc) => oidc.finish(context, environment, attempt, call, max_age).await,
        }
    }
}

/// One attempt of one browser to sign in.
///
/// `state` goes through URLs, and into logs and histories with them. `browser` is only in a cookie of the browser that began:
/// without it nobody can finish, and everything else that must not be guessed is made of it, so that nothing of the attempt
/// that is kept here is of use to whoever reads the database.
pub(super) struct Attempt {
    state: String,
    browser: String,
}

impl Attempt {
    /// A new one.
    ///
    /// # Errors
    /// The random source failed.
    pub fn begin(random: &dyn Random) -> Result<Self, OAuthError> {
        let text = || -> Result<String, OAuthError> {
            let mut bytes = [0; 32];
            random.fill(&mut bytes).map_err(|error| OAuthError::new(Problem::ServerError, error.to_string()))?;
            Ok(URL_SAFE_NO_PAD.encode(bytes))
        };
        Ok(Self { state: text()?, browser: text()? })
    }

    /// The one that an answer and a cookie speak of.
    pub fn resumed(state: &str, browser: String) -> Self {
        Self { state: state.to_owned(), browser }
    }

    /// What names it in URLs.
    pub fn state(&self) -> &str {
        &self.state
    }

    /// What only the browser knows.
    pub fn browser(&self) -> &str {
        &self.browser
    }

    /// What is kept of [`state`](Self::state).
    pub fn state_hash(&self) -> SecretHash {
        Secret::new(&*self.state).hash()
    }

    /// What is kept of [`browser`](Self::browser).
    pub fn browser_hash(&self) -> SecretHash {
        Secret::new(&*self.browser).hash()
    }

    /// Ties the provider's ID token to this attempt.
    pub fn nonce(&self) -> Result<String, OAuthError> {
        self.derived("nonce")
    }

    /// Ties the provider's code to this attempt (RFC 7636): 64 characters.
    pub fn verifier(&self) -> Result<String, OAuthError> {
        self.derived("verifier")
    }

    fn derived(&self, what: &str) -> Result<String, OAuthError> {
        let code = hmac_sha256_hex(self.browser.as_bytes(), format!("tessera {what} {}", self.state).as_bytes());
        code.map_err(|error| OAuthError::new(Problem::ServerError, error.to_string()))
    }
}

impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Attempt(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::random::SystemRandom;

    #[test]
    fn what_must_not_be_guessed_needs_the_cookie_and_the_state() {
        let one = Attempt::begin(&SystemRandom).expect("an attempt");
        let same = Attempt::resumed(one.state(), one.browser().to_owned());
        assert_eq!((one.nonce(), one.verifier()), (same.nonce(), same.verifier()));
        assert_ne!(one.nonce(), one.verifier());
        assert_eq!(one.verifier().expect("a verifier").len(), 64);
        let other = Attempt::begin(&SystemRandom).expect("an attempt");
        for mixed in [
            Attempt::resumed(one.state(), other.browser().to_owned()),
            Attempt::resumed(other.state(), one.browser().to_owned()),
        ] {
            assert_ne!(one.verifier(), mixed.verifier());
            assert_ne!(one.nonce(), mixed.nonce());
        }
    }

    #[test]
    fn an_attempt_does_not_print_itself() {
        assert_eq!(format!("{:?}", Attempt::resumed("state", "browser".to_owned())), "Attempt(…)");
    }
}
