//! `POST /introspect` and `POST /revoke`.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};

use super::{Site, client_form::ClientForm, environment::RequestedEnvironment, respond};
use crate::{
    oauth::{
        error::OAuthError,
        introspection::{SIGNED_ANSWER, wants_signed_answer},
    },
    operations::{
        introspect::{Introspection, introspect},
        revoke_token::revoke_token,
    },
};

/// Says whether a token is in force, and what it says (RFC 7662).
pub(super) async fn introspection(
    environment: RequestedEnvironment,
    request: HttpRequest,
    payload: web::Payload,
    site: web::Data<Site>,
) -> HttpResponse {
    let accept = request.headers().get_all(header::ACCEPT).filter_map(|value| value.to_str().ok());
    let signed = wants_signed_answer(accept);
    let answer: Result<Introspection, OAuthError> = async {
        let form = ClientForm::read(&request, payload, &site).await?;
        form.with(async |request| introspect(&site.context, &environment, request, signed).await).await
    }
    .await;
    match answer {
        Ok(Introspection::Plain(body)) => respond::uncached(StatusCode::OK).json(body),
        Ok(Introspection::Signed(jwt)) => respond::uncached(StatusCode::OK).content_type(SIGNED_ANSWER).body(jwt),
        Err(error) => respond::refused(&error),
    }
}

/// Takes a token out of force (RFC 7009). The answer to what is done has no body.
pub(super) async fn revocation(
    environment: RequestedEnvironment,
    request: HttpRequest,
    payload: web::Payload,
    site: web::Data<Site>,
) -> HttpResponse {
    let answer: Result<(), OAuthError> = async {
        let form = ClientForm::read(&request, payload, &site).await?;
        form.with(async |request| revoke_token(&site.context, &environment, request).await).await
    }
    .await;
    match answer {
        Ok(()) => respond::uncached(StatusCode::OK).finish(),
        Err(error) => respond::refused(&error),
    }
}
