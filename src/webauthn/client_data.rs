//! What the browser says of the ceremony (Level 2 §5.8.1), as far as the verifier leaves it to us.

use serde::Deserialize;

use super::refusal::Refusal;

#[derive(Deserialize)]
struct ClientData<'a> {
    #[serde(borrow)]
    origin: std::borrow::Cow<'a, str>,
    #[serde(rename = "crossOrigin", default)]
    cross_origin: Option<bool>,
    #[serde(rename = "topOrigin", default)]
    top_origin: Option<serde::de::IgnoredAny>,
}

/// Checks where the answer was given. The verifier compares origins as URLs, in which `https://shop.example/anything` is
/// `https://shop.example`, and looks for frames of other sites in registrations only: here they are compared as the text that
/// browsers send, and a page that frames ours (clickjacking) gets neither a key nor a login.
///
/// # Errors
/// The origin is none of these, or there is a frame of another origin.
pub(super) fn check(json: &[u8], origins: &[String]) -> Result<(), Refusal> {
    let data: ClientData<'_> = serde_json::from_slice(json).map_err(|_| Refusal::Malformed)?;
    if data.cross_origin == Some(true) || data.top_origin.is_some() {
        return Err(Refusal::CrossOrigin);
    }
    if origins.iter().any(|origin| *origin == data.origin) { Ok(()) } else { Err(Refusal::Origin) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_origin_counts_and_no_frame() {
        let origins = ["https://shop.example".to_owned(), "android:apk-key-hash:Zx-9_A".to_owned()];
        let checked = |json: &str| check(json.as_bytes(), &origins);
        assert_eq!(checked(r#"{"origin":"https://shop.example"}"#), Ok(()));
        assert_eq!(checked(r#"{"origin":"https:\/\/shop.example","crossOrigin":false,"new":[]}"#), Ok(()));
        assert_eq!(checked(r#"{"origin":"android:apk-key-hash:Zx-9_A"}"#), Ok(()));
        for other in [
            "https://shop.example/",
            "https://shop.example:443",
            "https://shop.example/login",
            "https://SHOP.example",
            "http://shop.example",
            "https://www.shop.example",
            "https://shop.example.evil.example",
            "android:apk-key-hash:zx-9_A",
            "null",
            "",
        ] {
            assert_eq!(checked(&format!(r#"{{"origin":"{other}"}}"#)), Err(Refusal::Origin), "{other}");
        }
        let framed = r#"{"origin":"https://shop.example","crossOrigin":true}"#;
        assert_eq!(checked(framed), Err(Refusal::CrossOrigin));
        let framed = r#"{"origin":"https://shop.example","topOrigin":"https://evil.example"}"#;
        assert_eq!(checked(framed), Err(Refusal::CrossOrigin));
        for broken in
            ["", "{}", "[]", r#"{"origin":1}"#, r#"{"origin":"https://shop.example","origin":"https://shop.example"}"#]
        {
            assert_eq!(checked(broken), Err(Refusal::Malformed), "{broken}");
        }
    }
}
