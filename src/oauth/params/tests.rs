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
    let limits = Limits { max_body: 20, max_parameters: 3, max_name: 4, max_value: 5, repeatable: &[] };
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
