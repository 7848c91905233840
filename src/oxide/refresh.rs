//! oxide-auth's machine for `refresh_token` (RFC 6749 §6), driven step by step up to the decision.

use std::{
    borrow::Cow,
    time::{Duration, UNIX_EPOCH},
};

use oxide_auth::{
    code_grant::refresh::{Error as MachineError, Input, Output, Refresh as Machine, Request},
    primitives::grant::{Extensions, Grant},
};

use super::{
    registrar::{NO_REDIRECT, confirms},
    scope::{from_oxide, to_oxide},
};
use crate::{
    domain::{
        client::{Client, ClientSecret},
        session::Session,
    },
    oauth::{
        error::{OAuthError, Problem},
        grant_type::GrantType,
        scope::Scope,
    },
};

/// The end of the year 9999 in seconds since 1970. The machine asks the wall clock whether a grant is over; ours has been
/// asked before, and the machine must not come to another answer.
const NEVER: u64 = 253_402_300_799;

/// The scope of an access token that `client` gets with a refresh token of `session`: all of what it requested, in that order,
/// or what was granted. Never more than that.
///
/// `authenticated` is the secret that [`Client::secret_matches`] found for this request. Neither it nor the refresh token is
/// told to the machine in the clear: it is given the id of the session that the token was found to hang on. What is
/// taken from it is whether the token is this client's and what scope comes of it; its last step would only print an answer, with
/// the time of the wall clock. An empty requested scope counts as none. `now` is in seconds since 1970.
///
/// # Errors
/// * [`Problem::RefreshTokenRefused`]: the session is over, or another client's;
/// * [`Problem::ScopeNotAllowed`]: a requested scope was not granted;
/// * [`Problem::ClientAuthenticationFailed`]: the client is disabled, or `authenticated` is not an active secret of it;
/// * [`Problem::ServerError`]: the machine ended as it never should.
pub fn refresh(
    client: &Client,
    authenticated: &ClientSecret,
    session: &Session,
    requested: Option<&Scope>,
    now: i64,
) -> Result<Scope, OAuthError> {
    let requested = requested.filter(|scope| !scope.is_empty());
    let text = || requested.map(|scope| Cow::Owned(scope.to_string()));
    let request = StrictRequest { client_id: &client.id, session_id: &session.id };
    let mut machine = Machine::new(&request);
    let mut input = Input::None;
    loop {
        input = match machine.advance(input) {
            Output::Unauthenticated { client: client_id, .. } => {
                if !confirms(client, client_id, authenticated, now) {
                    return Err(not_authenticated());
                }
                Input::Authenticated { scope: text() }
            }
            Output::RecoverRefresh { token } => {
                let is_good = token == session.id && !session.is_over(now);
                let grant = is_good.then(|| recovered(session)).transpose()?;
                Input::Recovered { scope: text(), grant: grant.map(Box::new) }
            }
            Output::Refresh { grant, .. } => {
                let order = requested.unwrap_or(&session.grant.scope);
                return from_oxide(&grant.scope, order).ok_or_else(|| failed("a scope that nobody named was granted"));
            }
            Output::Ok(_) => return Err(failed("the machine issued a token by itself")),
            Output::Err(error) => return Err(refused(error, session, requested)),
        };
    }
}

/// What the machine is told: values that have been read strictly and a client that has been authenticated.
struct StrictRequest<'a> {
    client_id: &'a str,
    session_id: &'a str,
}

impl Request for StrictRequest<'_> {
    fn valid(&self) -> bool {
        true
    }

    fn refresh_token(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(self.session_id))
    }

    /// It is given with each step instead, where the machine reads it.
    fn scope(&self) -> Option<Cow<'_, str>> {
        None
    }

    fn grant_type(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(GrantType::RefreshToken.as_str()))
    }

    /// Always with a client: without one the machine would look for somebody to whom the token might belong.
    fn authorization(&self) -> Option<(Cow<'_, str>, Cow<'_, [u8]>)> {
        Some((Cow::Borrowed(self.client_id), Cow::Borrowed(&[])))
    }

    fn extension(&self, _key: &str) -> Option<Cow<'_, str>> {
        None
    }
}

fn recovered(session: &Session) -> Result<Grant, OAuthError> {
    Ok(Grant {
        owner_id: session.grant.subject.clone(),
        client_id: session.client_id.clone(),
        scope: to_oxide(&session.grant.scope).map_err(|_| failed("the granted scope cannot be read"))?,
        redirect_uri: NO_REDIRECT.parse().map_err(|_| failed("the stand-in for a redirect URL is none"))?,
        until: (UNIX_EPOCH + Duration::from_secs(NEVER)).into(),
        extensions: Extensions::new(),
    })
}

fn not_authenticated() -> OAuthError {
    OAuthError::new(Problem::ClientAuthenticationFailed, "the client is disabled or its secret is no longer active")
}

fn failed(detail: &str) -> OAuthError {
    OAuthError::new(Problem::ServerError, format!("refresh_token: {detail}"))
}

/// The machine says `invalid_grant` or `invalid_scope`, in a form that only prints. Which of them follows from what it was
/// given; with strict values every other ending is our bug.
fn refused(error: MachineError, session: &Session, requested: Option<&Scope>) -> OAuthError {
    match error {
        MachineError::Invalid(description) => {
            let body = description.to_json();
            if body.contains("\"invalid_grant\"") {
                return OAuthError::new(
                    Problem::RefreshTokenRefused,
                    "the session is over, or the token is another client's",
                );
            }
            match requested.map(|scope| scope.difference(&session.grant.scope)) {
                Some(beyond) if body.contains("\"invalid_scope\"") => {
                    OAuthError::new(Problem::ScopeNotAllowed, format!("{beyond} was not granted")).about("scope")
                }
                _ => failed("the machine found the request invalid"),
            }
        }
        MachineError::Unauthorized(..) => failed("the machine found the client unauthorized"),
        MachineError::Primitive => failed("the machine was driven out of order"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::oxide::support::{client, scope, session};

    fn run(granted: &str, requested: Option<&str>) -> Result<String, OAuthError> {
        let client = client("bff", &["a secret"]);
        let requested = requested.map(scope);
        let session = session("bff", granted);
        refresh(&client, &client.secrets[0], &session, requested.as_ref(), 0).map(|granted| granted.to_string())
    }

    #[test]
    fn without_a_requested_scope_it_is_all_that_was_granted_in_its_order() {
        for _ in 0..20 {
            assert_eq!(run("f b d a c e", None).expect("granted"), "f b d a c e");
            assert_eq!(run("f b d a", Some("")).expect("granted"), "f b d a");
        }
        assert_eq!(run("", None).expect("granted"), "");
    }

    #[test]
    fn a_requested_scope_narrows_in_its_own_order() {
        for _ in 0..20 {
            assert_eq!(run("a b c d e f", Some("e c a")).expect("granted"), "e c a");
        }
    }

    #[test]
    fn a_scope_that_was_not_granted_is_invalid_scope_and_the_log_names_it() {
        for granted in ["a b", ""] {
            let error = run(granted, Some("a x")).expect_err("beyond the grant");
            assert_eq!((error.problem, error.parameter), (Problem::ScopeNotAllowed, Some("scope")));
            assert!(error.detail.contains('x'), "{}", error.detail);
        }
    }

    #[test]
    fn the_token_of_another_client_or_of_a_session_that_is_over_is_invalid_grant() {
        let bff = client("bff", &["a secret"]);
        let problem = |session: &Session, now| {
            refresh(&bff, &bff.secrets[0], session, Some(&scope("a")), now).map_err(|error| error.problem)
        };
        let own = session("bff", "a");
        assert_eq!(problem(&own, own.expires_at - 1), Ok(scope("a")));
        assert_eq!(problem(&own, own.expires_at), Err(Problem::RefreshTokenRefused));
        assert_eq!(problem(&session("other", "a"), 0), Err(Problem::RefreshTokenRefused));
        let idle = Session { idle_expires_at: 5, ..own };
        assert_eq!((problem(&idle, 4), problem(&idle, 5)), (Ok(scope("a")), Err(Problem::RefreshTokenRefused)));
    }

    #[test]
    fn a_client_that_is_disabled_or_another_ones_secret_authenticates_nobody() {
        let (mut bff, other) = (client("bff", &["a secret"]), client("other", &["another secret"]));
        let own = session("bff", "a");
        let problem =
            |client: &Client, secret| refresh(client, secret, &own, None, 0).map(drop).map_err(|error| error.problem);
        assert_eq!(problem(&bff, &bff.secrets[0]), Ok(()));
        assert_eq!(problem(&bff, &other.secrets[0]), Err(Problem::ClientAuthenticationFailed));
        bff.enabled = false;
        assert_eq!(problem(&bff, &bff.secrets[0]), Err(Problem::ClientAuthenticationFailed));
    }

    #[test]
    fn no_other_ending_of_the_machine_is_sent_as_the_callers_fault() {
        let own = session("bff", "a");
        for error in [MachineError::Primitive, MachineError::unauthorized("basic")] {
            assert_eq!(refused(error, &own, Some(&scope("x"))).problem, Problem::ServerError);
        }
        // Driven out of order, the machine ends in its "primitive" error.
        let mut machine = Machine::new(&StrictRequest { client_id: "bff", session_id: "s" });
        match machine.advance(Input::Recovered { scope: None, grant: None }) {
            Output::Err(error) => assert_eq!(refused(error, &own, None).problem, Problem::ServerError),
            _ => panic!("the machine accepted an input out of order"),
        }
    }

    proptest! {
        #[test]
        fn what_is_given_is_what_was_requested_and_within_the_grant(
            granted in "[a-e ]{0,9}", requested in "[a-f ]{0,9}"
        ) {
            let (granted, requested) = (scope(&granted), scope(&requested));
            match run(&granted.to_string(), Some(&requested.to_string())) {
                Ok(given) => {
                    prop_assert!(scope(&given).is_within(&granted));
                    let expected = if requested.is_empty() { &granted } else { &requested };
                    prop_assert_eq!(given, expected.to_string());
                }
                Err(error) => {
                    prop_assert_eq!(error.problem, Problem::ScopeNotAllowed);
                    prop_assert!(!requested.is_within(&granted));
                }
            }
        }
    }
}
