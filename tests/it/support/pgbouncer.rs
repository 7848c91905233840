//! PgBouncer in transaction mode, in front of a cluster.

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use diesel::{Connection as _, PgConnection};
use tempfile::TempDir;

use super::{
    cluster::{Cluster, free_port, is_root, user},
    eventually,
};

/// How many sessions of the server all clients share.
const SESSIONS: usize = 2;

/// Killed when dropped.
pub struct PgBouncer {
    child: Child,
    port: u16,
    _folder: TempDir,
}

impl PgBouncer {
    /// Starts one in front of `cluster`.
    pub fn before(cluster: &Cluster) -> Self {
        let program = program().expect("pgbouncer (Debian: apt-get install pgbouncer)");
        let folder = tempfile::tempdir().expect("a folder");
        let port = free_port();
        let settings = format!(
            "[databases]\npostgres = host=127.0.0.1 port={} user=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = any\npool_mode = transaction\ndefault_pool_size = {SESSIONS}\n",
            cluster.port()
        );
        let file = folder.path().join("pgbouncer.ini");
        std::fs::write(&file, settings).expect("to write a file");
        let mut command = Command::new(program);
        if is_root() {
            command.args(["-u", &user()]);
        }
        let child = command.arg(&file).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("to run pgbouncer");
        let pooler = Self { child, port, _folder: folder };
        eventually("pgbouncer to answer", Duration::from_secs(30), || PgConnection::establish(&pooler.url()).is_ok());
        pooler
    }

    /// The database, through it.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// A connection through it.
    pub fn connection(&self) -> PgConnection {
        PgConnection::establish(&self.url()).expect("a connection")
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Debian keeps it off the path of users.
fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    folders.map(|folder| folder.join("pgbouncer")).find(|program| program.is_file())
}
