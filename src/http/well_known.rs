//! What clients and resource servers learn by themselves: metadata (RFC 8414) and keys (RFC 7517).

use actix_web::{HttpRequest, HttpResponse, web};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use openssl::sha::sha256;
use serde::Serialize;
use serde_json::to_string;

use super::{
    Site,
    cacheable::{self, Document},
    cors,
    environment::{KeysOfEnvironment, RequestedEnvironment},
    respond,
};
use crate::{
    oauth::error::{OAuthError, Problem},
    operations::metadata,
};

/// `GET /.well-known/oauth-authorization-server`.
pub(super) async fn authorization_server(
    environment: RequestedEnvironment,
    request: HttpRequest,
    site: web::Data<Site>,
) -> HttpResponse {
    document(&request, &site, &metadata::authorization_server(&site.context, &environment))
}

/// `GET /.well-known/openid-configuration`.
pub(super) async fn openid_configuration(
    environment: RequestedEnvironment,
    request: HttpRequest,
    site: web::Data<Site>,
) -> HttpResponse {
    document(&request, &site, &metadata::openid_configuration(&site.context, &environment))
}

/// `GET /.well-known`: where the GraphQL endpoints are.
pub(super) async fn graphql_endpoints(
    environment: RequestedEnvironment,
    request: HttpRequest,
    site: web::Data<Site>,
) -> HttpResponse {
    document(&request, &site, &metadata::graphql_endpoints(&environment))
}

/// `GET /.well-known/jwks.json`. `max-age` is what `keys rotate` counts on: a key is published one such time before it
/// signs (TE-096).
pub(super) async fn jwks(environment: KeysOfEnvironment, request: HttpRequest, site: web::Data<Site>) -> HttpResponse {
    let jwks = environment.keyring.jwks(site.context.clock.now());
    public(cacheable::document(&request, Document::json(jwks.body), &jwks.etag, site.jwks_max_age))
}

fn document(request: &HttpRequest, site: &Site, metadata: &impl Serialize) -> HttpResponse {
    match to_string(metadata) {
        Ok(body) => {
            let etag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(sha256(body.as_bytes())));
            public(cacheable::document(request, Document::json(body), &etag, site.jwks_max_age))
        }
        Err(error) => respond::refused(&OAuthError::new(Problem::ServerError, error.to_string())),
    }
}

/// Every page may read it, so that clients and verifiers in browsers work.
fn public(mut response: HttpResponse) -> HttpResponse {
    cors::allow_all(&mut response);
    response
}
