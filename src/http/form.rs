//! Reads the form of a request, once (RFC 6749 §3.2, Appendix B).

use actix_web::{HttpRequest, http::header, web};

use super::{
    Site,
    body::{self, BodyError},
};
use crate::oauth::{
    error::{OAuthError, Problem},
    params::{Limits, Params, is_form_content_type, parameter_in_query},
};

/// The parameters of the body.
pub(super) async fn read(request: &HttpRequest, payload: web::Payload, site: &Site) -> Result<Params, OAuthError> {
    read_within(request, payload, &Limits { max_body: site.max_body, ..Limits::default() }).await
}

/// The same within other limits.
pub(super) async fn read_within(
    request: &HttpRequest,
    payload: web::Payload,
    limits: &Limits,
) -> Result<Params, OAuthError> {
    if let Some(name) = parameter_in_query(request.query_string()) {
        return Err(OAuthError::new(Problem::ParametersInQuery, format!("{name} stands in the URL")));
    }
    let content_type = request.headers().get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap_or_default());
    if !is_form_content_type(content_type) {
        return Err(OAuthError::new(Problem::ContentType, "the content type is not a form's"));
    }
    let body = body::read(request, payload, limits.max_body).await.map_err(unreadable)?;
    Params::parse(&body, limits)
}

fn unreadable(error: BodyError) -> OAuthError {
    match error {
        BodyError::TooLarge(max) => OAuthError::new(Problem::BodyTooLarge, format!("more than {max} bytes")),
        BodyError::TooSlow => OAuthError::new(Problem::BodyTooSlow, "the body took too long"),
        BodyError::BrokenOff(cause) => OAuthError::new(Problem::MalformedBody, format!("the body broke off: {cause}")),
    }
}
