//! `[database]`: where the data is.

use std::time::Duration;

use super::reader::Reader;
use crate::domain::{postgres_url::PostgresUrl, secret::Secret};

const SQLITE: &str = "sqlite://";

/// Where the data is.
#[derive(Clone)]
pub struct Database {
    /// `sqlite://FILE`, or `postgres://…` (or `postgresql://…`), which may hold a password.
    pub url: Secret,
    /// The same for people, without a password.
    pub shown: String,
    /// Whether `serve` runs pending migrations.
    pub migrate: bool,
    /// The most connections of this process.
    pub pool_size: u32,
    /// How long to wait for a free connection.
    pub acquire_timeout: Duration,
    /// How long a single statement may take.
    pub statement_timeout: Duration,
    /// Whether a pooler in transaction mode is in front of Postgres.
    pub transaction_pooling: bool,
    /// Whether statements are prepared on Postgres.
    pub prepared_statements: bool,
}

impl Database {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let (url, shown) = read_url(reader);
        Self {
            url,
            shown,
            migrate: reader.boolean("database.migrate"),
            pool_size: u32::try_from(reader.integer("database.pool_size", 1..=1000)).unwrap_or(1),
            acquire_timeout: reader.milliseconds("database.acquire_timeout_ms", 1..=600_000),
            statement_timeout: reader.milliseconds("database.statement_timeout_ms", 1..=600_000),
            transaction_pooling: reader.boolean("database.transaction_pooling"),
            prepared_statements: reader.boolean("database.prepared_statements"),
        }
    }

    /// The database file, when the embedded engine is used.
    pub fn sqlite_file(&self) -> Option<&str> {
        self.url.reveal().strip_prefix(SQLITE)
    }
}

/// The URL, and the form that may be shown.
fn read_url(reader: &mut Reader) -> (Secret, String) {
    let (value, file) = ("database.url", "database.url_file");
    let given = reader.secret(value);
    let from_file = reader.secret_file(file);
    // `database.url` has a default, which a file replaces; only two given ones contradict each other.
    if reader.is_given(value) && given.is_some() && from_file.is_some() {
        reader.error(file, "is set together with database.url; keep one of them");
    }
    let key = if from_file.is_some() { file } else { value };
    let Some(url) = from_file.or(given) else {
        reader.error(value, "must be set, such as \"sqlite://data/tessera.db\"");
        return (Secret::new(""), String::new());
    };
    let shown = shown(url.reveal());
    match &shown {
        Ok(shown) => reader.show(value, shown.clone()),
        Err(problem) => reader.error(key, *problem),
    }
    (url, shown.unwrap_or_default())
}

/// Checks a database URL and gives the form that may be shown. The problem never quotes the URL: it may hold a password.
fn shown(url: &str) -> Result<String, &'static str> {
    if let Some(file) = url.strip_prefix(SQLITE) {
        return match file {
            "" => Err("names no file; write sqlite://FILE, such as sqlite://data/tessera.db"),
            // Each connection of the pool would open an empty database of its own.
            ":memory:" => Err("must name a file; a database in memory is not shared between connections"),
            _ => Ok(url.to_owned()),
        };
    }
    if !PostgresUrl::is_one(url) {
        return Err("must begin with sqlite:// or postgres://");
    }
    PostgresUrl::parse(url).map(|url| url.shown())
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn a_password_in_the_url_is_masked_wherever_it_stands() {
        assert_eq!(shown("postgres://u:hunter2@db:5432/t").as_deref(), Ok("postgres://u:***@db:5432/t"));
        let parameters = shown("postgresql://db/t?user=u&password=hunter2&sslpassword=hunter2").expect("valid");
        assert!(parameters.contains("user=u") && !parameters.contains("hunter2"), "{parameters}");
        assert_eq!(shown("sqlite://data/tessera.db").as_deref(), Ok("sqlite://data/tessera.db"));
    }

    #[test]
    fn urls_of_other_engines_and_without_a_file_are_refused() {
        for bad in
            ["mysql://db/t", "sqlite://", "sqlite://:memory:", "data/tessera.db", "host=db user=u", "postgres://[", ""]
        {
            assert!(shown(bad).is_err(), "{bad}");
        }
    }
}
