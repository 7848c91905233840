//! Reads the body of a request within its bounds of size and time.

use std::time::Duration;

use actix_web::{HttpRequest, http::header, rt::time::timeout, web};

/// How long a body may take to arrive.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Why a body cannot be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum BodyError {
    /// It is larger than that, in bytes.
    TooLarge(usize),
    /// It did not arrive in time.
    TooSlow,
    /// It broke off; the text says how.
    BrokenOff(String),
}

/// The body of `request`, at most `max` bytes.
///
/// Stops reading at the limit, however much is sent, and does not begin where it will not end (TE-009); nor does it wait
/// for those who send a byte at a time.
pub(super) async fn read(request: &HttpRequest, payload: web::Payload, max: usize) -> Result<web::Bytes, BodyError> {
    if announced_length(request).is_some_and(|length| length > max) {
        return Err(BodyError::TooLarge(max));
    }
    timeout(TIMEOUT, payload.to_bytes_limited(max))
        .await
        .map_err(|_| BodyError::TooSlow)?
        .map_err(|_| BodyError::TooLarge(max))?
        .map_err(|error| BodyError::BrokenOff(error.to_string()))
}

/// `Content-Length`. The server below has refused what is no number.
fn announced_length(request: &HttpRequest) -> Option<usize> {
    request.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
