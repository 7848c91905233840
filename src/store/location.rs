//! `database.url`: the scheme alone chooses the engine. Nothing is tried and nothing is guessed, so that a typo is an error and
//! not a new database.

use std::{fmt, path::PathBuf};

use diesel::{PgConnection, RunQueryDsl as _, dsl::select, sql_types::Text};

use super::error::StoreError;
use crate::domain::postgres_url;

const ACCEPTED: &str = "database.url must be postgres://user:password@host:port/name or sqlite://path/to/file.db";

diesel::define_sql_function! { fn current_setting(name: Text) -> Text; }
diesel::define_sql_function! { fn pg_is_in_recovery() -> Bool; }

/// Seconds, except where said. Without these a host that vanished would hold a thread for a quarter of an hour.
const POSTGRES_DEFAULTS: [(&str, &str); 8] = [
    ("application_name", "tessera"),
    ("connect_timeout", "5"),
    ("keepalives_idle", "10"),
    ("keepalives_interval", "5"),
    ("keepalives_count", "3"),
    // Milliseconds.
    ("tcp_user_timeout", "10000"),
    // Encryption is TLS's business. Asking Kerberos first costs time, and its library aborts the process when a connection is being
    // opened while the process ends.
    ("gssencmode", "disable"),
    // Of several hosts only the primary can keep what is issued, and after a failover another one is.
    (ATTRIBUTES, "read-write"),
];
const ATTRIBUTES: &str = "target_session_attrs";

/// Where the database is.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Location {
    /// A server, or several of which one takes changes.
    Postgres(PostgresUrl),
    /// A file.
    Sqlite(PathBuf),
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The URL may hold a password.
            Location::Postgres(_) => f.write_str("Postgres(…)"),
            Location::Sqlite(path) => f.debug_tuple("Sqlite").field(path).finish(),
        }
    }
}

impl Location {
    /// Reads `database.url`.
    pub(super) fn parse(url: &str) -> Result<Self, StoreError> {
        if let Some(path) = url.strip_prefix("sqlite://") {
            // To SQLite an empty name and `:memory:` are private databases that are gone with their connection, and the pool has
            // several connections. `?` would look like options, and there are none.
            if path.is_empty() || path.starts_with(':') || path.contains(['?', '\0']) {
                return Err(StoreError::Configuration(format!(
                    "{ACCEPTED}; a SQLite database is a file, without options"
                )));
            }
            return Ok(Location::Sqlite(PathBuf::from(path)));
        }
        if !postgres_url::PostgresUrl::is_one(url) {
            return Err(StoreError::Configuration(ACCEPTED.to_owned()));
        }
        let parsed = postgres_url::PostgresUrl::parse(url);
        let parsed = parsed.map_err(|problem| StoreError::Configuration(format!("database.url {problem}")))?;
        Ok(Location::Postgres(PostgresUrl::new(url, &parsed)))
    }
}

/// A connection URL for libpq, with our defaults.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct PostgresUrl {
    text: String,
    session: Session,
}

/// Which servers will do, as `target_session_attrs` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Session {
    /// Those that take changes.
    ReadWrite,
    /// Those that are no standby.
    Primary,
    /// All, or those that somebody chose for reading: a command that only reads works on a standby too.
    Any,
}

impl PostgresUrl {
    fn new(url: &str, parsed: &postgres_url::PostgresUrl<'_>) -> Self {
        let mut text = url.to_owned();
        let mut separator = if parsed.has_query() { '&' } else { '?' };
        for (name, value) in POSTGRES_DEFAULTS {
            if parsed.option(name).is_none() {
                text.extend([&separator.to_string(), name, "=", value]);
                separator = '&';
            }
        }
        let session = match parsed.option(ATTRIBUTES).as_deref() {
            None | Some("read-write") => Session::ReadWrite,
            Some("primary") => Session::Primary,
            Some(_) => Session::Any,
        };
        Self { text, session }
    }

    /// For libpq. It may hold a password.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Makes sure that a connection answers, and that its server is still one that will do: it may have become a standby since it was
    /// opened, or have been set to read-only. One question, as `SELECT 1` would be.
    ///
    /// # Errors
    /// It does not answer, or is of no use any more.
    pub(super) fn check(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        let read_only: String = select(current_setting("transaction_read_only")).get_result(connection)?;
        let is_demoted = match self.session {
            Session::ReadWrite => read_only == "on",
            Session::Primary => select(pg_is_in_recovery()).get_result(connection)?,
            Session::Any => false,
        };
        if is_demoted {
            return Err(StoreError::unavailable("the server takes no changes (it is a standby, or read-only)"));
        }
        Ok(())
    }
}

/// A file name as SQLite's `file:` URI, opened for reading and writing but never created: were the file to vanish under a running
/// server, the next connection would otherwise be to a new and empty database.
pub(super) fn sqlite_uri(path: &std::path::Path) -> Result<String, StoreError> {
    let Some(path) = path.to_str() else {
        return Err(StoreError::Configuration("the path of the SQLite database is not UTF-8".to_owned()));
    };
    let mut uri = String::from("file:");
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => uri.push(char::from(byte)),
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    uri.push_str("?mode=rw");
    Ok(uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_known_schemes_are_accepted_and_the_refusal_says_which() {
        for url in
            ["", "tessera.db", "mysql://h/db", "host=localhost user=me", "SQLITE://x", "sqlite:x.db", "file:x.db"]
        {
            let error = Location::parse(url).expect_err(url).to_string();
            assert!(error.contains("postgres://") && error.contains("sqlite://"), "{url}: {error}");
        }
    }

    #[test]
    fn a_sqlite_database_is_a_file_without_options() {
        for url in ["sqlite://", "sqlite://:memory:", "sqlite://a.db?mode=memory"] {
            Location::parse(url).expect_err(url);
        }
        assert_eq!(Location::parse("sqlite:///var/a b.db").expect("path"), Location::Sqlite("/var/a b.db".into()));
        assert_eq!(sqlite_uri("/var/a b%.db".as_ref()).expect("path"), "file:/var/a%20b%25.db?mode=rw");
    }

    #[test]
    fn a_postgres_url_gets_timeouts_unless_it_has_them() {
        let url = |url: &str| match Location::parse(url).expect("URL") {
            Location::Postgres(url) => url,
            Location::Sqlite(_) => panic!("not Postgres"),
        };
        let PostgresUrl { text, session } = url("postgres://h/db?connect_timeout=9");
        assert!(text.starts_with("postgres://h/db?connect_timeout=9&application_name=tessera&"), "{text}");
        assert_eq!(text.matches("connect_timeout").count(), 1);
        assert!(text.ends_with("&target_session_attrs=read-write") && session == Session::ReadWrite, "{text}");
        // A question mark of the password begins no options.
        assert!(url("postgres://me:a?b@h/db").text.starts_with("postgres://me:a?b@h/db?application_name="));
        let replica = url("postgres://h/db?target_session_attrs=any");
        assert!(replica.text.matches("target_session_attrs").count() == 1 && replica.session == Session::Any);
    }

    #[test]
    fn a_password_that_libpq_would_misread_is_refused_without_a_word_of_it() {
        for url in ["postgres://me:hun/ter2@h/db", "postgres://me:hun@ter2@h/db", "postgres://me:hunter2%zz@h/db"] {
            let error = Location::parse(url).expect_err(url).to_string();
            assert!(error.contains("percent-encoded") && !error.contains("ter2"), "{error}");
        }
        assert!(!format!("{:?}", Location::parse("postgres://me:hunter2@h/db")).contains("hunter2"));
    }
}
