//! `POST /token`.

use actix_web::{HttpRequest, HttpResponse, http::header, web};

use super::{Site, environment::RequestedEnvironment, form, observe::Observed, respond};
use crate::{
    oauth::{error::OAuthError, response::TokenResponse},
    operations::token::{TokenRequest, token},
};

/// Every grant.
pub(super) async fn post(
    environment: RequestedEnvironment,
    request: HttpRequest,
    payload: web::Payload,
    site: web::Data<Site>,
) -> HttpResponse {
    match answer(&environment, &request, payload, &site).await {
        Ok(token) => respond::granted(&token),
        Err(error) => respond::refused(&error),
    }
}

async fn answer(
    environment: &RequestedEnvironment,
    request: &HttpRequest,
    payload: web::Payload,
    site: &Site,
) -> Result<TokenResponse, OAuthError> {
    let observed = Observed::of(request);
    let params = form::read(request, payload, site).await.inspect_err(|error| {
        log::info!(request_id = observed.request_id.as_str(), trace_id = observed.trace; "unreadable request: {error}");
        site.context.counts.token_request(None, Some(error));
    })?;
    let authorization: Vec<&[u8]> =
        request.headers().get_all(header::AUTHORIZATION).map(header::HeaderValue::as_bytes).collect();
    let request = TokenRequest {
        request_id: &observed.request_id,
        trace: observed.trace,
        client_address: observed.client_address,
        authorization: &authorization,
        params: &params,
    };
    token(&site.context, environment, &request).await
}
