//! The server as a process of its own, for what only a process can show: signals, crashes, the command line.

use std::{
    collections::BTreeMap,
    fs,
    io::Read,
    net::SocketAddr,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use reqwest::blocking::Client;
use rustix::process::{Pid, Signal, kill_process};

use super::{
    Answer, Engine,
    cli::{Ended, tessera},
    database::TestDatabase,
    leaks,
    server::{default_settings, encoded, variable},
};

/// A database and settings, without a server yet. Commands run in the database's folder.
pub struct Installation {
    /// The database.
    pub database: TestDatabase,
    settings: BTreeMap<String, String>,
}

impl Installation {
    /// On a migrated, empty database.
    pub fn new(engine: Engine) -> Self {
        Self::on(TestDatabase::new(engine))
    }

    /// With the demo environment.
    pub fn demo(engine: Engine) -> Self {
        let installation = Self::new(engine);
        installation.apply(super::DEMO);
        installation
    }

    /// On a database of one's own.
    pub fn on(database: TestDatabase) -> Self {
        let mut settings = default_settings();
        settings.insert(variable("database.url"), database.url.clone());
        // So that what a process logs at any level is searched for secrets.
        settings.insert(variable("log.level"), "trace".to_owned());
        Self { database, settings }
    }

    /// The settings as environment variables.
    pub fn variables(&self) -> &BTreeMap<String, String> {
        &self.settings
    }

    /// With another setting, as `section.key`.
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.set(key, value);
        self
    }

    /// Changes a setting.
    pub fn set(&mut self, key: &str, value: &str) {
        self.settings.insert(variable(key), value.to_owned());
    }

    /// A command with these settings, not yet started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = tessera();
        command.envs(&self.settings).args(arguments).current_dir(self.database.folder());
        command
    }

    /// Runs a command to its end.
    pub fn cli(&self, arguments: &[&str]) -> Ended {
        Ended(self.command(arguments).output().expect("to run tessera"))
    }

    /// Leaves a file in the folder of the commands, and gives its name.
    pub fn file<'n>(&self, name: &'n str, text: &str) -> &'n str {
        leaks::secrets_of_file(text);
        fs::write(self.database.folder().join(name), text).expect("to write a file");
        name
    }

    /// `tessera apply`, which must go well.
    pub fn apply(&self, toml: &str) -> String {
        self.cli(&["apply", self.file("environment.toml", toml)]).success()
    }

    /// `tessera serve`. The first start chooses the port; later ones use it again, so that the issuer stays the same.
    pub fn serve(&mut self) -> Process {
        let process = Process::start(self.command(&["serve"]));
        self.set("server.listen", &process.address().to_string());
        process
    }

    /// A user's token for the demo's BFF. After the first start, which fixes the issuer.
    pub fn user_token(&self) -> String {
        self.cli(&["demo-token"]).success().trim().to_owned()
    }
}

/// A running command. Killed when dropped.
pub struct Process {
    child: Child,
    /// What it wrote to standard output so far.
    pub stdout: Output,
    /// What it wrote to standard error so far: the log.
    pub stderr: Output,
    http: Client,
}

/// What a process writes, as it comes.
#[derive(Clone, Default)]
pub struct Output(Arc<Mutex<Vec<u8>>>);

impl Output {
    fn of(mut pipe: impl Read + Send + 'static) -> Self {
        let output = Self::default();
        let all = output.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = pipe.read(&mut buffer) {
                all.0.lock().expect("no panic").extend_from_slice(&buffer[..count]);
            }
        });
        output
    }

    /// All of it.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("no panic")).into_owned()
    }
}

impl Process {
    /// Starts a command.
    pub fn start(mut command: Command) -> Self {
        let piped = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().expect("to run tessera");
        let stdout = Output::of(child.stdout.take().expect("a pipe"));
        let stderr = Output::of(child.stderr.take().expect("a pipe"));
        let http = Client::builder().timeout(Duration::from_secs(20)).build().expect("an HTTP client");
        Self { child, stdout, stderr, http }
    }

    /// Where it listens, as its log says; waits until it does.
    pub fn address(&self) -> SocketAddr {
        let mut found = None;
        eventually("the server to listen", Duration::from_secs(30), || {
            let log = self.stderr.text();
            let after = log.split_once("listening on ").and_then(|(_, after)| after.split_once(','));
            found = after.map(|(address, _)| address.parse().expect("an address"));
            found.is_some()
        });
        found.expect("found")
    }

    /// A URL of it.
    pub fn at(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }

    /// `GET`.
    pub fn get(&self, path: &str) -> Answer {
        Answer::to(self.http.get(self.at(path)))
    }

    /// `POST /token` with HTTP Basic; an error if there is no answer.
    pub fn try_token(&self, (id, secret): (&str, &str), form: &[(&str, &str)]) -> Result<Answer, reqwest::Error> {
        Answer::try_to(self.http.post(self.at("/token")).basic_auth(encoded(id), Some(encoded(secret))).form(form))
    }

    /// `POST /token` with HTTP Basic.
    pub fn token(&self, client: (&str, &str), form: &[(&str, &str)]) -> Answer {
        self.try_token(client, form).expect("an answer")
    }

    /// Sends a signal, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let process = Pid::from_child(&self.child);
        kill_process(process, signal_of(name)).expect("a running process");
    }

    /// Waits for the end.
    pub fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        eventually("the process to end", Duration::from_secs(30), || {
            status = self.child.try_wait().expect("a child");
            status.is_some()
        });
        status.expect("ended")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        leaks::secrets_in(&self.stdout.text());
        leaks::logged_by_process(&self.stderr.text());
        leaks::check();
    }
}

/// A signal by its short name. Not by the program `kill`, which a small machine does not have.
pub fn signal_of(name: &str) -> Signal {
    match name {
        "CONT" => Signal::CONT,
        "HUP" => Signal::HUP,
        "INT" => Signal::INT,
        "KILL" => Signal::KILL,
        "STOP" => Signal::STOP,
        "TERM" => Signal::TERM,
        _ => panic!("which signal is {name}?"),
    }
}

/// Tries until `check` holds, for as long as `limit`.
pub fn eventually(what: &str, limit: Duration, mut check: impl FnMut() -> bool) {
    let deadline = Instant::now() + limit;
    while !check() {
        assert!(Instant::now() < deadline, "not within {limit:?}: {what}");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}
