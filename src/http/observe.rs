//! Around every request: where it comes from, its id, its line in the access log.

use std::{net::IpAddr, time::Instant};

use actix_web::{
    Error, HttpMessage, HttpRequest,
    body::{EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        ConnectionType,
        header::{HeaderMap, HeaderName, HeaderValue},
    },
    middleware::Next,
    web,
};

use super::{
    Site,
    forwarded::{check_transport, client_address, is_forwarded},
    respond,
};
use crate::domain::{
    random::random_id,
    trace::{TRACEPARENT, Trace},
};

/// Names the request in the answer, the log and the audit record. Always made here: an id chosen by the caller could be
/// somebody else's.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const METRICS: &str = "/metrics";

/// What is known of a request besides itself.
#[derive(Debug, Clone)]
pub(super) struct Observed {
    /// Its id.
    pub request_id: String,
    /// The trace that the caller says it belongs to.
    pub trace: Option<Trace>,
    /// Where it comes from.
    pub client_address: Option<IpAddr>,
    /// Whether it comes from the operator's own machines, who may see how the node is.
    pub is_inside: bool,
}

impl Observed {
    /// What [`observe`] found out.
    pub fn of(request: &HttpRequest) -> Self {
        request.extensions().get::<Self>().cloned().unwrap_or_else(|| Self {
            request_id: String::new(),
            trace: None,
            client_address: None,
            is_inside: false,
        })
    }
}

/// The middleware.
pub(super) async fn observe<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let site = request.app_data::<web::Data<Site>>().cloned();
    let is_inside = site.as_ref().is_some_and(|site| is_inside(&request, site));
    let admitted = site.map_or(Ok(()), |site| admit(&request, &site, is_inside));
    around(request, next, (admitted, is_inside)).await
}

/// The same on the listener for probes, where no proxy is in front.
pub(super) async fn observe_probes<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    around(request, next, (Ok(()), true)).await
}

async fn around<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
    (admitted, is_inside): (Result<(), &'static str>, bool),
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let started = Instant::now();
    let site = request.app_data::<web::Data<Site>>().cloned();
    let proxy = site.as_ref().and_then(|site| site.behind_proxy.as_ref());
    let request_id = site.as_ref().and_then(|site| random_id(&*site.context.random).ok()).unwrap_or_default();
    let client_address = client_address(request.peer_addr(), request.headers(), proxy);
    let trace = trace(request.headers());
    request.extensions_mut().insert(Observed { request_id: request_id.clone(), trace, client_address, is_inside });

    let is_logged = log::log_enabled!(target: "access", log::Level::Info);
    let mut response = match admitted {
        Ok(()) => next.call(request).await?.map_into_left_body(),
        Err(description) => request.into_response(respond::forbidden(description)).map_into_right_body(),
    };
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let time = started.elapsed();
    if let Some(site) = &site {
        if site.is_stopping() {
            // The next request goes to a node that stays.
            response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
        }
        site.counts.answered(response.request().path(), response.status(), time);
    }
    if is_logged {
        let line = route(response.request());
        let micros = time.as_micros();
        let status = response.status().as_u16();
        let address = client_address.map(|address| address.to_string()).unwrap_or_default();
        log::info!(target: "access", request_id = request_id.as_str(), trace_id = trace; "{line} {status} {micros}us {address}");
    }
    Ok(response)
}

/// The method and the route of a request, with `{name}` for the parts of the path that callers choose. Those hold addresses, telephone
/// numbers and session ids, which no log is to keep; and what matches no route may be a secret in the wrong place.
fn route(request: &HttpRequest) -> String {
    let pattern = request.match_pattern().unwrap_or_else(|| "(no route)".to_owned());
    format!("{} {pattern}", request.method())
}

/// The trace that the caller names, if it names exactly one (Trace Context §3.2).
fn trace(headers: &HeaderMap) -> Option<Trace> {
    let mut values = headers.get_all(TRACEPARENT);
    let trace = Trace::parse(values.next()?.as_bytes());
    trace.filter(|_| values.next().is_none())
}

/// Whether a request comes from the operator's own machines: to a listener on loopback, or past the proxy.
fn is_inside(request: &ServiceRequest, site: &Site) -> bool {
    !site.is_public && !is_forwarded(request.peer_addr(), request.headers(), site.behind_proxy.as_ref())
}

/// Whether a request may come in at all.
fn admit(request: &ServiceRequest, site: &Site, is_inside: bool) -> Result<(), &'static str> {
    // Probes come from the node itself and from Prometheus, past the proxy.
    let is_probe = !site.probes_apart && matches!(request.path(), "/health" | "/ready" | METRICS);
    if is_probe && request.path() == METRICS && !is_inside {
        // How often which secret was wrong, and which client was looked up, is not for those outside.
        return Err("metrics are not for those outside: use server.internal_listen");
    }
    check_transport(request.peer_addr(), request.headers(), site.behind_proxy.as_ref().filter(|_| !is_probe))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_traces_are_none() {
        const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let headers = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            let name = HeaderName::from_static(TRACEPARENT);
            values.iter().for_each(|value| headers.append(name.clone(), HeaderValue::from_static(value)));
            headers
        };
        assert!(trace(&headers(&[GOOD])).is_some());
        assert!(trace(&headers(&[GOOD, GOOD])).is_none());
        assert!(trace(&headers(&["00", GOOD])).is_none());
        assert!(trace(&HeaderMap::new()).is_none());
    }
}
