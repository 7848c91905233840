//! The parameters of a form body, read strictly, once, as ordered pairs (RFC 6749 §3.2, Appendix B).
//!
//! Ready-made extractors keep the last of two equal names, or the first, or neither. Two readers that differ in this
//! let an attacker show one value to a gateway and another to the server; here a repeat is refused (TE-006).

use std::fmt;

use super::{
    error::{OAuthError, Problem},
    form_text::form_decode,
};

/// The parameters that may be there more than once (RFC 8693 §2.1, RFC 8707 §2).
const REPEATABLE: [&str; 2] = ["resource", "audience"];

/// The parameters of the token endpoint, of introspection and of revocation. An answer may name them; other names come from the request and are never sent
/// back (TE-038).
const KNOWN: [&str; 20] = [
    "grant_type",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "scope",
    "resource",
    "audience",
    "requested_token_type",
    "subject_token",
    "subject_token_type",
    "actor_token",
    "actor_token_type",
    "token",
    "token_type_hint",
    "state",
    "application_id",
    "unique_profile_identifier",
    "email",
    "name",
];

/// How much of a body is read (TE-009). Lengths are in bytes, those of names and values after decoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The body. The HTTP side stops reading here.
    pub max_body: usize,
    /// The number of parameters, repeats and empty ones included.
    pub max_parameters: usize,
    /// One name.
    pub max_name: usize,
    /// One value.
    pub max_value: usize,
}

impl Limits {
    /// Room for a subject token and an actor token with long claims.
    pub const MAX_BODY: usize = 64 * 1024;
    /// Several times what any grant has, with room for repeated targets.
    pub const MAX_PARAMETERS: usize = 64;
    /// No parameter of any specification comes near.
    pub const MAX_NAME: usize = 128;
    /// One long token.
    pub const MAX_VALUE: usize = 32 * 1024;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_body: Self::MAX_BODY,
            max_parameters: Self::MAX_PARAMETERS,
            max_name: Self::MAX_NAME,
            max_value: Self::MAX_VALUE,
        }
    }
}

/// The parameters of one request, in the order of the body. One without a value counts as absent (TE-004).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Params(Vec<(String, String)>);

impl Params {
    /// Reads an `application/x-www-form-urlencoded` body.
    ///
    /// # Errors
    /// [`Problem::BodyTooLarge`], [`Problem::TooManyParameters`], [`Problem::ParameterTooLong`];
    /// [`Problem::MalformedBody`] for broken percent-encoding, text that is not UTF-8 and NUL (TE-010);
    /// [`Problem::RepeatedParameter`] for any repeated name but `resource` and `audience`, with or without a value.
    pub fn parse(body: &[u8], limits: &Limits) -> Result<Params, OAuthError> {
        if body.len() > limits.max_body {
            return Err(OAuthError::new(Problem::BodyTooLarge, format!("the body has {} bytes", body.len())));
        }
        let count = body.split(|&byte| byte == b'&').filter(|pair| !pair.is_empty()).count();
        if count > limits.max_parameters {
            return Err(OAuthError::new(Problem::TooManyParameters, format!("the body has {count} parameters")));
        }
        // serde_urlencoded replaces what it cannot decode, so that two different bodies would read alike. `&` and `=`
        // are ASCII and cannot be a part of a longer character: the body decodes if and only if each piece does.
        if form_decode(body).is_none() {
            return Err(malformed("the body is not percent-encoded UTF-8 free of NUL"));
        }
        let mut pairs: Vec<(String, String)> =
            serde_urlencoded::from_bytes(body).map_err(|_| malformed("the body is not a list of pairs"))?;
        refuse_long(&pairs, limits)?;
        refuse_repeats(&pairs)?;
        pairs.retain(|(_, value)| !value.is_empty());
        Ok(Params(pairs))
    }

    /// The value of `name`; the first where it may repeat.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Every value of `name`, in order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The value of a parameter that must be there.
    ///
    /// # Errors
    /// [`Problem::MissingParameter`], naming it.
    pub fn require(&self, name: &'static str) -> Result<&str, OAuthError> {
        self.get(name).ok_or_else(|| OAuthError::missing(name))
    }
}

/// Says how many there are and no more: values are secrets and tokens, and a token sent without `name=` is a name.
impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Params({} parameters)", self.0.len())
    }
}

/// The parameter of the token endpoint that the query of a URL has, if it has one (TE-007). Such a parameter would be in
/// logs and histories, and ignoring it would answer another question than the one that was asked.
pub fn parameter_in_query(query: &str) -> Option<&'static str> {
    let names: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name).collect();
    KNOWN.into_iter().find(|known| names.iter().any(|name| name == known))
}

/// Whether a `Content-Type` header announces a form in UTF-8 (TE-003). The name is case-insensitive and may have
/// parameters; a `charset` other than UTF-8 is refused, because the body would be read as what it is not.
pub fn is_form_content_type(header: Option<&str>) -> bool {
    let Some(header) = header else { return false };
    let mut parts = header.split(';').map(str::trim);
    if !parts.next().is_some_and(|media_type| media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded")) {
        return false;
    }
    parts.filter_map(|parameter| parameter.split_once('=')).all(|(name, value)| {
        !name.trim_end().eq_ignore_ascii_case("charset") || value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
    })
}

fn malformed(detail: &str) -> OAuthError {
    OAuthError::new(Problem::MalformedBody, detail)
}

fn refuse_long(pairs: &[(String, String)], limits: &Limits) -> Result<(), OAuthError> {
    match pairs.iter().find(|(name, value)| name.len() > limits.max_name || value.len() > limits.max_value) {
        None => Ok(()),
        Some((name, value)) => {
            let detail = format!("a parameter has a name of {} and a value of {} bytes", name.len(), value.len());
            Err(about(name, OAuthError::new(Problem::ParameterTooLong, detail)))
        }
    }
}

fn refuse_repeats(pairs: &[(String, String)]) -> Result<(), OAuthError> {
    let mut earlier: Vec<&str> = Vec::with_capacity(pairs.len());
    for (name, _) in pairs {
        if earlier.contains(&name.as_str()) && !REPEATABLE.contains(&name.as_str()) {
            return Err(about(name, OAuthError::new(Problem::RepeatedParameter, "a parameter is there twice")));
        }
        earlier.push(name);
    }
    Ok(())
}

/// Names the parameter in the answer where the name is one of ours.
fn about(name: &str, error: OAuthError) -> OAuthError {
    match KNOWN.into_iter().find(|known| *known == name) {
        Some(known) => error.about(known),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(body: &str) -> Result<Params, OAuthError> {
        Params::parse(body.as_bytes(), &Limits::default())
    }

    fn problem(body: &[u8]) -> Problem {
        Params::parse(body, &Limits::default()).expect_err("refused").problem
    }

    #[test]
    fn pairs_are_decoded_and_unknown_ones_do_no_harm() {
        let params = parse("grant_type=client_credentials&scope=a+b%20c&x=1&name=J%C3%B6rg&&").expect("well-formed");
        assert_eq!(params.get("grant_type"), Some("client_credentials"));
        assert_eq!(params.get("scope"), Some("a b c"));
        assert_eq!(params.get("name"), Some("Jörg"));
        assert_eq!(params.get("y"), None);
    }

    #[test]
    fn broken_percent_encoding_is_refused_in_names_and_values() {
        for body in ["a=%zz", "a=%4", "a=%", "%g0=a", "a=%4&b=c", "a=%+1", "a=%%30"] {
            assert_eq!(problem(body.as_bytes()), Problem::MalformedBody, "{body}");
        }
    }

    #[test]
    fn text_that_is_not_utf8_is_refused_encoded_or_raw() {
        for body in [&b"a=%ff"[..], b"a=\xff", b"%c3=a", b"a=%c3&b=%b6", b"a=%C0%80", b"a=%ed%a0%80"] {
            assert_eq!(problem(body), Problem::MalformedBody, "{body:?}");
        }
    }

    #[test]
    fn nul_is_refused_because_postgres_cannot_store_it() {
        assert_eq!(problem(b"client_id=a%00b"), Problem::MalformedBody);
        assert_eq!(problem(b"client_id=a\0b"), Problem::MalformedBody);
    }

    #[test]
    fn an_empty_value_counts_as_absent() {
        let params = parse("scope=&state&audience=&audience=api").expect("well-formed");
        assert_eq!(params.get("scope"), None);
        assert_eq!(params.get("state"), None);
        assert_eq!(params.get("audience"), Some("api"));
        assert_eq!(params.require("scope"), Err(OAuthError::missing("scope")));
    }

    #[test]
    fn a_repeat_is_refused_by_its_name_even_without_a_value() {
        for body in ["scope=a&scope=a", "scope=a&scope=", "scope=&scope=", "scope&x=1&%73cope=b"] {
            let error = parse(body).expect_err("refused");
            assert_eq!((error.problem, error.parameter), (Problem::RepeatedParameter, Some("scope")), "{body}");
        }
    }

    #[test]
    fn a_name_of_the_request_is_never_sent_back() {
        let error = parse("evil=1&evil=2").expect_err("refused");
        assert_eq!((error.problem, error.parameter), (Problem::RepeatedParameter, None));
        assert!(!error.to_string().contains("evil"));
    }

    #[test]
    fn resource_and_audience_may_repeat_and_keep_their_order() {
        let params = parse("resource=urn:b&audience=x&resource=urn:a&audience=y").expect("both may repeat");
        assert_eq!(params.all("resource").collect::<Vec<_>>(), ["urn:b", "urn:a"]);
        assert_eq!(params.all("audience").collect::<Vec<_>>(), ["x", "y"]);
        assert_eq!(params.all("scope").count(), 0);
    }

    #[test]
    fn names_are_case_sensitive() {
        assert_eq!(parse("Scope=a&scope=b").expect("two names").get("scope"), Some("b"));
    }

    #[test]
    fn each_limit_holds_to_the_byte() {
        let limits = Limits { max_body: 20, max_parameters: 3, max_name: 4, max_value: 5 };
        let parse = |body: &str| Params::parse(body.as_bytes(), &limits).map_err(|error| error.problem);
        assert!(parse("a=1&b=2&c=3").is_ok());
        assert_eq!(parse("a=1&b=2&c=3&d="), Err(Problem::TooManyParameters));
        assert!(parse("abcd=12345").is_ok());
        assert_eq!(parse("abcde=1"), Err(Problem::ParameterTooLong));
        assert_eq!(parse("a=123456"), Err(Problem::ParameterTooLong));
        assert!(parse("a=%31%32%33%34%35").is_ok(), "lengths count after decoding");
        assert!(parse("a=12345&b=12345&&&&&").is_ok());
        assert_eq!(parse("a=12345&b=12345&&&&&&"), Err(Problem::BodyTooLarge));
    }

    #[test]
    fn parameters_do_not_print_themselves() {
        let printed = format!("{:?}", parse("client_secret=open-sesame&eyJhbGciOi").expect("well-formed"));
        assert!(!printed.contains("sesame") && !printed.contains("eyJ"), "{printed}");
    }

    #[test]
    fn only_forms_in_utf8_are_read() {
        for yes in [
            "application/x-www-form-urlencoded",
            "Application/X-WWW-Form-URLEncoded",
            "application/x-www-form-urlencoded;charset=UTF-8",
            "application/x-www-form-urlencoded ; Charset=\"utf-8\"; x=y",
        ] {
            assert!(is_form_content_type(Some(yes)), "{yes}");
        }
        for no in [
            "application/json",
            "multipart/form-data; boundary=x",
            "application/x-www-form-urlencodedx",
            "application/x-www-form-urlencoded;charset=iso-8859-1",
            "application/x-www-form-urlencoded;charset=utf-8;charset=utf-16",
            "",
        ] {
            assert!(!is_form_content_type(Some(no)), "{no}");
        }
        assert!(!is_form_content_type(None));
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Params::parse(&body, &Limits::default());
        }

        #[test]
        fn no_body_that_looks_like_a_form_makes_it_panic(body in "[a-c=&%+0-9é\\x00]{0,60}") {
            let _ = Params::parse(body.as_bytes(), &Limits::default());
        }

        #[test]
        fn what_an_encoder_writes_is_read_back(
            pairs in proptest::collection::btree_map("[^\\x00]{0,12}", "[^\\x00]{1,40}", 0..12)
        ) {
            let body = serde_urlencoded::to_string(&pairs).expect("strings encode");
            let params = Params::parse(body.as_bytes(), &Limits::default()).expect("well-formed");
            for (name, value) in &pairs {
                prop_assert_eq!(params.get(name), Some(value.as_str()));
            }
            prop_assert_eq!(params.0.len(), pairs.len());
        }
    }
}
