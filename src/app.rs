//! The composition root: from settings to a running server. `main` and the tests build it the same way.

use std::{
    fs,
    io::{self, Write as _},
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::Arc,
    time::Duration,
};

use crate::{
    audit::{AuditError, AuditLog, AuditMode, AuditOptions},
    catalog::{
        Catalog, CatalogLimits, LoadError, RevocationPolicy, foreign_keys::ForeignKeyCache, watch::CatalogWatch,
    },
    domain::{clock::Clock, random::Random},
    graphql::Engine,
    http::{self, GraphiqlFiles, ServerOptions, Site},
    jose::{error::JoseError, master_key::MasterKey},
    oauth::error::{OAuthError, Problem},
    operations::{
        context::Context,
        demo_token::demo_token,
        keys::{self, KeyError, KeyMaker},
        sessions::SessionPolicy,
    },
    outbound::{Outbound, OutboundError, OutboundOptions},
    settings::{AuditCommit, Keys, MasterKeySource, Settings},
    store::{Store, StoreError, StoreOptions},
};

/// What the server does not make itself, so that a test can.
#[derive(Debug, Clone)]
pub struct Sources {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
}

/// Why the server cannot start. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The schema is older than this version of the server.
    #[error("the database lacks migrations ({0}): run `tessera migrate`, or set database.migrate = true")]
    PendingMigrations(String),
    /// The master key cannot be read or made.
    #[error("keys.master_key_file {file}: {cause}")]
    MasterKey {
        /// The file.
        file: String,
        /// Why.
        cause: String,
    },
    /// The environments cannot be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// Signing keys cannot be made.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The audit log cannot start.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// The address cannot be listened on.
    #[error("server.listen {address}: {cause}; is another server running there?")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        cause: io::Error,
    },
    /// The certificate cannot be used.
    #[error("{0}")]
    Tls(io::Error),
    /// Requests to others cannot be made.
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    /// A thread cannot be started.
    #[error("the server cannot start: {0}")]
    Serve(#[from] io::Error),
}

/// A server that is ready to serve.
pub struct App {
    site: Arc<Site>,
    audit: AuditLog,
    listener: TcpListener,
    address: SocketAddr,
    public_url: String,
    options: ServerOptions,
}

impl App {
    /// Opens everything that the server needs, in the order in which people should hear of mistakes.
    ///
    /// # Errors
    /// What is missing, and what to do about it.
    pub fn build(settings: &Settings, sources: &Sources) -> Result<Self, StartError> {
        if let Some(tls) = &settings.server.tls {
            // Only a test; serving reads it again.
            http::acceptor(tls).map_err(StartError::Tls)?;
        }
        let store = open_store(settings)?;
        migrated(&store, settings)?;
        let master_key = master_key(&settings.keys, &*sources.random)?;
        let maker = key_maker(settings, sources, &master_key);
        for kid in keys::ensure(&store, &maker)? {
            log::info!("made signing key {kid}");
        }
        // Not before: whoever connected during a long migration would hang instead of going to another node.
        let address = settings.server.listen;
        let listener = TcpListener::bind(address).map_err(|cause| StartError::Listen { address, cause })?;
        let address = listener.local_addr()?;
        let public_url = settings.server.public_url_at(address);
        let catalog = Arc::new(load_catalog(settings, sources, &store, master_key.clone(), public_url.clone())?);
        let watch = CatalogWatch::start(Arc::clone(&catalog), &store)?;
        let audit =
            AuditLog::start(&store, audit_options(settings), Arc::clone(&sources.clock), Arc::clone(&sources.random))?;
        let outbound = outbound(settings)?;
        let context = Context {
            catalog,
            audit: audit.clone(),
            throttle: Arc::default(),
            clock: Arc::clone(&sources.clock),
            random: Arc::clone(&sources.random),
            signing_alg: settings.tokens.signing_alg,
            master_key,
            foreign_keys: Arc::new(ForeignKeyCache::new(outbound.clone(), Arc::clone(&sources.clock))),
            outbound,
            sessions: session_policy(settings),
            hook_calls: Arc::default(),
        };
        if settings.graphql.dev_operations {
            log::warn!("graphql.dev_operations is on: never on a server that matters");
        }
        let site = Arc::new(Site {
            graphql: Engine::new(context.clone(), settings.graphql.dev_operations),
            graphiql: GraphiqlFiles::default(),
            context,
            store,
            watch,
            jwks_max_age: settings.keys.jwks_max_age,
            max_body: settings.server.max_body,
            behind_proxy: settings.server.behind_proxy.clone(),
        });
        let options = ServerOptions {
            workers: settings.server.workers,
            shutdown_timeout: settings.server.shutdown_timeout,
            tls: settings.server.tls.clone(),
        };
        Ok(Self { site, audit, listener, address, public_url, options })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its public URL: the issuer of the default environment.
    pub fn public_url(&self) -> &str {
        &self.public_url
    }

    /// A user's token for the demo environment.
    ///
    /// # Errors
    /// The default environment is not the demo's.
    pub fn demo_token(&self) -> Result<String, OAuthError> {
        let context = &self.site.context;
        let environment = context.catalog.default_environment();
        let environment =
            environment.ok_or_else(|| OAuthError::new(Problem::ServerError, "there is no environment"))?;
        demo_token(&context.token_issuer(), &environment, context.clock.now())
    }

    /// Serves until SIGTERM or SIGINT, or until the handle given to `on_start` is stopped; then finishes what is in
    /// flight and writes every audit record that still waits.
    ///
    /// # Errors
    /// The certificate cannot be used, or the server broke down.
    pub async fn run(self, on_start: impl FnOnce(http::ServerHandle)) -> io::Result<()> {
        let server = http::serve(self.site, self.listener, &self.options)?;
        on_start(server.handle());
        let served = server.await;
        // No request is left that could wait on this thread.
        self.audit.shutdown();
        served
    }
}

/// Opens the database of the settings. The embedded one is made if it is not there.
///
/// # Errors
/// It cannot be used.
pub fn open_store(settings: &Settings) -> Result<Store, StoreError> {
    let database = &settings.database;
    Store::open(&StoreOptions {
        url: database.url.reveal().to_owned(),
        create: database.sqlite_file().is_some(),
        pool_size: database.pool_size,
        acquire_timeout: database.acquire_timeout,
        statement_timeout: database.statement_timeout,
    })
}

/// Makes sure that no migration is pending; runs them where the settings say so.
///
/// # Errors
/// Migrations are pending and may not be run, or one failed.
pub fn migrated(store: &Store, settings: &Settings) -> Result<(), StartError> {
    let pending = store.pending_migrations()?;
    if pending.is_empty() {
        return Ok(());
    }
    if !settings.database.migrate {
        return Err(StartError::PendingMigrations(pending.join(", ")));
    }
    for migration in store.migrate()? {
        log::info!("migrated: {migration}");
    }
    Ok(())
}

/// What makes signing keys under these settings, at this moment.
pub fn key_maker<'a>(settings: &Settings, sources: &'a Sources, master_key: &'a MasterKey) -> KeyMaker<'a> {
    KeyMaker {
        master_key,
        random: &*sources.random,
        default_alg: settings.tokens.signing_alg,
        jwks_max_age: i64::try_from(settings.keys.jwks_max_age.as_secs()).unwrap_or(i64::MAX),
        now: sources.clock.now(),
    }
}

/// The master key: as given, or kept beside the embedded database, where it is made at the first use.
///
/// # Errors
/// Its file cannot be read or made.
pub fn master_key(keys: &Keys, random: &dyn Random) -> Result<MasterKey, StartError> {
    match &keys.master_key {
        MasterKeySource::Given(key) => Ok(key.clone()),
        MasterKeySource::KeptAt(path) => {
            let failed = |cause: String| StartError::MasterKey { file: path.display().to_string(), cause };
            match fs::metadata(path) {
                Ok(_) => read_master_key(path),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let key = MasterKey::generate(random).map_err(|error: JoseError| failed(error.to_string()))?;
                    match keep(path, &key) {
                        Ok(()) => Ok(key),
                        // Another process was faster; its key is the one.
                        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => read_master_key(path),
                        Err(error) => Err(failed(error.to_string())),
                    }
                }
                Err(error) => Err(failed(error.to_string())),
            }
        }
    }
}

fn read_master_key(path: &Path) -> Result<MasterKey, StartError> {
    let failed = |cause: String| StartError::MasterKey { file: path.display().to_string(), cause };
    let text = fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    MasterKey::from_base64(&text).map_err(|error| failed(error.to_string()))
}

/// Writes a new master key where only its owner can read it; never over one that is there.
fn keep(path: &Path, key: &MasterKey) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    writeln!(file, "{}", key.to_base64().reveal())?;
    file.sync_all()
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

fn session_policy(settings: &Settings) -> SessionPolicy {
    let seconds = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    let sessions = &settings.sessions;
    SessionPolicy {
        idle_lifetime: seconds(sessions.idle_lifetime),
        absolute_lifetime: seconds(sessions.absolute_lifetime),
        reuse_grace: seconds(sessions.reuse_grace),
    }
}

fn audit_options(settings: &Settings) -> AuditOptions {
    let mode = match settings.audit.commit {
        AuditCommit::BeforeResponse => AuditMode::BeforeResponse,
        AuditCommit::AfterResponse => AuditMode::AfterResponse,
    };
    AuditOptions { mode, retention_days: settings.audit.retention_days, queue: settings.audit.queue }
}
