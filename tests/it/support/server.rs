//! A running server.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::Path,
    sync::{Arc, mpsc},
    thread::JoinHandle,
    time::Duration,
};

use reqwest::blocking::{Client, RequestBuilder};
use tessera::{
    app::{self, App, Sources},
    domain::random::SystemRandom,
    http::ServerHandle,
    operations::{
        apply::{ApplyContext, Change, apply},
        environment_file::EnvironmentFile,
    },
    settings::Settings,
};

use super::{Answer, Engine, NO_HANG, clock::TestClock, database::TestDatabase, eventually, leaks};

/// One node, and the database it runs on. Stopped when dropped.
pub struct TestServer {
    /// The database; shared with other nodes.
    pub database: Arc<TestDatabase>,
    /// The time, for all nodes.
    pub clock: Arc<TestClock>,
    /// Its public URL, which is the default environment's issuer.
    pub url: String,
    address: SocketAddr,
    settings: BTreeMap<String, String>,
    running: Option<Running>,
    http: Client,
}

struct Running {
    handle: ServerHandle,
    thread: JoinHandle<std::io::Result<()>>,
}

/// What a server is started with.
pub struct Builder {
    engine: Engine,
    environment: String,
    settings: BTreeMap<String, String>,
}

impl Builder {
    /// Another environment file than the demo's. An empty one: no environment at all.
    pub fn environment(mut self, toml: &str) -> Self {
        self.environment = toml.to_owned();
        self
    }

    /// A setting, as `section.key`.
    pub fn setting(mut self, key: &str, value: &str) -> Self {
        self.settings.insert(variable(key), value.to_owned());
        self
    }

    /// Starts.
    pub fn start(self) -> TestServer {
        let database = Arc::new(TestDatabase::new(self.engine));
        let clock = Arc::new(TestClock::new());
        let mut settings = self.settings;
        settings.insert(variable("database.url"), database.url.clone());
        if !self.environment.is_empty() {
            apply_file(&settings, &clock, &self.environment, false);
        }
        TestServer::run(database, clock, settings)
    }
}

/// `section.key` as an environment variable.
pub fn variable(key: &str) -> String {
    format!("TESSERA__{}", key.to_uppercase().replace('.', "__"))
}

/// The settings that tests run with.
pub fn default_settings() -> BTreeMap<String, String> {
    let settings = [
        ("server.listen", "127.0.0.1:0"),
        ("server.workers", "1"),
        ("server.shutdown_timeout", "2"),
        ("server.stop_delay", "0"),
        ("tokens.signing_alg", "ES256"),
        ("keys.master_key", "dGVzdGVyYS10ZXN0LW1hc3Rlci1rZXktMzItYnl0ZXM="),
        // A test that advances the clock by years does not mean to.
        ("keys.rotation_interval", "0"),
        ("database.acquire_timeout_ms", "5000"),
        // The clock stands still, so a table of refusals is a flood of one minute.
        ("audit.anonymous_per_minute", "100000"),
    ];
    settings.map(|(key, value)| (variable(key), value.to_owned())).into()
}

impl TestServer {
    /// A server with the demo environment. It signs with ES256, whose keys are made quickly.
    pub fn start(engine: Engine) -> Self {
        Self::builder(engine).start()
    }

    /// A server that differs in something.
    pub fn builder(engine: Engine) -> Builder {
        Builder { engine, environment: super::DEMO.to_owned(), settings: default_settings() }
    }

    /// A further node on the same database, with the same settings and clock. Its public URL is that of the first.
    pub fn another_node(&self) -> Self {
        self.another_node_with(&[])
    }

    /// The same, with other values for some settings, as `section.key`.
    pub fn another_node_with(&self, others: &[(&str, &str)]) -> Self {
        let mut settings = self.settings.clone();
        settings.extend(others.iter().map(|(key, value)| (variable(key), (*value).to_owned())));
        settings.insert(variable("server.public_url"), self.url.clone());
        Self::run(Arc::clone(&self.database), Arc::clone(&self.clock), settings)
    }

    fn run(database: Arc<TestDatabase>, clock: Arc<TestClock>, settings: BTreeMap<String, String>) -> Self {
        leaks::watch();
        let app = App::build(&load(&settings), &sources(&clock)).expect("a server");
        let (address, url) = (app.address(), app.public_url().to_owned());
        let (started, handle) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(app.run(move |handle| started.send(handle).expect("a listener")))
        });
        let running = Some(Running { handle: handle.recv().expect("the server to start"), thread });
        let http = Client::builder().timeout(Duration::from_secs(20)).build().expect("an HTTP client");
        Self { database, clock, url, address, settings, running, http }
    }

    /// Makes the database match an environment file, as `tessera apply` does.
    pub fn apply(&self, toml: &str) -> Vec<Change> {
        apply_file(&self.settings, &self.clock, toml, false)
    }

    /// The settings of this node as environment variables, for the command line.
    pub fn variables(&self) -> &BTreeMap<String, String> {
        &self.settings
    }

    /// Where it really listens, whatever its public URL is.
    pub fn at(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// `GET`.
    pub fn get(&self, path: &str) -> Answer {
        Answer::to(self.http.get(self.at(path)))
    }

    /// Any request; `Answer::to` sends it.
    pub fn request(&self, method: reqwest::Method, path: &str) -> RequestBuilder {
        self.http.request(method, self.at(path))
    }

    /// `POST /token` with HTTP Basic.
    pub fn token(&self, (id, secret): (&str, &str), form: &[(&str, &str)]) -> Answer {
        Answer::to(self.http.post(self.at("/token")).basic_auth(encoded(id), Some(encoded(secret))).form(form))
    }

    /// `POST /token` with whatever is in the form.
    pub fn token_without_header(&self, form: &[(&str, &str)]) -> Answer {
        Answer::to(self.http.post(self.at("/token")).form(form))
    }

    /// Tries until `check` holds. A change has a second to reach a node; a busy machine gets longer.
    pub fn eventually(&self, what: &str, check: impl FnMut() -> bool) {
        eventually(what, NO_HANG, check);
    }

    fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            // Not awaited: the thread ends when the server has stopped.
            drop(running.handle.stop(true));
            running.thread.join().expect("the server's thread").expect("an orderly end");
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.stop();
        leaks::check();
    }
}

/// The form encoding of Basic credentials (RFC 6749 §2.3.1).
pub(super) fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn sources(clock: &Arc<TestClock>) -> Sources {
    Sources { clock: Arc::clone(clock) as _, random: Arc::new(SystemRandom) }
}

/// The settings of a node.
pub fn load(settings: &BTreeMap<String, String>) -> Settings {
    Settings::load(None, settings.clone().into_iter()).unwrap_or_else(|errors| panic!("settings: {errors}"))
}

fn apply_file(settings: &BTreeMap<String, String>, clock: &Arc<TestClock>, toml: &str, prune: bool) -> Vec<Change> {
    leaks::watch();
    leaks::secrets_of_file(toml);
    let settings = load(settings);
    let sources = sources(clock);
    let file = EnvironmentFile::parse(toml, Path::new("test.toml"), &|_| None)
        .unwrap_or_else(|errors| panic!("environment file: {errors}"));
    let store = app::open_store(&settings).expect("the database");
    let master_key = app::master_key(&settings.keys, &*sources.random).expect("a master key");
    let keys = app::key_maker(&settings, &sources, &master_key);
    apply(&ApplyContext { store: &store, keys, prune, progress: &|_| () }, &file).expect("to apply")
}
