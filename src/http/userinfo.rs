//! `GET` and `POST /userinfo` (OpenID Connect Core §5.3).

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use serde_json::json;

use super::{Site, cors, environment::RequestedEnvironment, observe::Observed, respond};
use crate::operations::userinfo::{UserInfoError, userinfo};

/// How long a client should wait when the server cannot answer, in seconds.
const RETRY_AFTER: i64 = 1;

/// Tells a client of its user. The token stands in the header: in the address it would end up in logs, and forms of foreign pages
/// could send it. Scripts may read the answer if their page is one of an application.
pub(super) async fn answer(
    environment: RequestedEnvironment,
    request: HttpRequest,
    site: web::Data<Site>,
) -> HttpResponse {
    let headers = request.headers().get_all(header::AUTHORIZATION);
    let authorization: Vec<Vec<u8>> = headers.map(|value| value.as_bytes().to_vec()).collect();
    let response = match userinfo(&site.context, &environment, &authorization).await {
        Ok(claims) => respond::uncached(StatusCode::OK).json(claims),
        Err(error) => {
            let Observed { request_id, trace, .. } = Observed::of(&request);
            log::info!(request_id = request_id.as_str(), trace_id = trace; "userinfo: {error}");
            refused(&error)
        }
    };
    cors::allowing_client(&environment, &request, response)
}

/// RFC 6750 §3: whoever shows no token is told nothing but that one is needed.
fn refused(error: &UserInfoError) -> HttpResponse {
    let (status, code, description) = match error {
        UserInfoError::NoToken => (StatusCode::UNAUTHORIZED, None, "an access token is needed"),
        UserInfoError::InvalidToken(_) => {
            (StatusCode::UNAUTHORIZED, Some("invalid_token"), "the access token is not valid here, or not any more")
        }
        UserInfoError::InsufficientScope(why) => (StatusCode::FORBIDDEN, Some("insufficient_scope"), *why),
        UserInfoError::Unavailable(_) => {
            return respond::uncached(StatusCode::SERVICE_UNAVAILABLE)
                .insert_header((header::RETRY_AFTER, RETRY_AFTER))
                .json(json!({ "error": "temporarily_unavailable", "error_description": "try again" }));
        }
    };
    let mut challenge = "Bearer realm=\"tessera\"".to_owned();
    if let Some(code) = code {
        challenge.push_str(&format!(", error=\"{code}\", error_description=\"{description}\""));
    }
    if code == Some("insufficient_scope") {
        challenge.push_str(", scope=\"openid\"");
    }
    respond::uncached(status)
        .insert_header((header::WWW_AUTHENTICATE, challenge))
        .json(json!({ "error": code.unwrap_or("invalid_request"), "error_description": description }))
}
