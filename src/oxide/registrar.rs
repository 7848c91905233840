//! What oxide-auth asks of a client register, answered for one client that is already in memory, and one target.

use std::borrow::Cow;

use oxide_auth::primitives::{
    registrar::{BoundClient, ClientUrl, ExactUrl, PreGrant, RegisteredUrl, Registrar, RegistrarError},
    scope::Scope as OxideScope,
};

use super::scope::to_oxide;
use crate::domain::{
    client::{Access, Client, ClientSecret},
    secret::Secret,
};

/// Stands where oxide-auth wants a redirect URL and the flow has none. Nothing follows it.
pub(super) const NO_REDIRECT: &str = "about:blank";

/// The register of one client, and of what it may get at one target.
pub struct ClientRegistrar<'a> {
    /// The client.
    pub client: &'a Client,
    /// The most it may get.
    pub access: &'a Access,
    /// Where its user goes back to, in flows that have one.
    pub redirect_uri: Option<&'a str>,
    /// Seconds since 1970.
    pub now: i64,
}

impl ClientRegistrar<'_> {
    /// As the function [`confirms`].
    pub fn confirms(&self, client_id: &str, secret: &ClientSecret) -> bool {
        confirms(self.client, client_id, secret, self.now)
    }

    fn is_usable(&self, client_id: &str) -> bool {
        is_usable(self.client, client_id)
    }
}

/// Whether `client_id` is this client and `secret` is one of its own and active: an earlier finding of
/// [`Client::secret_matches`], confirmed without hashing the clear text again.
pub fn confirms(client: &Client, client_id: &str, secret: &ClientSecret, now: i64) -> bool {
    let own = client.secrets.iter().any(|kept| kept.id == secret.id && kept.hash.equals(&secret.hash));
    own && secret.is_active(now) && is_usable(client, client_id)
}

fn is_usable(client: &Client, client_id: &str) -> bool {
    client.enabled && client.id == client_id
}

impl Registrar for ClientRegistrar<'_> {
    /// Binds the one client, unless it is disabled. The redirect URL must be the one of this flow and, byte by byte, one of
    /// the client's; in flows without one there must be none.
    fn bound_redirect<'a>(&self, bound: ClientUrl<'a>) -> Result<BoundClient<'a>, RegistrarError> {
        let named = bound.redirect_uri.as_deref().map(ExactUrl::as_str);
        let is_registered = |uri: &str| self.client.sign_in.redirect_uris.iter().any(|own| own == uri);
        if !self.is_usable(&bound.client_id) || named != self.redirect_uri || !named.is_none_or(is_registered) {
            return Err(RegistrarError::Unspecified);
        }
        let url = ExactUrl::new(named.unwrap_or(NO_REDIRECT).to_owned()).map_err(|_| RegistrarError::PrimitiveError)?;
        Ok(BoundClient { client_id: bound.client_id, redirect_uri: Cow::Owned(RegisteredUrl::Exact(url)) })
    }

    /// The requested scope if *all* of it is within the client's access, never a part of it; the default where none is
    /// requested. A client whose access has no scopes at all gets a token without scope; one that has some but no
    /// default has to name them (TE-035).
    fn negotiate(&self, client: BoundClient<'_>, scope: Option<OxideScope>) -> Result<PreGrant, RegistrarError> {
        let convert = |scope| to_oxide(scope).map_err(|_| RegistrarError::PrimitiveError);
        let ceiling = convert(&self.access.scopes)?;
        let granted = match scope {
            Some(requested) => requested,
            None if self.access.default_scope().is_empty() && !self.access.scopes.is_empty() => {
                return Err(RegistrarError::Unspecified);
            }
            None => convert(self.access.default_scope())?,
        };
        if !granted.allow_access(&ceiling) {
            return Err(RegistrarError::Unspecified);
        }
        Ok(PreGrant {
            client_id: client.client_id.into_owned(),
            redirect_uri: client.redirect_uri.into_owned(),
            scope: granted,
        })
    }

    /// Compares with each active secret in constant time; whatever the cause, a refusal looks the same (TE-019).
    fn check(&self, client_id: &str, passphrase: Option<&[u8]>) -> Result<(), RegistrarError> {
        let secret = passphrase.and_then(|bytes| std::str::from_utf8(bytes).ok()).map(Secret::new);
        let matches = secret.is_some_and(|secret| self.client.secret_matches(&secret, self.now).is_some());
        if matches & self.is_usable(client_id) { Ok(()) } else { Err(RegistrarError::Unspecified) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oxide::support::{access, client, scope};

    fn negotiate(access: &Access, requested: Option<&str>) -> Result<OxideScope, RegistrarError> {
        let client = client("bff", &["a secret"]);
        let registrar = ClientRegistrar { client: &client, access, redirect_uri: None, now: 0 };
        let bound = registrar.bound_redirect(url("bff")).expect("bound");
        let requested = requested.map(|text| text.parse().expect("well-formed"));
        registrar.negotiate(bound, requested).map(|pre_grant| pre_grant.scope)
    }

    fn url(client_id: &str) -> ClientUrl<'_> {
        ClientUrl { client_id: client_id.into(), redirect_uri: None }
    }

    fn theirs(text: &str) -> OxideScope {
        to_oxide(&scope(text)).expect("well-formed")
    }

    #[test]
    fn a_requested_scope_is_granted_whole_or_not_at_all() {
        let access = access("a b c", Some("a"));
        assert_eq!(negotiate(&access, Some("c a")).expect("granted"), theirs("a c"));
        assert!(negotiate(&access, Some("a d")).is_err());
        assert!(negotiate(&access, Some("d")).is_err());
    }

    #[test]
    fn without_a_request_the_default_is_granted_and_never_more() {
        assert_eq!(negotiate(&access("a b c", Some("a")), None).expect("granted"), theirs("a"));
        assert_eq!(negotiate(&access("a b", None), None).expect("granted"), theirs("a b"));
        assert_eq!(negotiate(&access("", None), None).expect("granted"), theirs(""));
        assert!(negotiate(&access("a b", Some("")), None).is_err());
        assert!(negotiate(&access("a", Some("a b")), None).is_err(), "a default beyond the ceiling");
    }

    #[test]
    fn only_the_one_client_is_bound_and_only_without_a_redirect() {
        let access = access("a", None);
        let mut client = client("bff", &["a secret"]);
        let registrar = ClientRegistrar { client: &client, access: &access, redirect_uri: None, now: 0 };
        assert!(registrar.bound_redirect(url("bff")).is_ok());
        assert!(registrar.bound_redirect(url("BFF")).is_err());
        let elsewhere = ExactUrl::new("https://evil.example".into()).expect("a URL");
        let bound = ClientUrl { redirect_uri: Some(Cow::Owned(elsewhere)), ..url("bff") };
        assert!(registrar.bound_redirect(bound).is_err());
        client.enabled = false;
        let registrar = ClientRegistrar { client: &client, access: &access, redirect_uri: None, now: 0 };
        assert!(registrar.bound_redirect(url("bff")).is_err());
    }

    #[test]
    fn a_redirect_is_bound_only_if_it_is_one_of_the_clients_to_the_byte() {
        let access = access("a", None);
        let mut client = client("bff", &["a secret"]);
        client.sign_in.redirect_uris = vec!["https://app.example/back".to_owned()];
        let binds = |of_flow: Option<&str>, named: Option<&str>| {
            let registrar = ClientRegistrar { client: &client, access: &access, redirect_uri: of_flow, now: 0 };
            let named = named.map(|uri| Cow::Owned(ExactUrl::new(uri.to_owned()).expect("a URL")));
            registrar.bound_redirect(ClientUrl { redirect_uri: named, ..url("bff") }).is_ok()
        };
        let good = Some("https://app.example/back");
        assert!(binds(good, good));
        for other in [None, Some("https://app.example/back/"), Some("https://APP.example/back")] {
            assert!(!binds(good, other) && !binds(other, good));
            assert!(other.is_none() || !binds(other, other));
        }
    }

    #[test]
    fn a_check_passes_only_for_this_client_with_an_active_secret() {
        let access = access("a", None);
        let mut client = client("bff", &["old secret", "new secret"]);
        client.secrets[0].expires_at = Some(100);
        let check = |client: &Client, now, id: &str, secret: Option<&[u8]>| {
            ClientRegistrar { client, access: &access, redirect_uri: None, now }.check(id, secret).is_ok()
        };
        assert!(check(&client, 99, "bff", Some(b"old secret")));
        assert!(check(&client, 99, "bff", Some(b"new secret")));
        assert!(!check(&client, 100, "bff", Some(b"old secret")));
        assert!(!check(&client, 99, "other", Some(b"new secret")));
        for wrong in [None, Some(&b""[..]), Some(b"new secreT"), Some(b"\xff")] {
            assert!(!check(&client, 99, "bff", wrong));
        }
        client.enabled = false;
        assert!(!check(&client, 99, "bff", Some(b"new secret")));
    }

    #[test]
    fn an_earlier_match_is_confirmed_only_for_its_own_client_and_time() {
        let access = access("a", None);
        let mut bff = client("bff", &["a secret"]);
        bff.secrets[0].expires_at = Some(100);
        let other = client("other", &["another secret"]);
        let confirms = |client: &Client, now, id: &str, secret: &ClientSecret| {
            ClientRegistrar { client, access: &access, redirect_uri: None, now }.confirms(id, secret)
        };
        assert!(confirms(&bff, 99, "bff", &bff.secrets[0]));
        assert!(!confirms(&bff, 100, "bff", &bff.secrets[0]));
        assert!(!confirms(&bff, 99, "other", &bff.secrets[0]));
        assert!(!confirms(&bff, 99, "bff", &other.secrets[0]));
    }
}
