//! `POST /token`.

use actix_web::{HttpRequest, HttpResponse, web};

use super::{Site, client_form::ClientForm, cors, environment::RequestedEnvironment, respond};
use crate::{
    oauth::{error::OAuthError, response::TokenResponse},
    operations::token::token,
};

/// Every grant.
pub(super) async fn post(
    environment: RequestedEnvironment,
    request: HttpRequest,
    payload: web::Payload,
    site: web::Data<Site>,
) -> HttpResponse {
    let answer: Result<TokenResponse, OAuthError> = async {
        let form = ClientForm::read(&request, payload, &site).await;
        let form = form.inspect_err(|error| site.context.counts.token_request(None, Some(error)))?;
        form.with(async |request| token(&site.context, &environment, request).await).await
    }
    .await;
    let response = match answer {
        Ok(token) => respond::granted(&token),
        Err(error) => respond::refused(&error),
    };
    cors::allowing_client(&environment, &request, response)
}
