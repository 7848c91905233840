//! The operations of `rest`, where their table puts them.

use std::collections::HashMap;

use actix_web::{
    HttpRequest, HttpResponse, Resource, Route,
    http::{self, StatusCode, header},
    web::{self, ServiceConfig},
};

use super::{
    Site,
    body::{self, BodyError},
    cors,
    environment::RequestedEnvironment,
    observe::Observed,
    respond,
};
use crate::{
    operations::backend::error::ApiCode,
    rest::{self, ContentType, Method, RestAnswer, RestRequest},
};

/// The longest URL parameters that are read, in bytes.
const MAX_QUERY: usize = 4096;

/// Every path of the table, below `prefix`.
pub(super) fn paths(config: &mut ServiceConfig, prefix: &str) {
    for (pattern, methods) in rest::paths() {
        config.service(resource(prefix, pattern, &methods));
    }
}

fn resource(prefix: &str, pattern: &'static str, methods: &[Method]) -> Resource {
    let mut resource = web::resource(format!("{prefix}{pattern}"));
    for &method in methods {
        resource = resource.route(route(method).to(move |environment, request, payload, site| {
            answer(pattern, method, environment, request, payload, site)
        }));
    }
    let mut allowed: Vec<_> = methods.iter().map(|method| method.as_str()).collect();
    if rest::is_for_browsers(pattern) {
        resource = resource.route(web::method(http::Method::OPTIONS).to(cors::preflight));
        allowed.push("OPTIONS");
    }
    let allowed = allowed.join(", ");
    resource.default_service(web::to(move |request: HttpRequest| {
        let allowed = allowed.clone();
        async move { respond::method_not_allowed(&request, &allowed) }
    }))
}

fn route(method: Method) -> Route {
    match method {
        Method::Get => web::get(),
        Method::Post => web::post(),
        Method::Put => web::put(),
        Method::Patch => web::patch(),
        Method::Delete => web::delete(),
    }
}

async fn answer(
    pattern: &'static str,
    method: Method,
    environment: RequestedEnvironment,
    request: HttpRequest,
    payload: web::Payload,
    site: web::Data<Site>,
) -> HttpResponse {
    let Observed { request_id, trace, client_address, .. } = Observed::of(&request);
    let body = body::read(&request, payload, site.max_body).await;
    let body = body.map(|bytes| bytes.to_vec()).map_err(|error| match error {
        BodyError::TooLarge(_) => ApiCode::BodyTooLarge,
        BodyError::TooSlow => ApiCode::BodyTooSlow,
        BodyError::BrokenOff(_) => ApiCode::InvalidInput,
    });
    let headers = request.headers().get_all(header::AUTHORIZATION);
    let asked = RestRequest {
        pattern,
        method,
        path: path_of(&request),
        query: query_of(&request),
        content_type: content_type(&request),
        body,
        authorization: headers.map(|value| value.as_bytes().to_vec()).collect(),
        request_id,
        trace,
        client_address,
    };
    let mut response = respond(site.rest.answer((*environment).clone(), asked).await);
    if rest::is_for_browsers(pattern) {
        cors::allow(&environment, &request, &mut response);
    }
    response
}

/// Decoded in whole: `match_info` leaves what would change the meaning of a path encoded, and ids may hold it.
fn path_of(request: &HttpRequest) -> HashMap<String, String> {
    let decoded = |value: &str| {
        let value = value.replace("%2F", "/").replace("%2f", "/").replace("%2B", "+").replace("%2b", "+");
        // Last, so that nothing is decoded twice.
        value.replace("%25", "%")
    };
    request.match_info().iter().map(|(name, value)| (name.to_owned(), decoded(value))).collect()
}

/// The parameters of the URL. What is too long or cannot be read is refused: taken for no filter, it would show everything.
fn query_of(request: &HttpRequest) -> Result<Vec<(String, String)>, ApiCode> {
    let query = request.query_string();
    if query.len() > MAX_QUERY {
        return Err(ApiCode::InvalidInput);
    }
    serde_urlencoded::from_str(query).map_err(|_| ApiCode::InvalidInput)
}

fn content_type(request: &HttpRequest) -> ContentType {
    let Some(value) = request.headers().get(header::CONTENT_TYPE) else { return ContentType::Absent };
    let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    match essence {
        _ if essence.eq_ignore_ascii_case("application/json") => ContentType::Json,
        _ if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") => ContentType::Form,
        _ => ContentType::Other,
    }
}

fn respond(answer: RestAnswer) -> HttpResponse {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = respond::uncached(status);
    if let Some(challenge) = answer.challenge {
        response.insert_header((header::WWW_AUTHENTICATE, challenge));
    }
    if let Some(seconds) = answer.retry_after {
        response.insert_header((header::RETRY_AFTER, seconds));
    }
    match answer.body {
        Some(body) => response.content_type("application/json").body(body),
        None => response.finish(),
    }
}

/// The document that describes them.
pub(super) async fn document(environment: RequestedEnvironment) -> HttpResponse {
    respond::uncached(StatusCode::OK).json(rest::document(&environment.issuer))
}
