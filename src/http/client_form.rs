//! A form that a client sends, with its credentials: what the token endpoint, introspection and revocation have in common.

use actix_web::{
    HttpRequest,
    http::header::{self, HeaderValue},
    web,
};

use super::{Site, form, observe::Observed};
use crate::{
    oauth::{error::OAuthError, params::Params},
    operations::token::TokenRequest,
};

/// A request of a client, read.
pub(super) struct ClientForm<'r> {
    request: &'r HttpRequest,
    observed: Observed,
    params: Params,
}

impl<'r> ClientForm<'r> {
    /// Reads a request.
    pub async fn read(request: &'r HttpRequest, payload: web::Payload, site: &Site) -> Result<Self, OAuthError> {
        let observed = Observed::of(request);
        let params = form::read(request, payload, site).await.inspect_err(|error| {
            log::info!(request_id = observed.request_id.as_str(), trace_id = observed.trace; "unreadable request: {error}");
        })?;
        Ok(Self { request, observed, params })
    }

    /// Lets `work` look at it.
    pub async fn with<T>(&self, work: impl AsyncFnOnce(&TokenRequest<'_>) -> T) -> T {
        let headers = self.request.headers().get_all(header::AUTHORIZATION);
        let authorization: Vec<&[u8]> = headers.map(HeaderValue::as_bytes).collect();
        work(&TokenRequest {
            request_id: &self.observed.request_id,
            trace: self.observed.trace,
            client_address: self.observed.client_address,
            authorization: &authorization,
            params: &self.params,
        })
        .await
    }
}
