//! A Postgres server of a test's own, which it may stop.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use diesel::{Connection as _, PgConnection, QueryableByName, RunQueryDsl as _, connection::SimpleConnection as _};
use rustix::process::{Pid, kill_process};
use tempfile::TempDir;

use super::{eventually, process::signal_of};

/// Stopped and deleted when dropped.
pub struct Cluster {
    folder: TempDir,
    binaries: PathBuf,
    port: u16,
}

impl Cluster {
    /// Makes and starts one, with the programs that `scripts/with-postgres` found.
    pub fn start() -> Self {
        let binaries = std::env::var("TEST_POSTGRES_BIN").expect("TEST_POSTGRES_BIN; `make test` sets it");
        let folder = tempfile::tempdir().expect("a folder");
        let cluster = Self { folder, binaries: binaries.into(), port: free_port() };
        cluster.own_folder();
        cluster.run("initdb", &["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]);
        cluster.resume();
        cluster
    }

    /// Its database.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// The folder of its socket.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Runs statements.
    pub fn execute(&self, statements: &str) {
        self.connection().batch_execute(statements).expect(statements);
    }

    /// Ends it, and every connection with it.
    pub fn stop(&self) {
        self.run("pg_ctl", &["-s", "-w", "-m", "immediate", "stop"]);
    }

    /// Starts it again.
    pub fn resume(&self) {
        let (port, folder) = (self.port, self.folder.path().display());
        let options =
            format!("-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off");
        let log = self.folder.path().join("log");
        self.run("pg_ctl", &["-s", "-w", "-l", log.to_str().expect("text"), "-o", &options, "start"]);
    }

    /// Holds all of it, until the guard is dropped: connections stay open, and nothing is answered. No error, no end.
    pub fn freeze(&self) -> Frozen {
        let file = self.folder.path().join("data/postmaster.pid");
        let postmaster = std::fs::read_to_string(file).expect("a running server");
        let postmaster = postmaster.lines().next().expect("a process").to_owned();
        // It first, so that it makes no more of the others meanwhile.
        send("STOP", std::slice::from_ref(&postmaster));
        let children = std::fs::read_to_string(format!("/proc/{postmaster}/task/{postmaster}/children"));
        let mut processes: Vec<String> =
            children.expect("its backends").split_whitespace().map(str::to_owned).collect();
        assert!(!processes.is_empty(), "a server without backends");
        send("STOP", &processes);
        processes.push(postmaster);
        Frozen(processes)
    }

    /// Holds the backends of the sessions that `condition` (over `pg_stat_activity`) finds, and lets the others and new ones work.
    pub fn freeze_sessions(&self, condition: &str) -> Frozen {
        let sessions = self.texts(&format!(
            "SELECT pid::text AS text FROM pg_stat_activity \
             WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND {condition}"
        ));
        assert!(!sessions.is_empty(), "no session: {condition}");
        send("STOP", &sessions);
        Frozen(sessions)
    }

    /// The column `text` of a query.
    pub fn texts(&self, query: &str) -> Vec<String> {
        texts(&mut self.connection(), query)
    }

    fn connection(&self) -> PgConnection {
        PgConnection::establish(&self.url()).expect("a connection")
    }

    /// Demotes it, or promotes it again: sessions stay, and take no changes.
    pub fn set_read_only(&self, read_only: bool) {
        self.execute(&format!("ALTER SYSTEM SET default_transaction_read_only = {read_only}"));
        self.execute("SELECT pg_reload_conf()");
        let expected = if read_only { "on" } else { "off" };
        eventually("the server to follow its settings", Duration::from_secs(10), || {
            self.texts("SELECT current_setting('default_transaction_read_only') AS text") == [expected]
        });
    }

    /// Another server with the same content, as of now.
    pub fn twin(&self) -> Self {
        self.run("pg_ctl", &["-s", "-w", "-m", "fast", "stop"]);
        let twin =
            Self { folder: tempfile::tempdir().expect("a folder"), binaries: self.binaries.clone(), port: free_port() };
        let copied = Command::new("cp").arg("-a").arg(self.folder.path().join("data")).arg(twin.folder.path()).status();
        assert!(copied.expect("to run cp").success());
        twin.own_folder();
        self.resume();
        twin.resume();
        twin
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Postgres refuses to run as root.
    fn own_folder(&self) {
        if is_root() {
            let owned = Command::new("chown").arg(user()).arg(self.folder.path()).status();
            assert!(owned.expect("to run chown").success());
        }
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let program = self.binaries.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", &user(), "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        let data = self.folder.path().join("data");
        // A server that inherits a pipe would hold it open for as long as it runs.
        command.args(arguments).arg("-D").arg(data).current_dir(self.folder.path()).stdout(Stdio::null());
        assert!(command.status().expect("to run a program of Postgres").success(), "{command:?}");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.folder.path().join("data/postmaster.pid").exists() {
            self.run("pg_ctl", &["-s", "-w", "-m", "immediate", "stop"]);
        }
    }
}

/// The column `text` of a query.
pub fn texts(connection: &mut PgConnection, query: &str) -> Vec<String> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = diesel::sql_types::Text)]
        text: String,
    }
    let rows: Vec<Row> = diesel::sql_query(query).load(connection).expect(query);
    rows.into_iter().map(|row| row.text).collect()
}

/// A port of this machine that nobody listens on.
pub fn free_port() -> u16 {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    taken.local_addr().expect("an address").port()
}

/// See [`Cluster::freeze`].
pub struct Frozen(Vec<String>);

impl Drop for Frozen {
    fn drop(&mut self) {
        send("CONT", &self.0);
    }
}

fn send(signal: &str, processes: &[String]) {
    for process in processes {
        let process = process.parse().ok().and_then(Pid::from_raw).expect("the number of a process");
        // One that has ended since is none that must be stopped.
        let _ = kill_process(process, signal_of(signal));
    }
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Whether the tests run as root, which servers refuse to run as.
pub fn is_root() -> bool {
    output("id", &["-u"]).as_deref() == Some("0")
}

/// Whom servers run as then.
pub fn user() -> String {
    let there = output("id", &["-u", "postgres"]).is_some();
    if there { "postgres".to_owned() } else { "nobody".to_owned() }
}
