//! For load balancers and people on call.

use actix_web::{HttpResponse, web};
use serde_json::json;

use super::{Site, environment::RequestedEnvironment};

/// `GET /health`: the process is up.
pub(super) async fn health() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "up" }))
}

/// The same below the issuer of an environment.
pub(super) async fn environment_health(_: RequestedEnvironment) -> HttpResponse {
    health().await
}

/// `GET /ready`: it can do its work. Says which part cannot.
pub(super) async fn ready(site: web::Data<Site>) -> HttpResponse {
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
    response.insert_header(("Cache-Control", "no-store")).json(json!({
        "status": if ready { "ready" } else if stopping { "stopping" } else { "not ready" },
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
