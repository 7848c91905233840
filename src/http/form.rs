//! Reads the form of a request, once (RFC 6749 §3.2, Appendix B).

use actix_web::{HttpRequest, http::header, web};

use super::Site;
use crate::oauth::{
    error::{OAuthError, Problem},
    params::{Limits, Params, is_form_content_type},
};

/// Parameters that carry credentials or say what is wanted. In a URL they would end up in logs and histories (TE-007).
const BODY_ONLY: [&str; 9] = [
    "grant_type",
    "client_id",
    "client_secret",
    "client_assertion",
    "subject_token",
    "actor_token",
    "token",
    "scope",
    "audience",
];

/// The parameters of the body.
pub(super) async fn read(request: &HttpRequest, payload: web::Payload, site: &Site) -> Result<Params, OAuthError> {
    check_query(request.query_string())?;
    let content_type = request.headers().get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap_or_default());
    if !is_form_content_type(content_type) {
        return Err(OAuthError::new(Problem::ContentType, "the content type is not a form's"));
    }
    // Stops reading at the limit, however much is sent (TE-009).
    let body = payload
        .to_bytes_limited(site.max_body)
        .await
        .map_err(|_| OAuthError::new(Problem::BodyTooLarge, format!("more than {} bytes", site.max_body)))?
        .map_err(|error| OAuthError::new(Problem::MalformedBody, format!("the body broke off: {error}")))?;
    Params::parse(&body, &Limits { max_body: site.max_body, ..Limits::default() })
}

fn check_query(query: &str) -> Result<(), OAuthError> {
    let names = query.split('&').map(|pair| pair.split_once('=').map_or(pair, |(name, _)| name));
    match names.into_iter().find(|name| BODY_ONLY.contains(name)) {
        Some(name) => Err(OAuthError::new(Problem::ParametersInQuery, format!("{name} stands in the URL"))),
        None => Ok(()),
    }
}
