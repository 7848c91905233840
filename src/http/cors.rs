//! Which pages of other origins may read what browsers ask for (Fetch Standard §3.2): those of the environment's applications. What
//! is public anyway, metadata and keys, any page may read.
//!
//! Nothing that a browser adds by itself (cookies) lets anybody in where this is asked. So it keeps nobody out who is not a page; it
//! keeps pages of strangers from beginning ceremonies, or guessing secrets, in the name of their visitors' networks and reading the
//! answers.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{self, HeaderMap, HeaderValue},
    },
};

use super::{environment::RequestedEnvironment, respond};
use crate::{catalog::environment::EnvironmentSnapshot, operations::origins::allows_origin};

/// How long a browser may remember the answer, in seconds.
const MAX_AGE: u32 = 600;
/// Libraries for tracing add these headers to each request of a page (W3C Trace Context, W3C Baggage): without them in the answer the
/// request itself is never sent.
const OF_CEREMONIES: HeaderValue = HeaderValue::from_static("content-type, traceparent, tracestate, baggage");
/// The same, and what clients show.
const OF_CLIENTS: HeaderValue =
    HeaderValue::from_static("authorization, content-type, traceparent, tracestate, baggage");
/// Headers of answers that clients go by.
const EXPOSED: HeaderValue = HeaderValue::from_static("www-authenticate, retry-after, x-request-id");

/// A browser asks whether a page may begin a ceremony.
pub(super) async fn preflight(environment: RequestedEnvironment, request: HttpRequest) -> HttpResponse {
    answer_preflight(&environment, &request, "POST", OF_CEREMONIES)
}

/// A browser asks whether a page may ask for tokens.
pub(super) async fn preflight_of_token(environment: RequestedEnvironment, request: HttpRequest) -> HttpResponse {
    answer_preflight(&environment, &request, "POST", OF_CLIENTS)
}

/// A browser asks whether a page may ask who its user is.
pub(super) async fn preflight_of_userinfo(environment: RequestedEnvironment, request: HttpRequest) -> HttpResponse {
    answer_preflight(&environment, &request, "GET, POST", OF_CLIENTS)
}

/// A browser asks whether a page may read a public document. It asks only where the page sends more than a plain request.
pub(super) async fn preflight_of_document() -> HttpResponse {
    let mut response = respond::uncached(StatusCode::NO_CONTENT).finish();
    allow_all(&mut response);
    let allowed = HeaderValue::from_static("content-type, if-none-match, traceparent, tracestate, baggage");
    permit(response.headers_mut(), "GET, HEAD", allowed);
    response
}

fn answer_preflight(
    environment: &EnvironmentSnapshot,
    request: &HttpRequest,
    methods: &'static str,
    allowed: HeaderValue,
) -> HttpResponse {
    let mut response = respond::uncached(StatusCode::NO_CONTENT).finish();
    if allow(environment, request, &mut response) {
        permit(response.headers_mut(), methods, allowed);
    }
    response
}

fn permit(headers: &mut HeaderMap, methods: &'static str, allowed: HeaderValue) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from(MAX_AGE));
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

/// The same for an answer to a client, which reads some headers too.
pub(super) fn allowing_client(
    environment: &EnvironmentSnapshot,
    request: &HttpRequest,
    mut response: HttpResponse,
) -> HttpResponse {
    if allow(environment, request, &mut response) {
        response.headers_mut().insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
    response
}

/// Lets every page read the answer: it says the same to everybody.
pub(super) fn allow_all(response: &mut HttpResponse) {
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
}
