//! Reads the form of a request, once (RFC 6749 §3.2, Appendix B).

use std::time::Duration;

use actix_web::{HttpRequest, http::header, rt::time::timeout, web};

use super::Site;
use crate::oauth::{
    error::{OAuthError, Problem},
    params::{Limits, Params, is_form_content_type, parameter_in_query},
};

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// The parameters of the body.
pub(super) async fn read(request: &HttpRequest, payload: web::Payload, site: &Site) -> Result<Params, OAuthError> {
    if let Some(name) = parameter_in_query(request.query_string()) {
        return Err(OAuthError::new(Problem::ParametersInQuery, format!("{name} stands in the URL")));
    }
    let content_type = request.headers().get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap_or_default());
    if !is_form_content_type(content_type) {
        return Err(OAuthError::new(Problem::ContentType, "the content type is not a form's"));
    }
    // Stops reading at the limit, however much is sent, and does not begin where it will not end (TE-009); nor does it wait
    // for those who send a byte at a time.
    let too_large = || OAuthError::new(Problem::BodyTooLarge, format!("more than {} bytes", site.max_body));
    if announced_length(request).is_some_and(|length| length > site.max_body) {
        return Err(too_large());
    }
    let body = timeout(BODY_TIMEOUT, payload.to_bytes_limited(site.max_body))
        .await
        .map_err(|_| OAuthError::new(Problem::BodyTooSlow, "the body took too long"))?
        .map_err(|_| too_large())?
        .map_err(|error| OAuthError::new(Problem::MalformedBody, format!("the body broke off: {error}")))?;
    Params::parse(&body, &Limits { max_body: site.max_body, ..Limits::default() })
}

/// `Content-Length`. The server below has refused what is no number.
fn announced_length(request: &HttpRequest) -> Option<usize> {
    request.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
