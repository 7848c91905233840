//! Which environment a request is for.

use std::{
    future::{Ready, ready},
    ops::Deref,
    sync::Arc,
};

use actix_web::{FromRequest, HttpRequest, HttpResponse, ResponseError, dev::Payload, http::StatusCode, web};

use super::{Site, respond};
use crate::catalog::environment::EnvironmentSnapshot;

/// The environment that the path names; the default one where it names none.
pub(super) struct RequestedEnvironment(Arc<EnvironmentSnapshot>);

impl Deref for RequestedEnvironment {
    type Target = Arc<EnvironmentSnapshot>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// The same, for the keys alone: verifiers that know ids and no issuers find those of the default environment under its
/// ids too, and those of others under their ids below their issuer; with the id of an application behind them as well. Its other documents are not there: they would name another issuer than their address (RFC 8414 §3.3).
pub(super) struct KeysOfEnvironment(Arc<EnvironmentSnapshot>);

impl Deref for KeysOfEnvironment {
    type Target = Arc<EnvironmentSnapshot>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl FromRequest for KeysOfEnvironment {
    type Error = NoEnvironment;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(find(request).filter(|found| has_these_keys(found, request)).map(Self).ok_or(NoEnvironment))
    }
}

/// There is no such environment.
#[derive(Debug, thiserror::Error)]
#[error("no such environment")]
pub(super) struct NoEnvironment;

impl ResponseError for NoEnvironment {
    fn status_code(&self) -> StatusCode {
        StatusCode::NOT_FOUND
    }

    fn error_response(&self) -> HttpResponse {
        respond::nothing_here()
    }
}

impl FromRequest for RequestedEnvironment {
    type Error = NoEnvironment;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let named = request.match_info().get("environment_id").is_some();
        let found = find(request).filter(|found| !(named && found.environment.is_default));
        ready(found.map(Self).ok_or(NoEnvironment))
    }
}

fn find(request: &HttpRequest) -> Option<Arc<EnvironmentSnapshot>> {
    let site = request.app_data::<web::Data<Site>>()?;
    let catalog = &site.context.catalog;
    match (request.match_info().get("tenant_id"), request.match_info().get("environment_id")) {
        (Some(tenant), Some(environment)) => catalog.environment(tenant, environment),
        _ => catalog.default_environment(),
    }
}

/// Whether further ids that the path names are those of `found`: an application of it, and below its issuer its own ids
/// again.
fn has_these_keys(found: &EnvironmentSnapshot, request: &HttpRequest) -> bool {
    let named = |name| request.match_info().get(name);
    let environment = &found.environment;
    let is_again = match (named("same_tenant_id"), named("same_environment_id")) {
        (Some(tenant), Some(id)) => !environment.is_default && environment.tenant_id == tenant && environment.id == id,
        _ => true,
    };
    is_again && named("application_id").is_none_or(|id| found.applications.contains_key(id))
}
