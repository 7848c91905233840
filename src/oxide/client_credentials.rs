//! oxide-auth's machine for `client_credentials` (RFC 6749 §4.4), driven step by step.

use std::borrow::Cow;

use oxide_auth::{
    code_grant::client_credentials::{ClientCredentials as Machine, Error as MachineError, Input, Output, Request},
    primitives::{
        grant::Extensions,
        registrar::{ClientUrl, Registrar as _, RegistrarError},
    },
};

use super::{registrar::ClientRegistrar, scope::from_oxide};
use crate::{
    domain::client::{Access, Client, ClientSecret},
    oauth::{
        error::{OAuthError, Problem},
        grant_type::GrantType,
        scope::Scope,
    },
};

/// The scope that `client` gets at the target of `access`: all of what it requested, in that order, or its default.
///
/// `authenticated` is the secret that [`Client::secret_matches`] found for this request; the clear text never comes
/// here. An empty requested scope counts as none. Only the scope is taken from the machine: the lifetime in its own
/// grants comes from the wall clock. `now` is in seconds since 1970.
///
/// # Errors
/// * [`Problem::ScopeNotAllowed`]: a requested scope is beyond the client's access;
/// * [`Problem::NoDefaultScope`]: nothing was requested, and there is no default or one beyond the access;
/// * [`Problem::ClientAuthenticationFailed`]: the client is disabled, or `authenticated` is not an active secret of it;
/// * [`Problem::ServerError`]: the machine ended as it never should.
pub fn client_credentials(
    client: &Client,
    access: &Access,
    authenticated: &ClientSecret,
    requested: Option<&Scope>,
    now: i64,
) -> Result<Scope, OAuthError> {
    let requested = requested.filter(|scope| !scope.is_empty());
    let registrar = ClientRegistrar { client, access, redirect_uri: None, now };
    let mut machine = Machine::new(&StrictRequest { client_id: &client.id, scope: requested.map(Scope::to_string) });
    let mut input = Input::None;
    loop {
        input = match machine.advance(input) {
            Output::Authenticate { client: client_id, .. } => {
                if !registrar.confirms(client_id, authenticated) {
                    return Err(not_authenticated());
                }
                Input::Authenticated
            }
            Output::Binding { client_id } => {
                let bound = ClientUrl { client_id: Cow::Owned(client_id.to_owned()), redirect_uri: None };
                Input::Bound { bound_client: registrar.bound_redirect(bound).map_err(unbound)? }
            }
            Output::Extend => Input::Extended { extensions: Extensions::new() },
            Output::Negotiate { bound_client, scope } => {
                let negotiated = registrar.negotiate(bound_client.clone(), scope);
                Input::Negotiated {
                    pre_grant: negotiated.map_err(|error| super::unscoped(&error, access, requested, failed))?,
                }
            }
            Output::Ok { pre_grant, .. } => {
                let order = requested.unwrap_or_else(|| access.default_scope());
                return from_oxide(&pre_grant.scope, order)
                    .ok_or_else(|| failed("a scope that nobody named was granted"));
            }
            Output::Err(error) => return Err(refused(&error)),
        };
    }
}

/// What the machine is told: values that have been read strictly and a client that has been authenticated.
///
/// It asks for body parameters through `extension`. It gets none: it would take a `client_id` beside a Basic header,
/// which is allowed, for a second set of credentials.
struct StrictRequest<'a> {
    client_id: &'a str,
    scope: Option<String>,
}

impl Request for StrictRequest<'_> {
    fn valid(&self) -> bool {
        true
    }

    /// The machine goes no further without credentials. The secret has been compared, and is not handed on.
    fn authorization(&self) -> Option<(Cow<'_, str>, Cow<'_, [u8]>)> {
        Some((Cow::Borrowed(self.client_id), Cow::Borrowed(&[])))
    }

    fn scope(&self) -> Option<Cow<'_, str>> {
        self.scope.as_deref().map(Cow::Borrowed)
    }

    fn grant_type(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(GrantType::ClientCredentials.as_str()))
    }

    fn extension(&self, _key: &str) -> Option<Cow<'_, str>> {
        None
    }
}

fn not_authenticated() -> OAuthError {
    OAuthError::new(Problem::ClientAuthenticationFailed, "the client is disabled or its secret is no longer active")
}

fn failed(detail: &str) -> OAuthError {
    OAuthError::new(Problem::ServerError, format!("client_credentials: {detail}"))
}

/// The ready-made flow answers nothing at all here.
fn unbound(error: RegistrarError) -> OAuthError {
    match error {
        RegistrarError::Unspecified => not_authenticated(),
        RegistrarError::PrimitiveError => failed("the client could not be bound"),
    }
}

/// The machine found fault with a request in which there can be none: with strict values this is our bug, whatever
/// OAuth code the machine would send for it.
fn refused(error: &MachineError) -> OAuthError {
    match error {
        MachineError::Ignore => failed("the machine would not answer"),
        MachineError::Invalid(_) => failed("the machine found the request invalid"),
        MachineError::Unauthorized(..) => failed("the machine found the client unauthorized"),
        MachineError::Primitive(_) => failed("the machine was driven out of order"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::oxide::support::{access, client, scope};

    fn run(access: &Access, requested: Option<&str>) -> Result<String, OAuthError> {
        let client = client("bff", &["a secret"]);
        let requested = requested.map(scope);
        client_credentials(&client, access, &client.secrets[0], requested.as_ref(), 0)
            .map(|granted| granted.to_string())
    }

    #[test]
    fn the_requested_scope_is_granted_in_the_order_of_the_request() {
        let access = access("a b c d e f g h", None);
        for _ in 0..20 {
            assert_eq!(run(&access, Some("h c a g b")).expect("granted"), "h c a g b");
        }
    }

    #[test]
    fn the_default_scope_is_granted_in_the_order_of_the_environment_file() {
        for _ in 0..20 {
            assert_eq!(run(&access("a b c d e f", Some("f b d a")), None).expect("granted"), "f b d a");
            assert_eq!(run(&access("d a c b", None), Some("")).expect("granted"), "d a c b");
        }
    }

    #[test]
    fn a_scope_that_is_not_allowed_is_invalid_scope_and_neither_invalid_request_nor_500() {
        let error = run(&access("a b", None), Some("a x")).expect_err("beyond the access");
        assert_eq!((error.problem, error.parameter), (Problem::ScopeNotAllowed, Some("scope")));
        assert_eq!((error.code().as_str(), error.problem.status()), ("invalid_scope", 400));
        assert!(error.detail.ends_with(": x"), "the log names the scope at fault: {}", error.detail);
    }

    #[test]
    fn no_scope_and_no_default_is_invalid_scope_and_never_everything() {
        let error = run(&access("a b", Some("")), None).expect_err("no default");
        assert_eq!(error.problem, Problem::NoDefaultScope);
        let error = run(&access("a", Some("a b")), None).expect_err("a default beyond the access");
        assert_eq!(error.problem, Problem::NoDefaultScope);
    }

    #[test]
    fn access_without_scopes_gives_a_token_without_scope() {
        assert_eq!(run(&access("", None), None).expect("granted"), "");
        assert_eq!(run(&access("", None), Some("a")).expect_err("refused").problem, Problem::ScopeNotAllowed);
    }

    #[test]
    fn a_client_that_cannot_be_bound_is_answered_and_not_ignored() {
        let mut client = client("bff", &["a secret"]);
        client.enabled = false;
        let error = client_credentials(&client, &access("a", None), &client.secrets[0], None, 0).expect_err("disabled");
        assert_eq!((error.problem, error.problem.status()), (Problem::ClientAuthenticationFailed, 401));
        assert_eq!(unbound(RegistrarError::Unspecified).problem, Problem::ClientAuthenticationFailed);
    }

    #[test]
    fn the_secret_of_another_client_or_another_time_authenticates_nobody() {
        let access = access("a", None);
        let mut bff = client("bff", &["a secret"]);
        bff.secrets[0].expires_at = Some(100);
        let other = client("other", &["another secret"]);
        let problem = |secret, now| client_credentials(&bff, &access, secret, None, now).map_err(|error| error.problem);
        assert_eq!(problem(&bff.secrets[0], 99), Ok(scope("a")));
        assert_eq!(problem(&bff.secrets[0], 100), Err(Problem::ClientAuthenticationFailed));
        assert_eq!(problem(&other.secrets[0], 99), Err(Problem::ClientAuthenticationFailed));
    }

    #[test]
    fn no_ending_of_the_machine_is_sent_as_the_callers_fault() {
        for error in [MachineError::Ignore, MachineError::invalid(), MachineError::unauthorized("basic")] {
            assert_eq!(refused(&error).problem, Problem::ServerError);
        }
        // Driven out of order, the machine ends in its "primitive" error.
        let request = StrictRequest { client_id: "bff", scope: None };
        match Machine::new(&request).advance(Input::Extended { extensions: Extensions::new() }) {
            Output::Err(error) => assert_eq!(refused(&error).problem, Problem::ServerError),
            _ => panic!("the machine accepted an input out of order"),
        };
    }

    proptest! {
        #[test]
        fn what_is_granted_is_what_was_requested_and_within_the_access(
            allowed in "[a-e ]{0,9}", requested in "[a-f ]{0,9}"
        ) {
            let (allowed, requested) = (scope(&allowed), scope(&requested));
            let access = Access { audience: "api".into(), scopes: allowed.clone(), default_scopes: None };
            let client = client("bff", &["a secret"]);
            match client_credentials(&client, &access, &client.secrets[0], Some(&requested), 0) {
                Ok(granted) => {
                    prop_assert!(granted.is_within(&allowed));
                    prop_assert_eq!(&granted, if requested.is_empty() { &allowed } else { &requested });
                }
                Err(error) => {
                    prop_assert_eq!(error.problem, Problem::ScopeNotAllowed);
                    prop_assert!(!requested.is_within(&allowed));
                }
            }
        }
    }
}
