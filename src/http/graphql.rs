//! `POST /graphql` and `POST /graphql-management`.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};

use super::{
    Site,
    body::{self, BodyError},
    environment::RequestedEnvironment,
    observe::Observed,
    respond,
};
use crate::graphql::{Endpoint, GraphQlAnswer, GraphQlRequest};

/// Authentication and tokens.
pub(super) async fn auth(
    environment: RequestedEnvironment,
    request: HttpRequest,
    payload: web::Payload,
    site: web::Data<Site>,
) -> HttpResponse {
    answer(Endpoint::Auth, &environment, &request, payload, &site).await
}

/// What an environment consists of.
pub(super) async fn management(
    environment: RequestedEnvironment,
    request: HttpRequest,
    payload: web::Payload,
    site: web::Data<Site>,
) -> HttpResponse {
    answer(Endpoint::Management, &environment, &request, payload, &site).await
}

async fn answer(
    endpoint: Endpoint,
    environment: &RequestedEnvironment,
    request: &HttpRequest,
    payload: web::Payload,
    site: &Site,
) -> HttpResponse {
    let Observed { request_id, trace, client_address, .. } = Observed::of(request);
    // A browser sends other types to any host without asking first: this is what keeps foreign pages out.
    if !is_json(request) {
        return respond(site.graphql.unreadable(415, "Send the request as application/json", &request_id, trace));
    }
    let body = match body::read(request, payload, site.max_body).await {
        Ok(body) => body.to_vec(),
        Err(error) => {
            let (status, message) = match error {
                BodyError::TooLarge(max) => (413, format!("The body is larger than {max} bytes")),
                BodyError::TooSlow => (408, "The body did not arrive in time".to_owned()),
                BodyError::BrokenOff(_) => (400, "The body broke off".to_owned()),
            };
            return respond(site.graphql.unreadable(status, &message, &request_id, trace));
        }
    };
    let authorization = request.headers().get_all(header::AUTHORIZATION).map(|value| value.as_bytes().to_vec());
    let request = GraphQlRequest { body, authorization: authorization.collect(), request_id, trace, client_address };
    respond(site.graphql.execute(endpoint, (**environment).clone(), request).await)
}

/// `application/json`, whatever its parameters: JSON is UTF-8 (RFC 8259 §8.1).
fn is_json(request: &HttpRequest) -> bool {
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = content_type.and_then(|value| value.split(';').next()).unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

fn respond(answer: GraphQlAnswer) -> HttpResponse {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = respond::uncached(status);
    if let Some(challenge) = answer.challenge {
        response.insert_header((header::WWW_AUTHENTICATE, challenge));
    }
    if let Some(seconds) = answer.retry_after {
        response.insert_header((header::RETRY_AFTER, seconds));
    }
    response.content_type("application/json").body(answer.body)
}
