//! The composition root: from settings to a running server. `main` and the tests build it the same way.

mod beside;
mod context;
mod database;
mod error;
mod master_key;

use std::{
    future::{Future as _, poll_fn},
    io,
    net::{SocketAddr, TcpListener},
    pin::pin,
    sync::{Arc, atomic::AtomicBool},
    task::Poll,
    time::Duration,
};

use crate::{
    audit::{AuditLog, AuditMode, AuditOptions},
    catalog::{Catalog, CatalogLimits, LoadError, RevocationPolicy, watch::CatalogWatch},
    domain::{clock::Clock, random::Random},
    graphql::Engine,
    http::{self, GraphiqlFiles, HttpCounts, ServerOptions, Site},
    jose::master_key::MasterKey,
    operations::{
        delivery::Delivery,
        demo_token::{DemoTokenError, demo_token},
        keys::{self, KeyMaker},
        logout,
        operator::{Operator, SERVER},
        repeating::Repeating,
        throttle::{ThrottleOptions, sharing::Sharing},
        upkeep::{self, UpkeepOptions},
    },
    outbound::{Outbound, OutboundError, OutboundOptions},
    rest,
    settings::{Audit, AuditCommit, Keys, Limits, Settings},
    store::{Engine::Postgres, Store},
};

use self::beside::Sign;
pub use self::{
    context::context,
    database::{create_store, migrated, not_newer, open_store},
    error::StartError,
    master_key::{check_master_key, master_key, passing_master_key},
};

/// How long messages to users may still be sent when the server stops.
const DELIVERY_AT_STOP: Duration = Duration::from_secs(5);

/// What the server does not make itself, so that a test can.
#[derive(Debug, Clone)]
pub struct Sources {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
}

/// A server that is ready to serve.
pub struct App {
    site: Arc<Site>,
    upkeep: Repeating,
    logout: Repeating,
    audit: AuditLog,
    delivery: Delivery,
    listener: TcpListener,
    /// For probes, where they have one of their own.
    internal: Option<TcpListener>,
    address: SocketAddr,
    public_url: String,
    options: ServerOptions,
    /// Only kept: it works until it is dropped.
    _sharing: Sharing,
    /// Only kept: others see it until it is dropped.
    _sign: Option<Sign>,
}

impl App {
    /// Opens everything that the server needs, in the order in which people should hear of mistakes.
    ///
    /// # Errors
    /// What is missing, and what to do about it.
    pub fn build(settings: &Settings, sources: &Sources) -> Result<Self, StartError> {
        let certificate = settings.server.tls.as_ref().map(http::Certificate::load);
        let certificate = certificate.transpose().map_err(StartError::Tls)?.map(Arc::new);
        let store = open_store(settings)?;
        migrated(&store, settings, &server_operator(sources))?;
        check_master_key(&settings.keys, &store)?;
        let master_key = master_key(&settings.keys, &*sources.random)?;
        let maker = key_maker(settings, sources, &master_key);
        for kid in keys::ensure(&store, &maker)? {
            log::info!("made signing key {kid}");
        }
        // Not before: whoever connected during a long migration would hang instead of going to another node.
        if !metrics_are_apart(settings) {
            log::warn!("whoever reaches server.listen can read /metrics: see server.internal_listen");
        }
        let listener = listen("server.listen", settings.server.listen)?;
        let internal = settings.server.internal_listen;
        let internal = internal.map(|address| listen("server.internal_listen", address)).transpose()?;
        let address = listener.local_addr()?;
        let sign = settings.database.sqlite_file().and_then(|file| Sign::put_up(file, address));
        let public_url = settings.server.public_url_at(address);
        let context = context(settings, sources, &store, master_key, public_url.clone())?;
        let watch = CatalogWatch::start(Arc::clone(&context.catalog), &store)?;
        let (audit, delivery) = (context.audit.clone(), context.delivery.clone());
        let throttle = Arc::clone(&context.throttle);
        let sharing = Sharing::start(throttle, store.clone(), Arc::clone(&sources.clock))?;
        if settings.keys.previous_master_key.is_some() {
            log::info!(
                "keys.previous_master_key is set: once all nodes have it, run `tessera keys rewrap`, then take it out"
            );
        }
        if settings.database.transaction_pooling && store.engine() == Postgres {
            log::info!(
                "database.transaction_pooling is on: no notifications pass, so changes are looked for every second"
            );
        }
        if settings.server.is_public() && internal.is_none() {
            log::info!("/metrics is refused on a public server.listen: set server.internal_listen to read it");
        }
        if settings.graphql.dev_operations {
            log::warn!("graphql.dev_operations is on: never on a server that matters");
        }
        let upkeep = upkeep::start(&context, &store, upkeep_options(&settings.keys))?;
        let logout = logout::start(&context, &store)?;
        let site = Arc::new(Site {
            graphql: Engine::new(context.clone(), settings.graphql.dev_operations),
            rest: rest::Engine::new(context.clone()).map_err(StartError::Schema)?,
            graphiql: GraphiqlFiles::default(),
            context,
            store,
            watch,
            jwks_max_age: settings.keys.jwks_max_age,
            max_body: settings.server.max_body,
            behind_proxy: settings.server.behind_proxy.clone(),
            probes_apart: internal.is_some(),
            is_public: settings.server.is_public(),
            cis_paths: settings.compat.cis_paths,
            started_at: sources.clock.now(),
            counts: HttpCounts::default(),
            stopping: AtomicBool::default(),
        });
        let options = ServerOptions {
            workers: settings.server.workers,
            keep_alive: settings.server.keep_alive,
            stop_delay: settings.server.stop_delay,
            shutdown_timeout: settings.server.shutdown_timeout,
            certificate,
        };
        Ok(Self {
            site,
            upkeep,
            logout,
            audit,
            delivery,
            listener,
            internal,
            address,
            public_url,
            options,
            _sharing: sharing,
            _sign: sign,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where probes are answered, if that is elsewhere.
    ///
    /// # Errors
    /// The system does not say.
    pub fn internal_address(&self) -> io::Result<Option<SocketAddr>> {
        self.internal.as_ref().map(TcpListener::local_addr).transpose()
    }

    /// Its public URL: the issuer of the default environment.
    pub fn public_url(&self) -> &str {
        &self.public_url
    }

    /// A user's token for the demo environment.
    ///
    /// # Errors
    /// The default environment is not the demo's, or the database fails.
    pub fn demo_token(&self, store: &Store, operator: &Operator<'_>) -> Result<String, DemoTokenError> {
        let context = &self.site.context;
        let environment = context.catalog.default_environment();
        demo_token(store, operator, &context.token_issuer(), environment.as_deref())
    }

    /// Serves until SIGTERM or SIGINT, or until the handle given to `on_start` is stopped; then finishes what is in
    /// flight, unless it is told a second time, and writes what still waits: uses of secrets, and every audit record.
    ///
    /// # Errors
    /// The certificate cannot be used, or the server broke down.
    pub async fn run(self, on_start: impl FnOnce(http::ServerHandle)) -> io::Result<()> {
        let server = http::serve(Arc::clone(&self.site), self.listener, &self.options)?;
        let probes = self.internal.map(|listener| http::serve_probes(self.site, listener)).transpose()?;
        let told = probes.map(|probes| {
            let handle = probes.handle();
            actix_web::rt::spawn(probes);
            handle
        });
        on_start(server.handle());
        let (mut server, mut told_again) = (pin!(server), pin!(http::told_again()));
        let served = poll_fn(|context| match server.as_mut().poll(context) {
            Poll::Ready(served) => Poll::Ready(served),
            Poll::Pending => told_again.as_mut().poll(context).map(Ok),
        })
        .await;
        drop((self.upkeep, self.logout));
        // Probes are answered until the last request is: somebody may want to see it end.
        if let Some(probes) = told {
            probes.stop(true).await;
        }
        // No request is left that could wait on this thread. Messages before records: each still gets one.
        self.delivery.shutdown(DELIVERY_AT_STOP);
        self.audit.shutdown();
        served
    }
}

/// Whether metrics are only where the operator's own machines are: past a proxy, on loopback, or on another listener.
fn metrics_are_apart(settings: &Settings) -> bool {
    let server = &settings.server;
    server.internal_listen.is_some() || server.behind_proxy.is_some() || server.listen.ip().to_canonical().is_loopback()
}

fn listen(setting: &'static str, address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).map_err(|cause| StartError::Listen { setting, address, cause })
}

/// The server as the operator of what it does by itself.
fn server_operator(sources: &Sources) -> Operator<'_> {
    Operator { name: SERVER, random: &*sources.random, now_ms: sources.clock.now_millis() }
}

/// What makes signing keys under these settings, at this moment, for the server itself.
pub fn key_maker<'a>(settings: &Settings, sources: &'a Sources, master_key: &'a MasterKey) -> KeyMaker<'a> {
    KeyMaker {
        master_key,
        random: &*sources.random,
        default_alg: settings.tokens.signing_alg,
        jwks_max_age: whole_seconds(settings.keys.jwks_max_age),
        now: sources.clock.now(),
        operator: server_operator(sources),
    }
}

/// All environments in memory, as their issuers are below `public_url`.
///
/// # Errors
/// The database fails, or a key cannot be opened.
pub fn load_catalog(
    settings: &Settings,
    sources: &Sources,
    store: &Store,
    master_key: MasterKey,
    public_url: String,
) -> Result<Catalog, LoadError> {
    let catalog = &settings.catalog;
    let limits = CatalogLimits {
        clients: catalog.clients,
        unknown_clients: catalog.unknown_clients,
        unknown_client_ttl: catalog.unknown_client_ttl,
        verified_tokens: catalog.verified_tokens,
        users: catalog.users,
    };
    let revocation =
        RevocationPolicy { max_staleness: settings.revocation.max_staleness, strict: settings.revocation.strict };
    Catalog::load(store.clone(), master_key, public_url, limits, revocation, Arc::clone(&sources.clock))
}

/// What makes requests to others, within the bounds of the settings.
///
/// # Errors
/// The certificates of the system cannot be read.
pub fn outbound(settings: &Settings) -> Result<Outbound, OutboundError> {
    let outbound = &settings.outbound;
    Outbound::new(OutboundOptions {
        allowed_networks: outbound.allowed_networks.clone(),
        plain_http_to_loopback: outbound.plain_http_to_loopback,
    })
}

fn upkeep_options(keys: &Keys) -> UpkeepOptions {
    UpkeepOptions {
        rotation_interval: keys.rotation_interval.map(whole_seconds),
        jwks_max_age: whole_seconds(keys.jwks_max_age),
        secret_expiry_warning: keys.secret_expiry_warning.map(whole_seconds),
    }
}

fn whole_seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

fn throttle_options(limits: &Limits) -> ThrottleOptions {
    ThrottleOptions {
        failures_per_client: limits.failures_per_client,
        failures_per_address: limits.failures_per_address,
        refused_tokens_per_client: limits.refused_tokens_per_client,
        refused_tokens_per_address: limits.refused_tokens_per_address,
        window: limits.window,
    }
}

fn audit_options(settings: &Settings) -> AuditOptions {
    let mode = match settings.audit.commit {
        AuditCommit::BeforeResponse => AuditMode::BeforeResponse,
        AuditCommit::AfterResponse => AuditMode::AfterResponse,
    };
    let Audit { retention_days, queue, anonymous_per_minute, .. } = settings.audit;
    AuditOptions { mode, retention_days, queue, anonymous_per_minute }
}
