//! The whole URL space, on one page, and the only place that names actix-web.

mod authorize;
mod body;
mod cacheable;
mod client_form;
mod cors;
mod environment;
mod form;
mod forwarded;
mod graphiql;
mod graphql;
mod health;
mod introspect;
mod metrics;
mod observe;
mod respond;
mod rest;
mod server;
mod signals;
mod tls;
mod token;
mod userinfo;
mod well_known;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use actix_web::{
    FromRequest, Handler, Resource, Responder, Route, guard,
    http::{Method, header},
    web::{self, ServiceConfig},
};

use crate::{
    catalog::watch::CatalogWatch,
    graphql::Engine,
    oauth::metadata::{
        AUTHORIZATION_PATH, AUTHORIZATION_SERVER_PATH, CALLBACK_PATH, INTROSPECTION_PATH, JWKS_PATH,
        OPENID_CONFIGURATION_PATH, REVOCATION_PATH, TOKEN_PATH, USERINFO_PATH,
    },
    operations::{
        context::Context,
        metadata::{GRAPHQL_ENDPOINTS_PATH, GRAPHQL_MANAGEMENT_PATH, GRAPHQL_PATH},
    },
    rest as rest_api,
    settings::BehindProxy,
    store::Store,
};

pub use actix_web::dev::ServerHandle;
pub use graphiql::GraphiqlFiles;
pub use metrics::HttpCounts;
pub use server::{ServerOptions, serve, serve_probes};
pub use signals::told_again;
pub use tls::Certificate;

/// What the handlers share. One per node.
pub struct Site {
    /// What the operations work with.
    pub context: Context,
    /// Executes GraphQL documents.
    pub graphql: Engine,
    /// Runs the operations of the backend authentication API.
    pub rest: rest_api::Engine,
    /// The page for trying them.
    pub graphiql: GraphiqlFiles,
    /// For `/metrics`.
    pub store: Store,
    /// For `/ready`.
    pub watch: CatalogWatch,
    /// How long others may keep the key set and the metadata.
    pub jwks_max_age: Duration,
    /// The largest body that is read, in bytes.
    pub max_body: usize,
    /// The proxies whose word on the client's address is believed.
    pub behind_proxy: Option<BehindProxy>,
    /// Whether `/health`, `/ready` and `/metrics` have a listener of their own.
    pub probes_apart: bool,
    /// Whether everybody can call the listener: it is on more than loopback, with no proxy in front.
    pub is_public: bool,
    /// Whether the paths are served below `/cis` too, as Mosaic has them.
    pub cis_paths: bool,
    /// When the node started, in seconds since 1970.
    pub started_at: i64,
    /// What is counted of requests and answers.
    pub counts: HttpCounts,
    /// Whether the node was told to stop: it is not ready any more, and ends each connection with its answer.
    pub stopping: AtomicBool,
}

impl Site {
    fn begin_stopping(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }
}

/// Every path that is served.
fn routes(config: &mut ServiceConfig, site: &Arc<Site>) {
    if !site.probes_apart {
        config.configure(probes);
    }
    config
        .app_data(web::Data::from(Arc::clone(site)))
        // RFC 8414 §3.1 puts the well-known part between the host and the path of the issuer.
        .service(document(&format!("{AUTHORIZATION_SERVER_PATH}{ENVIRONMENT}")).to(well_known::authorization_server))
        .service(document(&format!("{OPENID_CONFIGURATION_PATH}{ENVIRONMENT}")).to(well_known::openid_configuration))
        .configure(|config| below_issuer(config, site))
        .service(web::scope(ENVIRONMENT).configure(|config| below_issuer(config, site)).configure(below_named_issuer))
        .default_service(web::to(respond::not_found));
}

/// What the operator's own machines ask.
fn probes(config: &mut ServiceConfig) {
    config
        .service(get("/health").to(health::health))
        .service(get("/ready").to(health::ready))
        .service(get("/metrics").to(metrics::metrics));
}

/// The paths of the listener for probes, where they have one of their own.
fn probe_routes(config: &mut ServiceConfig, site: &Arc<Site>) {
    config.app_data(web::Data::from(Arc::clone(site))).configure(probes).default_service(web::to(respond::not_found));
}

/// [`TOKEN_PATH`], as Mosaic has it.
const CIS_TOKEN_PATH: &str = "/cis/oidc/token";
/// [`REVOCATION_PATH`], likewise.
const CIS_REVOCATION_PATH: &str = "/cis/oidc/token/revocation";
/// [`USERINFO_PATH`], likewise.
const CIS_USERINFO_PATH: &str = "/cis/oidc/me";
/// [`JWKS_PATH`], likewise.
const CIS_JWKS_PATH: &str = "/cis/oidc/jwks";

/// The keys of an environment by its ids and the id of one of its applications.
const JWKS_OF_APPLICATION: &str = "/{application_id}/.well-known/jwks.json";
/// Its own ids again, below the issuer of an environment.
const SAME_ENVIRONMENT: &str = "/{same_tenant_id}/{same_environment_id}";

/// Where an environment other than the default one hangs.
const ENVIRONMENT: &str = "/{tenant_id}/{environment_id}";

/// What every issuer serves.
fn below_issuer(config: &mut ServiceConfig, site: &Site) {
    if site.cis_paths {
        config.configure(below_cis);
    }
    config
        .service(token_endpoint(TOKEN_PATH))
        .service(
            web::resource(AUTHORIZATION_PATH)
                .route(web::get().to(authorize::get))
                .route(web::post().to(authorize::post))
                .default_service(web::to(respond::only_get_and_post)),
        )
        .service(
            web::resource(CALLBACK_PATH)
                .route(web::get().to(authorize::callback))
                .route(web::post().to(authorize::posted_callback))
                .default_service(web::to(respond::only_get_and_post)),
        )
        .service(post(INTROSPECTION_PATH, introspect::introspection))
        .service(post(REVOCATION_PATH, introspect::revocation))
        .service(user_info(USERINFO_PATH))
        .service(post(GRAPHQL_PATH, graphql::auth))
        .service(post(GRAPHQL_MANAGEMENT_PATH, graphql::management))
        .service(get("/graphiql").to(graphiql::page))
        .service(get("/graphiql/{file}").to(graphiql::file))
        .service(document(GRAPHQL_ENDPOINTS_PATH).to(well_known::graphql_endpoints))
        .service(document(AUTHORIZATION_SERVER_PATH).to(well_known::authorization_server))
        .service(document(OPENID_CONFIGURATION_PATH).to(well_known::openid_configuration))
        .service(document(JWKS_PATH).to(well_known::jwks))
        .service(get(rest_api::OPENAPI_PATH).to(rest::document));
    rest::paths(config, "");
}

/// The same handlers at Mosaic's paths. The documents name the addresses without `/cis`, which every client that reads them uses.
fn below_cis(config: &mut ServiceConfig) {
    config
        .service(token_endpoint(CIS_TOKEN_PATH))
        .service(post(CIS_REVOCATION_PATH, introspect::revocation))
        .service(user_info(CIS_USERINFO_PATH))
        .service(document(CIS_JWKS_PATH).to(well_known::jwks))
        .service(document(&format!("/cis/oidc{OPENID_CONFIGURATION_PATH}")).to(well_known::openid_configuration));
    rest::paths(config, "/cis");
}

/// `OPTIONS` of a browser that asks for a page (Fetch Standard §4.8). Any other `OPTIONS` is a method that is not there.
fn preflight() -> Route {
    let asks = |context: &guard::GuardContext<'_>| {
        context.head().headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
    };
    web::method(Method::OPTIONS).guard(guard::fn_guard(asks))
}

/// The token endpoint.
fn token_endpoint(path: &str) -> Resource {
    post(path, token::post).route(preflight().to(cors::preflight_of_token))
}

/// The UserInfo endpoint.
fn user_info(path: &str) -> Resource {
    web::resource(path)
        .route(web::get().to(userinfo::answer))
        .route(web::post().to(userinfo::answer))
        .route(preflight().to(cors::preflight_of_userinfo))
        .default_service(web::to(respond::only_get_and_post))
}

/// What an issuer with ids in its path serves besides; verifiers of Mosaic tokens put the ids behind any base URL.
fn below_named_issuer(config: &mut ServiceConfig) {
    config
        .service(get("/health").to(health::environment_health))
        .service(document(JWKS_OF_APPLICATION).to(well_known::jwks))
        .service(document(&format!("{SAME_ENVIRONMENT}{JWKS_PATH}")).to(well_known::jwks))
        .service(document(&format!("{SAME_ENVIRONMENT}{JWKS_OF_APPLICATION}")).to(well_known::jwks));
}

/// A resource that takes `POST`, and nothing else.
fn post<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    web::resource(path).route(web::post().to(handler)).default_service(web::to(respond::only_post))
}

/// A resource that can be read, and nothing else.
fn get(path: &str) -> Readable {
    Readable(web::resource(path))
}

/// The same for what is public, and so open to the pages of all origins.
fn document(path: &str) -> Readable {
    Readable(web::resource(path).route(preflight().to(cors::preflight_of_document)))
}

/// A [`Resource`] that awaits the handler for `GET` and `HEAD`.
struct Readable(Resource);

impl Readable {
    fn to<F, Args>(self, handler: F) -> Resource
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let readable = guard::Any(guard::Get()).or(guard::Method(Method::HEAD));
        self.0.route(web::route().guard(readable).to(handler)).default_service(web::to(respond::only_get))
    }
}
