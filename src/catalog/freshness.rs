//! How long a fetched key set is fresh.

/// How long a set is fresh when the issuer says nothing, in seconds.
const USUAL_TTL: i64 = 300;
/// The shortest and the longest time a set is fresh whatever the issuer says, in seconds: an issuer must not make us ask
/// for each token, nor keep us from ever hearing of a withdrawn key.
const MIN_TTL: i64 = 60;
const MAX_TTL: i64 = 86_400;
/// How long a set is fresh, in seconds, from `Cache-Control` (RFC 9111 §5.2.2).
pub(super) fn ttl(cache_control: Option<&str>) -> i64 {
    let mut ttl = None;
    for directive in cache_control.unwrap_or_default().split(',') {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        match name.trim().to_ascii_lowercase().as_str() {
            "no-store" | "no-cache" => return MIN_TTL,
            "max-age" => {
                let value = value.trim().trim_matches('"');
                let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
                // Of several, the shortest; one beyond all numbers is as good as the longest.
                let seconds = is_number.then(|| value.parse().unwrap_or(MAX_TTL));
                ttl = ttl.into_iter().chain(seconds).min();
            }
            _ => {}
        }
    }
    ttl.unwrap_or(USUAL_TTL).clamp(MIN_TTL, MAX_TTL)
}

#[cfg(test)]
mod tests {
    use super::ttl;

    #[test]
    fn the_issuer_says_how_long_its_keys_are_fresh_within_bounds() {
        for (cache_control, expected) in [
            (None, 300),
            (Some(""), 300),
            (Some("public"), 300),
            (Some("public, max-age=600, must-revalidate"), 600),
            (Some("MAX-AGE=600"), 600),
            (Some("max-age=\"600\""), 600),
            (Some("max-age=900, max-age=600"), 600),
            (Some("max-age=0"), 60),
            (Some("max-age=59"), 60),
            (Some("max-age=86401"), 86_400),
            (Some("max-age=99999999999999999999999999"), 86_400),
            (Some("max-age=-1"), 300),
            (Some("max-age=many"), 300),
            (Some("max-age"), 300),
            (Some("x-max-age=600"), 300),
            (Some("no-store"), 60),
            (Some("max-age=600, no-cache"), 60),
            (Some("No-Store, max-age=600"), 60),
        ] {
            assert_eq!(ttl(cache_control), expected, "{cache_control:?}");
        }
    }
}
