//! For load balancers and people on call.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

use super::{Site, environment::RequestedEnvironment, observe::Observed};

/// `GET /health`: the process is up.
pub(super) async fn health() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "up" }))
}

/// The same below the issuer of an environment.
pub(super) async fn environment_health(_: RequestedEnvironment) -> HttpResponse {
    health().await
}

/// `GET /ready`: it can do its work. Tells the operator's machines which part cannot: to others an outage would say when to attack.
pub(super) async fn ready(site: web::Data<Site>, request: HttpRequest) -> HttpResponse {
    let database = match site.context.catalog.ping().await {
        Ok(()) => "ok",
        Err(_) => "unavailable",
    };
    let changes = if site.watch.in_touch() { "ok" } else { "not heard of" };
    let keys = keys(&site);
    let revocations = if site.context.catalog.is_stale() { "not heard of for too long" } else { "ok" };
    let audit = if site.context.audit.takes_records() { "ok" } else { "cannot write" };
    let stopping = site.is_stopping();
    let ready = !stopping && [database, changes, revocations, audit, keys].iter().all(|part| *part == "ok");
    let mut response = if ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    response.insert_header(("Cache-Control", "no-store"));
    let status = if ready {
        "ready"
    } else if stopping {
        "stopping"
    } else {
        "not ready"
    };
    if !Observed::of(&request).is_inside {
        return response.json(json!({ "status": status }));
    }
    response.json(json!({
        "status": status,
        "database": database,
        "changes": changes,
        "revocations": revocations,
        "audit": audit,
        "keys": keys,
    }))
}

fn keys(site: &Site) -> &'static str {
    let Some(environment) = site.context.catalog.default_environment() else {
        return "no environment yet: run tessera apply";
    };
    match environment.keyring.signer(site.context.signing_alg, site.context.clock.now()) {
        Some(_) => "ok",
        None => "no active signing key: run tessera keys list",
    }
}
