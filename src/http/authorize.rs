//! `GET` and `POST /authorize`, and the way back from an identity provider.

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{StatusCode, header},
    web,
};

use super::{Site, environment::RequestedEnvironment, form, observe::Observed, respond};
use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::authorization::SIGN_IN_LIFETIME,
    oauth::{
        error::OAuthError,
        params::{Limits, Params},
        response::ErrorBody,
    },
    operations::authorize::{Call, Refused, Sent, come_back, is_secure, start, unreadable},
};

/// Nothing here is to be loaded, shown in other pages, or sent on.
const POLICY: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// An authorization request in the URL.
pub(super) async fn get(
    environment: RequestedEnvironment,
    request: HttpRequest,
    site: web::Data<Site>,
) -> HttpResponse {
    let params = Params::parse(request.query_string().as_bytes(), &Limits::AUTHORIZATION);
    begin(&environment, &request, &site, params).await
}

/// The same as a form (OpenID Connect Core §3.1.2.1).
pub(super) async fn post(
    environment: RequestedEnvironment,
    request: HttpRequest,
    payload: web::Payload,
    site: web::Data<Site>,
) -> HttpResponse {
    let limits = Limits { max_body: Limits::AUTHORIZATION.max_body.min(site.max_body), ..Limits::AUTHORIZATION };
    let params = form::read_within(&request, payload, &limits).await;
    begin(&environment, &request, &site, params).await
}

async fn begin(
    environment: &RequestedEnvironment,
    request: &HttpRequest,
    site: &Site,
    params: Result<Params, OAuthError>,
) -> HttpResponse {
    let observed = Observed::of(request);
    let (params, unread) = params.map_or_else(|error| (Params::default(), Some(error)), |params| (params, None));
    let call = call(&observed, &params);
    let outcome = match unread {
        None => start(&site.context, environment, &call).await,
        Some(error) => unreadable(&site.context, environment, &call, error).await,
    };
    match outcome {
        Ok(Sent { location, cookie_name, cookie_value, is_posted_back }) => {
            let cookie = cookie(environment, &cookie_name, &cookie_value, (SIGN_IN_LIFETIME, is_posted_back));
            go_to(&location).insert_header((header::SET_COOKIE, cookie)).finish()
        }
        Err(refused) => refusal(request, &refused),
    }
}

/// The answer of an identity provider, carried by the browser.
pub(super) async fn callback(
    environment: RequestedEnvironment,
    request: HttpRequest,
    site: web::Data<Site>,
) -> HttpResponse {
    let params = Params::parse(request.query_string().as_bytes(), &Limits::AUTHORIZATION_RESPONSE);
    end(&environment, &request, &site, params).await
}

/// The same in a form that a page of the provider posts (OAuth 2.0 Form Post Response Mode).
pub(super) async fn posted_callback(
    environment: RequestedEnvironment,
    request: HttpRequest,
    payload: web::Payload,
    site: web::Data<Site>,
) -> HttpResponse {
    let most = Limits::AUTHORIZATION_RESPONSE.max_body.min(site.max_body);
    let limits = Limits { max_body: most, ..Limits::AUTHORIZATION_RESPONSE };
    let params = form::read_within(&request, payload, &limits).await;
    end(&environment, &request, &site, params).await
}

async fn end(
    environment: &RequestedEnvironment,
    request: &HttpRequest,
    site: &Site,
    params: Result<Params, OAuthError>,
) -> HttpResponse {
    let observed = Observed::of(request);
    let params = match params {
        Ok(params) => params,
        Err(error) => {
            let nothing = Params::default();
            return match unreadable(&site.context, environment, &call(&observed, &nothing), error).await {
                Ok(_) => respond::nothing_here(),
                Err(refused) => refusal(request, &refused),
            };
        }
    };
    let came_back =
        come_back(&site.context, environment, &call(&observed, &params), &|name| cookie_of(request, name)).await;
    let mut response = match came_back.outcome {
        Ok(location) => go_to(&location).finish(),
        Err(refused) => refusal(request, &refused),
    };
    // It goes under whichever of the two attributes it came.
    let spent = came_back.spent_cookie.map(|name| cookie(environment, &name, "", (0, false)));
    if let Some(value) = spent.and_then(|cookie| header::HeaderValue::from_str(&cookie).ok()) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
    response
}

fn call<'a>(observed: &'a Observed, params: &'a Params) -> Call<'a> {
    Call { request_id: &observed.request_id, trace: observed.trace, client_address: observed.client_address, params }
}

/// `Lax`: sent along when the provider sends the browser back, and with no request that a foreign page makes by itself. A form that the
/// provider's page posts is such a request: only then it is `None`, which browsers take with `Secure` alone. The state that has to come with
/// it is the attempt's own, and known to nobody else.
fn cookie(
    environment: &EnvironmentSnapshot,
    name: &str,
    value: &str,
    (max_age, is_posted_back): (i64, bool),
) -> String {
    let same_site = if is_posted_back { "None" } else { "Lax" };
    let secure = if is_secure(environment) || is_posted_back { "; Secure" } else { "" };
    format!("{name}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite={same_site}{secure}")
}

/// The cookie of that name, unless there are several: one of them somebody else has put there.
fn cookie_of(request: &HttpRequest, name: &str) -> Option<String> {
    let lines = request.headers().get_all(header::COOKIE).filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs.filter(|(known, _)| *known == name).map(|(_, value)| value);
    let first = values.next()?;
    values.next().is_none().then(|| first.to_owned())
}

/// 303: whatever the method was, the browser goes on with `GET`, and sends no form along (RFC 9700 §4.12).
fn go_to(location: &str) -> HttpResponseBuilder {
    let mut response = guarded(StatusCode::SEE_OTHER);
    response.insert_header((header::LOCATION, location));
    response
}

fn guarded(status: StatusCode) -> HttpResponseBuilder {
    let mut response = respond::uncached(status);
    response
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
    response
}

fn refusal(request: &HttpRequest, refused: &Refused) -> HttpResponse {
    match refused {
        Refused::There(location) => go_to(location).finish(),
        Refused::Here(error) => page(request, error),
    }
}

/// For people as a page, for others as JSON. It has fixed texts only: nothing of the request.
fn page(request: &HttpRequest, error: &OAuthError) -> HttpResponse {
    let status = StatusCode::from_u16(error.problem.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = guarded(status);
    if let Some(seconds) = error.retry_after {
        response.insert_header((header::RETRY_AFTER, seconds));
    }
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !accept.contains("text/html") {
        return response.json(ErrorBody::from(error));
    }
    let (code, description) = (error.problem.slug(), escaped(&error.description()));
    let request_id = Observed::of(request).request_id;
    response.content_type("text/html; charset=utf-8").body(format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Sign-in is not possible</title>\
         <h1>Sign-in is not possible</h1><p>{description}</p><p>{code}, request {request_id}</p></html>\n"
    ))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn of_two_cookies_of_one_name_neither_counts() {
        let value = |line: &str| {
            let request = TestRequest::default().insert_header((header::COOKIE, line)).to_http_request();
            cookie_of(&request, "a")
        };
        assert_eq!(value("b=2; a=1; c=3").as_deref(), Some("1"));
        assert_eq!(value("a=1; a=1"), None);
        assert_eq!(value("A=1; ab=2; b=a=3"), None);
        assert_eq!(value("a="), Some(String::new()));
    }
}
