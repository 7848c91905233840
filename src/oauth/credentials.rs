//! The credentials of a request: `client_secret_basic` and `client_secret_post` (RFC 6749 §2.3.1).

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    error::{OAuthError, Problem},
    form_text::form_decode,
    params::Params,
};

/// How a client presented its secret, under the names of the OAuth registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthenticationMethod {
    /// In the Authorization header.
    Basic,
    /// In the body.
    Post,
}

impl AuthenticationMethod {
    /// Every method, in the order of the metadata document.
    pub const ALL: [AuthenticationMethod; 2] = [AuthenticationMethod::Basic, AuthenticationMethod::Post];

    /// The value in `token_endpoint_auth_methods_supported`.
    pub const fn as_str(self) -> &'static str {
        match self {
            AuthenticationMethod::Basic => "client_secret_basic",
            AuthenticationMethod::Post => "client_secret_post",
        }
    }
}

/// What a client presented to prove who it is; nothing of it has been checked.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientCredentials {
    /// `client_id`, as claimed.
    pub id: String,
    secret: String,
    /// Where they stood.
    pub method: AuthenticationMethod,
}

impl ClientCredentials {
    /// Credentials that came as arguments of an operation, in the body of a request.
    pub fn from_arguments(id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self { id: id.into(), secret: secret.into(), method: AuthenticationMethod::Post }
    }

    /// Reads the credentials of a request: every Authorization header value it has, and its parameters.
    ///
    /// `None` if it has none at all. After an error, `params.get("client_id")` still tells the audit record which
    /// client the request claimed to be from.
    ///
    /// # Errors
    /// * [`Problem::SeveralAuthenticationMethods`]: more than one method, or more than one header (TE-013);
    /// * [`Problem::ClientAuthenticationFailed`]: a header that is not well-formed Basic, a client assertion, which is
    ///   not offered, or a `client_id` alone: there are no public clients (TE-016);
    /// * [`Problem::ClientIdMismatch`]: header and body name different clients (TE-015);
    /// * [`Problem::MissingParameter`]: a `client_secret` without `client_id`.
    pub fn from_request(authorization: &[&[u8]], params: &Params) -> Result<Option<Self>, OAuthError> {
        let assertion = params.get("client_assertion").or_else(|| params.get("client_assertion_type"));
        let body_secret = params.get("client_secret");
        let methods = authorization.len() + usize::from(assertion.is_some()) + usize::from(body_secret.is_some());
        if methods > 1 {
            return Err(OAuthError::new(
                Problem::SeveralAuthenticationMethods,
                format!("{methods} sets of credentials in one request"),
            ));
        }
        if assertion.is_some() {
            return Err(failed("client assertions are not offered"));
        }
        if let Some(header) = authorization.first() {
            return Self::from_header(header, params.get("client_id")).map(Some);
        }
        match (params.get("client_id"), body_secret) {
            (Some(id), Some(secret)) => {
                Ok(Some(Self { id: id.to_owned(), secret: secret.to_owned(), method: AuthenticationMethod::Post }))
            }
            (None, Some(_)) => Err(OAuthError::missing("client_id")),
            (Some(_), None) => Err(failed("client_id without a secret")),
            (None, None) => Ok(None),
        }
    }

    /// The secret in clear text, for the one comparison.
    pub fn reveal_secret(&self) -> &str {
        &self.secret
    }

    fn from_header(header: &[u8], body_id: Option<&str>) -> Result<Self, OAuthError> {
        let (id, secret) = parse_basic(header)?;
        if body_id.is_some_and(|body_id| body_id != id) {
            return Err(OAuthError::new(
                Problem::ClientIdMismatch,
                "the Authorization header and the body name different clients",
            ));
        }
        Ok(Self { id, secret, method: AuthenticationMethod::Basic })
    }
}

impl fmt::Debug for ClientCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCredentials").field("id", &self.id).field("method", &self.method).finish_non_exhaustive()
    }
}

/// Id and secret of a Basic header. Both are form-encoded *before* they are joined and base64-encoded (RFC 6749
/// §2.3.1), so that the first `:` is always the border and any character can be in either.
fn parse_basic(header: &[u8]) -> Result<(String, String), OAuthError> {
    let space = header.iter().position(|&byte| byte == b' ').unwrap_or(header.len());
    let (scheme, token) = header.split_at(space);
    if !scheme.eq_ignore_ascii_case(b"basic") {
        return Err(failed("the Authorization header has another scheme than Basic"));
    }
    // The strict alphabet, with padding: one pair of credentials has one spelling.
    let pair = STANDARD.decode(token.trim_ascii()).map_err(|_| failed("the Basic credentials are not base64"))?;
    let colon =
        pair.iter().position(|&byte| byte == b':').ok_or_else(|| failed("the Basic credentials have no colon"))?;
    let (id, secret) = pair.split_at(colon);
    let id = form_decode(id).ok_or_else(|| failed("the client id in the header is not form-encoded UTF-8"))?;
    let secret = secret.strip_prefix(b":").and_then(form_decode);
    let secret = secret.ok_or_else(|| failed("the secret in the header is not form-encoded UTF-8"))?;
    if id.is_empty() || secret.is_empty() {
        return Err(failed("the client id or the secret in the header is empty"));
    }
    Ok((id, secret))
}

fn failed(detail: &str) -> OAuthError {
    OAuthError::new(Problem::ClientAuthenticationFailed, detail)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::oauth::params::Limits;

    fn params(body: &str) -> Params {
        Params::parse(body.as_bytes(), &Limits::default()).expect("well-formed")
    }

    fn basic(pair: impl AsRef<[u8]>) -> Vec<u8> {
        format!("Basic {}", STANDARD.encode(pair)).into_bytes()
    }

    fn read(headers: &[&[u8]], body: &str) -> Result<Option<ClientCredentials>, Problem> {
        ClientCredentials::from_request(headers, &params(body)).map_err(|error| error.problem)
    }

    /// As RFC 6749 Appendix B encodes one value.
    fn encode(value: &str) -> String {
        serde_urlencoded::to_string([("", value)]).expect("a string encodes")[1..].to_owned()
    }

    #[test]
    fn basic_credentials_are_form_decoded_after_base64() {
        for (id, secret) in [
            ("bff", "secret"),
            ("100%", "a+b c"),
            ("urn:client:1", "a:b::c"),
            ("Jörg", "пароль 日本"),
            ("a&b=c", "%41%"),
        ] {
            let header = basic(format!("{}:{}", encode(id), encode(secret)));
            let credentials = read(&[&header], "").expect("accepted").expect("present");
            assert_eq!((credentials.id.as_str(), credentials.reveal_secret()), (id, secret));
            assert_eq!(credentials.method, AuthenticationMethod::Basic);
        }
    }

    #[test]
    fn basic_credentials_split_at_the_first_colon() {
        let credentials = read(&[&basic("id:a:b")], "").expect("accepted").expect("present");
        assert_eq!((credentials.id.as_str(), credentials.reveal_secret()), ("id", "a:b"));
    }

    #[test]
    fn the_scheme_is_case_insensitive() {
        for header in [&b"basic YTpi"[..], b"BASIC YTpi", b"Basic  YTpi "] {
            assert!(read(&[header], "").expect("accepted").is_some());
        }
    }

    #[test]
    fn a_header_that_is_not_well_formed_basic_fails_authentication() {
        let non_utf8 = basic(b"a:\xff");
        let encoded_non_utf8 = basic("a:%ff");
        let broken_percent = basic("a:100%");
        let no_colon = basic("ab");
        let no_id = basic(":b");
        let no_secret = basic("a:");
        let nul = basic("a%00:b");
        for header in [
            &b"Bearer abc"[..],
            b"Basic",
            b"Basic ",
            b"",
            b"BasicYTpi",
            b"Basic YTpiYw",
            b"Basic YTpiYx==",
            b"Basic YTpi YTpi",
            b"Basic YTpi-_==",
            b"Basic \xff\xff",
            &non_utf8,
            &encoded_non_utf8,
            &broken_percent,
            &no_colon,
            &no_id,
            &no_secret,
            &nul,
        ] {
            let text = String::from_utf8_lossy(header);
            assert_eq!(read(&[header], ""), Err(Problem::ClientAuthenticationFailed), "{text}");
        }
    }

    #[test]
    fn credentials_in_the_body_are_read() {
        let credentials = read(&[], "client_id=bff&client_secret=a%3Ab").expect("accepted").expect("present");
        assert_eq!((credentials.id.as_str(), credentials.reveal_secret()), ("bff", "a:b"));
        assert_eq!(credentials.method, AuthenticationMethod::Post);
    }

    #[test]
    fn more_than_one_method_is_refused() {
        let header = basic("a:b");
        for (headers, body) in [
            (&[&header[..]][..], "client_id=a&client_secret=b"),
            (&[&header[..]][..], "client_secret=b"),
            (&[&header[..]][..], "client_assertion=x"),
            (&[&b"Bearer x"[..]][..], "client_id=a&client_secret=b"),
            (&[][..], "client_id=a&client_secret=b&client_assertion=x"),
            (&[&header[..], &header[..]][..], ""),
        ] {
            assert_eq!(read(headers, body), Err(Problem::SeveralAuthenticationMethods), "{body}");
        }
    }

    #[test]
    fn client_id_in_the_body_beside_basic_must_be_the_same() {
        let header = basic("a:b");
        assert!(read(&[&header], "client_id=a").is_ok());
        assert_eq!(read(&[&header], "client_id=A"), Err(Problem::ClientIdMismatch));
    }

    #[test]
    fn half_a_pair_is_refused_and_nothing_is_none() {
        let error = ClientCredentials::from_request(&[], &params("client_secret=b")).expect_err("no id");
        assert_eq!(error, OAuthError::missing("client_id"));
        assert_eq!(read(&[], "client_id=a"), Err(Problem::ClientAuthenticationFailed));
        assert_eq!(read(&[], "client_id=a&client_secret="), Err(Problem::ClientAuthenticationFailed));
        assert_eq!(read(&[], "client_id=a&client_assertion=x"), Err(Problem::ClientAuthenticationFailed));
        assert_eq!(read(&[], "grant_type=client_credentials"), Ok(None));
    }

    #[test]
    fn credentials_and_refusals_do_not_print_the_secret() {
        let credentials = read(&[&basic("a:sesame")], "").expect("accepted").expect("present");
        assert!(!format!("{credentials:?}").contains("sesame"));
        let error = ClientCredentials::from_request(&[&basic("a:sesame%")], &params("")).expect_err("broken");
        assert!(!format!("{error:?} {error}").contains("sesame"));
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(
            headers in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 0..3)
        ) {
            let headers: Vec<&[u8]> = headers.iter().map(Vec::as_slice).collect();
            let _ = ClientCredentials::from_request(&headers, &Params::default());
        }

        #[test]
        fn no_pair_behind_base64_makes_it_panic(pair in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = ClientCredentials::from_request(&[&basic(pair)], &Params::default());
        }

        #[test]
        fn any_credentials_survive_the_header(id in "[^\\x00]{1,20}", secret in "[^\\x00]{1,40}") {
            let header = basic(format!("{}:{}", encode(&id), encode(&secret)));
            let credentials = ClientCredentials::from_request(&[&header], &Params::default())
                .expect("accepted").expect("present");
            prop_assert_eq!((credentials.id.as_str(), credentials.reveal_secret()), (id.as_str(), secret.as_str()));
        }
    }
}
