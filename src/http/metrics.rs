//! `GET /metrics`, and what is counted of HTTP itself.

use std::time::Duration;

use actix_web::{HttpResponse, http::StatusCode, http::header, web};

use super::{CIS_JWKS_PATH, CIS_REVOCATION_PATH, CIS_USERINFO_PATH, Site, respond};
use crate::{
    metrics::{CONTENT_TYPE, CountByTwo, Histogram, Kind, Page, kinds},
    oauth::metadata::{
        AUTHORIZATION_PATH, CALLBACK_PATH, INTROSPECTION_PATH, REVOCATION_PATH, TOKEN_PATH, USERINFO_PATH,
    },
    operations::metadata::{GRAPHQL_MANAGEMENT_PATH, GRAPHQL_PATH},
};

/// `GET /metrics`: everything that there is to know of this node, for Prometheus. Asks neither the database nor a blocking
/// thread: it has to answer above all while those do not.
pub(super) async fn metrics(site: web::Data<Site>) -> HttpResponse {
    let mut page = Page::default();
    site.expose(&mut page);
    match page.text() {
        Ok(text) => {
            let mut response = respond::uncached(StatusCode::OK);
            response.insert_header((header::CONTENT_TYPE, CONTENT_TYPE)).body(text)
        }
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}

impl Site {
    /// The list of all that is measured. Each part writes its own.
    fn expose(&self, page: &mut Page) {
        let (context, now) = (&self.context, self.context.clock.now_millis());
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        page.gauge("tessera_build_info", "Always 1; the version that runs.", &version, 1.0);
        let help = "When this process started, in seconds since 1970.";
        page.seconds("process_start_time_seconds", help, &[], self.started_at);
        self.counts.expose(page);
        context.counts.expose(page);
        context.catalog.expose(page);
        self.watch.expose(page);
        self.store.expose(page);
        context.audit.expose(page);
        context.throttle.expose(page);
        context.passwords.expose(page);
        context.hook_calls.expose(page, now);
        context.delivery.expose(page);
        context.foreign_keys.expose(page);
    }
}

/// What is counted of HTTP.
#[derive(Debug, Default)]
pub struct HttpCounts {
    responses: CountByTwo<Endpoint, StatusClass>,
    times: Times,
}

/// One histogram for each endpoint.
#[derive(Debug)]
struct Times(Vec<Histogram>);

impl Default for Times {
    fn default() -> Self {
        Self(Endpoint::ALL.iter().map(|_| Histogram::of_times()).collect())
    }
}

impl HttpCounts {
    /// A request for `path` was answered after `time`.
    pub(super) fn answered(&self, path: &str, status: StatusCode, time: Duration) {
        let endpoint = Endpoint::of(path, status);
        self.responses.one(endpoint, StatusClass::of(status));
        if let Some(times) = self.times.0.get(endpoint.place()) {
            times.took(time);
        }
    }

    fn expose(&self, page: &mut Page) {
        let help = "Answers, by endpoint and class of status.";
        self.responses.expose(page, "tessera_http_responses_total", help, ["endpoint", "status"]);
        let help = "Time from the head of a request to its answer, by endpoint.";
        for (endpoint, times) in Endpoint::ALL.iter().zip(&self.times.0) {
            page.histogram("tessera_http_request_duration_seconds", help, &[("endpoint", endpoint.label())], times);
        }
    }
}

kinds! {
    /// What a request was for. Never the path: whoever asks chooses it.
    enum Endpoint {
        Token = "token",
        Introspection = "introspect",
        Revocation = "revoke",
        Authorization = "authorize",
        UserInfo = "userinfo",
        Backend = "backend",
        GraphQl = "graphql",
        GraphQlManagement = "graphql_management",
        WellKnown = "well_known",
        GraphiQl = "graphiql",
        Probe = "probe",
        Other = "other",
    }
    /// The first digit of the status.
    enum StatusClass {
        Success = "2xx",
        Redirect = "3xx",
        ClientError = "4xx",
        ServerError = "5xx",
    }
}

impl Endpoint {
    /// By the end of the path: an issuer may stand before it. What is nowhere is `Other`, whatever it ends with.
    fn of(path: &str, status: StatusCode) -> Self {
        if status == StatusCode::NOT_FOUND {
            return Endpoint::Other;
        }
        // Before the others: parts of these paths are for callers to choose.
        if path.contains("/v1/") || path.contains("/loginPreferences/") {
            return Endpoint::Backend;
        }
        let ends: [(&str, Self); 14] = [
            (TOKEN_PATH, Endpoint::Token),
            (CIS_REVOCATION_PATH, Endpoint::Revocation),
            (USERINFO_PATH, Endpoint::UserInfo),
            (CIS_USERINFO_PATH, Endpoint::UserInfo),
            (CIS_JWKS_PATH, Endpoint::WellKnown),
            (INTROSPECTION_PATH, Endpoint::Introspection),
            (REVOCATION_PATH, Endpoint::Revocation),
            (AUTHORIZATION_PATH, Endpoint::Authorization),
            (CALLBACK_PATH, Endpoint::Authorization),
            (GRAPHQL_PATH, Endpoint::GraphQl),
            (GRAPHQL_MANAGEMENT_PATH, Endpoint::GraphQlManagement),
            ("/health", Endpoint::Probe),
            ("/ready", Endpoint::Probe),
            ("/metrics", Endpoint::Probe),
        ];
        match ends.into_iter().find(|(end, _)| path.ends_with(end)) {
            Some((_, endpoint)) => endpoint,
            None if path.contains("/.well-known") => Endpoint::WellKnown,
            None if path.contains("/graphiql") => Endpoint::GraphiQl,
            None => Endpoint::Other,
        }
    }
}

impl StatusClass {
    fn of(status: StatusCode) -> Self {
        match status.as_u16() {
            0..=299 => StatusClass::Success,
            300..=399 => StatusClass::Redirect,
            400..=499 => StatusClass::ClientError,
            _ => StatusClass::ServerError,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_caller_invents_is_one_endpoint() {
        let of = |path, status| Endpoint::of(path, StatusCode::from_u16(status).expect("a status"));
        assert_eq!(of("/token", 200), Endpoint::Token);
        assert_eq!(of("/t/e/token", 401), Endpoint::Token);
        assert_eq!(of("/cis/oidc/token", 401), Endpoint::Token);
        assert_eq!(of("/cis/oidc/token/revocation", 200), Endpoint::Revocation);
        assert_eq!(of("/t/e/cis/oidc/jwks", 200), Endpoint::WellKnown);
        assert_eq!((of("/userinfo", 200), of("/cis/oidc/me", 401)), (Endpoint::UserInfo, Endpoint::UserInfo));
        assert_eq!(of("/t/e/v1/auth/session/authenticate", 400), Endpoint::Backend);
        assert_eq!(of("/cis/v1/users/token", 200), Endpoint::Backend);
        assert_eq!(of("/t/e/graphql", 200), Endpoint::GraphQl);
        assert_eq!(of("/graphql-management", 200), Endpoint::GraphQlManagement);
        assert_eq!(of("/.well-known/jwks.json", 304), Endpoint::WellKnown);
        assert_eq!(of("/.well-known/oauth-authorization-server/t/e", 200), Endpoint::WellKnown);
        assert_eq!(of("/graphiql/graphiql.min.js", 200), Endpoint::GraphiQl);
        assert_eq!(of("/metrics", 200), Endpoint::Probe);
        for invented in ["/x/y/z/token", "/x/.well-known/y", "/", "", "/%00/graphql"] {
            assert_eq!(of(invented, 404), Endpoint::Other, "{invented}");
        }
        for (place, endpoint) in Endpoint::ALL.iter().enumerate() {
            assert_eq!(endpoint.place(), place);
        }
    }
}
