//! Whom browsers and authenticators deal with: a domain, and the pages and apps that may speak for it.

use std::time::Duration;

use serde::{Serialize, de::DeserializeOwned};
use url::{Host, Url};
use webauthn_rs_core::WebauthnCore;

use super::refusal::Refusal;
use crate::domain::random::{Random, RandomError};

/// Apps speak for a domain by what their platform calls them (contract section 5).
const APP_ORIGINS: [&str; 2] = ["android:apk-key-hash:", "ios:bundle-id:"];

/// The relying party of an application.
#[derive(Debug, Clone)]
pub struct RelyingParty {
    pub(super) core: WebauthnCore,
    pub(super) id: String,
    pub(super) name: String,
    pub(super) timeout: Duration,
    pub(super) origins: Vec<String>,
}

/// The settings of an application make no relying party.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RelyingPartyError {
    /// No origin at all.
    #[error("there is no origin")]
    NoOrigin,
    /// Not an origin as browsers send it.
    #[error("{0} is not the origin of a web page or an app")]
    Origin(String),
    /// No page of that origin may use the domain (Level 2 §5.1.3).
    #[error("{0} is not within the domain of the relying party")]
    Foreign(String),
}

impl RelyingParty {
    /// Makes one. `id` is the domain; `origins` are `https://host[:port]` (`http` at `localhost`) within it, or apps. `timeout`
    /// is what browsers are told.
    ///
    /// # Errors
    /// An origin cannot be one, or is of another domain.
    pub fn new(name: &str, id: &str, origins: &[String], timeout: Duration) -> Result<Self, RelyingPartyError> {
        let urls: Vec<Url> = origins.iter().map(|origin| checked(origin, id)).collect::<Result<_, _>>()?;
        if urls.is_empty() {
            return Err(RelyingPartyError::NoOrigin);
        }
        let core = WebauthnCore::new_unsafe_experts_only(name, id, urls, timeout, Some(false), Some(false));
        Ok(Self { core, id: id.to_owned(), name: name.to_owned(), timeout, origins: origins.to_vec() })
    }

    /// How long browsers are told to wait.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }
}

fn checked(origin: &str, id: &str) -> Result<Url, RelyingPartyError> {
    let wrong = || RelyingPartyError::Origin(origin.to_owned());
    let url = Url::parse(origin).map_err(|_| wrong())?;
    if APP_ORIGINS.iter().any(|prefix| origin.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty())) {
        return if url.as_str() == origin { Ok(url) } else { Err(wrong()) };
    }
    let Some(Host::Domain(host)) = url.host() else { return Err(wrong()) };
    let is_secure = url.scheme() == "https" || url.scheme() == "http" && is_local(host);
    // Browsers send lower case, without the default port and without a slash.
    if !is_secure || url.origin().ascii_serialization() != origin {
        return Err(wrong());
    }
    let is_within = host == id || host.strip_suffix(id).is_some_and(|rest| rest.ends_with('.'));
    if is_within { Ok(url) } else { Err(RelyingPartyError::Foreign(origin.to_owned())) }
}

fn is_local(host: &str) -> bool {
    host == "localhost" || host.ends_with(".localhost")
}

/// 256 random bits that an authenticator is to sign.
pub(super) fn challenge(random: &dyn Random) -> Result<[u8; 32], RandomError> {
    let mut bytes = [0; 32];
    random.fill(&mut bytes)?;
    Ok(bytes)
}

/// Puts a challenge of ours into a state of the verifier, which draws its own from a generator that is not ours. Both states are
/// plain serde values with a member `challenge`; a test of every ceremony would fail if a new version called it otherwise.
pub(super) fn with_challenge<S: Serialize + DeserializeOwned>(state: &S, challenge: &[u8]) -> Result<S, Refusal> {
    let mut json = serde_json::to_value(state).map_err(|_| Refusal::Malformed)?;
    let slot = json.get_mut("challenge").ok_or(Refusal::Malformed)?;
    *slot = serde_json::to_value(webauthn_rs_core::proto::Base64UrlSafeData::from(challenge))
        .map_err(|_| Refusal::Malformed)?;
    serde_json::from_value(json).map_err(|_| Refusal::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(id: &str, origin: &str) -> Result<(), RelyingPartyError> {
        RelyingParty::new("Shop", id, &[origin.to_owned()], Duration::from_secs(300)).map(|_| ())
    }

    #[test]
    fn origins_are_those_that_browsers_and_apps_send_within_the_domain() {
        for (id, origin) in [
            ("shop.example", "https://shop.example"),
            ("shop.example", "https://www.shop.example:8443"),
            ("localhost", "http://localhost:3000"),
            ("shop.example", "android:apk-key-hash:Zx-9_A"),
            ("shop.example", "ios:bundle-id:example.shop.App"),
        ] {
            assert_eq!(made(id, origin), Ok(()), "{origin}");
        }
        for origin in [
            "https://shop.example/",
            "https://shop.example:443",
            "https://Shop.example",
            "http://shop.example",
            "https://127.0.0.1",
            "shop.example",
            "null",
            "android:apk-key-hash:",
            "javascript:alert(1)",
        ] {
            assert_eq!(made("shop.example", origin), Err(RelyingPartyError::Origin(origin.to_owned())), "{origin}");
        }
        for origin in ["https://badshop.example", "https://example", "https://shop.example.evil.example"] {
            assert_eq!(made("shop.example", origin), Err(RelyingPartyError::Foreign(origin.to_owned())), "{origin}");
        }
        let none = RelyingParty::new("Shop", "shop.example", &[], Duration::from_secs(300));
        assert_eq!(none.map(|_| ()), Err(RelyingPartyError::NoOrigin));
    }
}
