//! `database.url`: the scheme alone chooses the engine. Nothing is tried and nothing is guessed, so that a typo is an error and
//! not a new database.

use std::{fmt, path::PathBuf};

use super::error::StoreError;

const ACCEPTED: &str = "database.url must be postgres://user:password@host:port/name or sqlite://path/to/file.db";

/// Seconds, except where said. Without these a host that vanished would hold a thread for a quarter of an hour.
const POSTGRES_DEFAULTS: [(&str, &str); 7] = [
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
];

/// Where the database is.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Location {
    /// A connection URL for libpq.
    Postgres(String),
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
        let rest = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://"));
        match rest {
            Some(rest) => check_postgres(rest).map(|()| Location::Postgres(with_defaults(url))),
            None => Err(StoreError::Configuration(ACCEPTED.to_owned())),
        }
    }
}

/// Refuses what libpq would misread. Its messages quote the part that it stumbled over, and that can be a piece of the password.
fn check_postgres(rest: &str) -> Result<(), StoreError> {
    let credentials = rest.rsplit_once('@').map(|(credentials, _)| credentials).unwrap_or_default();
    if credentials.contains(['/', '?', '#', '@']) || !percent_encoding_is_sound(rest) {
        return Err(StoreError::Configuration(format!(
            "{ACCEPTED}; characters other than letters, digits, '-', '.', '_' and '~' in the user name, the password and the options \
             must be percent-encoded"
        )));
    }
    Ok(())
}

fn percent_encoding_is_sound(text: &str) -> bool {
    text.split('%').skip(1).all(|after| {
        let digits = after.as_bytes().first_chunk::<2>();
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit) && digits != b"00")
    }) && !text.contains('\0')
}

fn with_defaults(url: &str) -> String {
    let mut complete = url.to_owned();
    let given = url.split_once('?').map(|(_, query)| query).unwrap_or_default();
    let mut separator = if url.contains('?') { '&' } else { '?' };
    for (name, value) in POSTGRES_DEFAULTS {
        if !given.split('&').any(|pair| pair.split('=').next() == Some(name)) {
            complete.push(separator);
            complete.push_str(name);
            complete.push('=');
            complete.push_str(value);
            separator = '&';
        }
    }
    complete
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
        let Location::Postgres(url) = Location::parse("postgres://h/db?connect_timeout=9").expect("URL") else {
            panic!("not Postgres")
        };
        assert!(url.starts_with("postgres://h/db?connect_timeout=9&application_name=tessera&"), "{url}");
        assert_eq!(url.matches("connect_timeout").count(), 1);
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
