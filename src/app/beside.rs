//! Tells a server that another one serves the same SQLite file.
//!
//! With SQLite there is one node ([running.md](../../docs/operations/running.md)). A second one is most often a mistake: a process
//! that was thought to be dead, or a deployment with two replicas on one volume. It is told and not refused, because the two serve
//! together for a moment when one replaces the other.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    net::SocketAddr,
};

use crate::domain::user::is_text;

/// The longest line that a server leaves, in bytes.
const MAX_LINE: u64 = 200;

/// A server's sign beside the database, for as long as it is kept. It is a lock on the file `…-server`: the system takes it away
/// however the process ends, so that no crash leaves a sign behind.
#[derive(Debug)]
pub(super) struct Sign(#[expect(dead_code, reason = "the lock lasts as long as the file is open")] File);

impl Sign {
    /// Puts one up beside the SQLite file `database`, and warns of the server that has one there already. Where none can be put up,
    /// as on a file system without locks, nothing is known of others.
    pub(super) fn put_up(database: &str, address: SocketAddr) -> Option<Self> {
        match put_up(database, address) {
            Ok((file, None)) => Some(Self(file)),
            Ok((file, Some(other))) => {
                log::warn!(
                    "another server ({other}) serves the SQLite database {database} too. With SQLite there is one node: stop one of them, \
                     or use PostgreSQL for several"
                );
                Some(Self(file))
            }
            Err(error) => {
                log::info!("whether another server serves the SQLite database {database} cannot be seen: {error}");
                None
            }
        }
    }
}

/// The locked file, and what the other server says of itself. Alone a server gets the whole lock. It then shares it, as every later
/// one does: none gets the whole lock for as long as any serves.
fn put_up(database: &str, address: SocketAddr) -> io::Result<(File, Option<String>)> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(format!("{database}-server"))?;
    let other = match file.try_lock() {
        Ok(()) => None,
        Err(TryLockError::WouldBlock) => {
            let mut line = String::new();
            (&file).take(MAX_LINE).read_to_string(&mut line)?;
            Some(line.lines().next().filter(|line| is_text(line, 200)).unwrap_or("it does not say which").to_owned())
        }
        Err(TryLockError::Error(error)) => return Err(error),
    };
    file.lock_shared()?;
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "process {} at {address}", std::process::id())?;
    Ok((file, other))
}
