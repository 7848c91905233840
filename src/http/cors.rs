//! Which pages of other origins may read what browsers ask for (Fetch Standard §3.2): those of the environment's applications.
//!
//! The operations are open to anybody, and nothing that a browser adds by itself (cookies) lets anybody in. So this keeps nobody out
//! who is not a page; it keeps pages of strangers from beginning ceremonies in the name of their visitors' networks and reading them.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
};

use super::{environment::RequestedEnvironment, respond};
use crate::{catalog::environment::EnvironmentSnapshot, operations::backend::webauthn::allows_origin};

/// How long a browser may remember the answer, in seconds.
const MAX_AGE: u32 = 600;

/// A browser asks whether a page may ask.
pub(super) async fn preflight(environment: RequestedEnvironment, request: HttpRequest) -> HttpResponse {
    let mut response = respond::uncached(StatusCode::NO_CONTENT).finish();
    if allow(&environment, &request, &mut response) {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("content-type"));
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from(MAX_AGE));
    }
    response
}

/// Lets the page that asks read the answer, if it is one of an application.
pub(super) fn allow(environment: &EnvironmentSnapshot, request: &HttpRequest, response: &mut HttpResponse) -> bool {
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    let Some(origin) = request.headers().get(header::ORIGIN) else { return false };
    let is_allowed = origin.to_str().is_ok_and(|origin| allows_origin(environment, origin));
    if is_allowed {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    }
    is_allowed
}
