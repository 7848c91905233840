//! From results to answers: the one place that sets status and headers of the token endpoint.

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{StatusCode, header},
};
use serde::Serialize;
use serde_json::json;

use crate::oauth::{
    error::{ErrorCode, OAuthError},
    response::{ErrorBody, TokenResponse},
};

/// How long a client should wait when the server cannot answer and does not know when it will, in seconds.
const RETRY_AFTER: i64 = 1;

/// A granted token (RFC 6749 §5.1).
pub(super) fn granted(token: &TokenResponse) -> HttpResponse {
    uncached(StatusCode::OK).json(token)
}

/// A refusal (RFC 6749 §5.2).
pub(super) fn refused(error: &OAuthError) -> HttpResponse {
    let status = StatusCode::from_u16(error.problem.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = uncached(status);
    if status == StatusCode::UNAUTHORIZED {
        response.insert_header((header::WWW_AUTHENTICATE, "Basic realm=\"tessera\", charset=\"UTF-8\""));
    }
    if error.code() == ErrorCode::TemporarilyUnavailable {
        response.insert_header((header::RETRY_AFTER, error.retry_after.unwrap_or(RETRY_AFTER)));
    }
    response.json(ErrorBody::from(error))
}

/// Answers with tokens, and refusals, are nobody's to keep (TE-032). `Pragma` is for caches of HTTP/1.0.
pub(super) fn uncached(status: StatusCode) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response.insert_header((header::CACHE_CONTROL, "no-store")).insert_header((header::PRAGMA, "no-cache"));
    response
}

/// An answer outside the token endpoint that is no document.
#[derive(Serialize)]
struct Plain {
    error: &'static str,
    error_description: &'static str,
}

/// No such path, or no such environment; which of them is nobody's business.
pub(super) async fn not_found() -> HttpResponse {
    nothing_here()
}

/// The same, for those that are not handlers.
pub(super) fn nothing_here() -> HttpResponse {
    uncached(StatusCode::NOT_FOUND)
        .json(Plain { error: "not_found", error_description: "there is nothing at this address" })
}

/// Refused before anything was looked at: see `observe`.
pub(super) fn forbidden(description: &'static str) -> HttpResponse {
    uncached(StatusCode::FORBIDDEN).json(Plain { error: "forbidden", error_description: description })
}

/// TE-002.
pub(super) async fn only_post(request: HttpRequest) -> HttpResponse {
    method_not_allowed(&request, "POST")
}

/// For documents.
pub(super) async fn only_get(request: HttpRequest) -> HttpResponse {
    method_not_allowed(&request, "GET, HEAD")
}

/// For the authorization endpoint, and for what `HEAD` must not use up.
pub(super) async fn only_get_and_post(request: HttpRequest) -> HttpResponse {
    method_not_allowed(&request, "GET, POST")
}

/// For any other.
pub(super) fn method_not_allowed(request: &HttpRequest, allowed: &str) -> HttpResponse {
    log::debug!("{} is not allowed here", request.method());
    uncached(StatusCode::METHOD_NOT_ALLOWED).insert_header((header::ALLOW, allowed)).json(json!({
        "error": "method_not_allowed",
        "error_description": format!("use {allowed} here"),
    }))
}
