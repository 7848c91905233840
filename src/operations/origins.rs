//! The origins whose pages may read answers in a browser.

use crate::catalog::environment::EnvironmentSnapshot;

/// Whether a page of that origin is one of an enabled application of the environment, and so may read what it asks for from a
/// browser. Compared byte by byte: browsers send origins in one form only (RFC 6454 §6.2).
pub fn allows_origin(environment: &EnvironmentSnapshot, origin: &str) -> bool {
    environment.applications.values().filter(|application| application.enabled).any(|application| {
        let preferences = application.login.webauthn_api.as_ref();
        application.allowed_origins.iter().any(|allowed| allowed == origin)
            || preferences.is_some_and(|preferences| preferences.origins().iter().any(|allowed| allowed == origin))
    })
}
