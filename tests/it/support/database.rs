//! A database per test, on either engine, and what a test needs to know of its content.

use std::{path::PathBuf, sync::OnceLock};

use diesel::{
    Connection as _, PgConnection, QueryableByName, RunQueryDsl as _, SqliteConnection,
    connection::SimpleConnection as _,
};
use serde_json::Value;
use tempfile::TempDir;
use tessera::{
    domain::random::{SystemRandom, random_uuid},
    store::{Store, StoreOptions},
};

use super::leaks;

/// Which database a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Embedded.
    Sqlite,
    /// The server of `TEST_DATABASE_URL`.
    Postgres,
}

/// A fresh, migrated database. Gone when dropped.
pub struct TestDatabase {
    /// `sqlite://…` or `postgres://…`.
    pub url: String,
    engine: Engine,
    folder: TempDir,
}

impl TestDatabase {
    /// A new one.
    pub fn new(engine: Engine) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = match engine {
            Engine::Sqlite => {
                let url = format!("sqlite://{}/tessera.db", folder.path().display());
                migrate(&url);
                url
            }
            Engine::Postgres => clone_of_template(),
        };
        Self { url, engine, folder }
    }

    /// One without tables.
    pub fn empty(engine: Engine) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = match engine {
            Engine::Sqlite => {
                // There, as a database of a server is: only some commands make it.
                let file = folder.path().join("tessera.db");
                std::fs::File::create_new(&file).expect("a new file");
                format!("sqlite://{}", file.display())
            }
            Engine::Postgres => {
                let name = new_name("empty");
                administer(&format!("CREATE DATABASE {name}"));
                url_of(&name)
            }
        };
        Self { url, engine, folder }
    }

    /// Where a test may leave files.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Every audit record of a request, oldest first; without those of commands and of the start of a server.
    pub fn audit_records(&self) -> Vec<Value> {
        let mut records = self.all_audit_records();
        records.retain(|record| record.get("operator").is_none());
        records
    }

    /// Every audit record of a command, and of what a server did by itself, oldest first.
    pub fn records_of_operators(&self) -> Vec<Value> {
        let mut records = self.all_audit_records();
        records.retain(|record| record.get("operator").is_some());
        records
    }

    fn all_audit_records(&self) -> Vec<Value> {
        let records = self.texts("SELECT record AS text FROM audit_records ORDER BY time_ms, node, seq");
        records.iter().map(|record| serde_json::from_str(record).expect("a JSON record")).collect()
    }

    /// The column `text` of a query.
    pub fn texts(&self, query: &str) -> Vec<String> {
        self.try_texts(query).expect("an answer")
    }

    fn try_texts(&self, query: &str) -> Result<Vec<String>, Box<dyn std::error::Error>> {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = diesel::sql_types::Text)]
            text: String,
        }
        let query = diesel::sql_query(query);
        match self.engine {
            Engine::Sqlite => query.load(&mut self.sqlite()),
            Engine::Postgres => query.load(&mut PgConnection::establish(&self.url)?),
        }
        .map(|rows: Vec<Row>| rows.into_iter().map(|row| row.text).collect())
        .map_err(Into::into)
    }

    /// Checks that no token was made so far: no record has one.
    pub fn assert_nothing_issued(&self) {
        for record in self.audit_records() {
            assert!(record.get("jti").is_none() && record["event"] == "token.refused", "{record}");
        }
    }

    /// What a query for one text, named `value`, finds.
    pub fn value(&self, query: &str) -> String {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = diesel::sql_types::Text)]
            value: String,
        }
        let query = diesel::sql_query(query);
        let row: Result<Row, _> = match self.engine {
            Engine::Sqlite => query.get_result(&mut self.sqlite()),
            Engine::Postgres => query.get_result(&mut postgres(&self.url)),
        };
        row.expect("one row").value
    }

    /// Runs statements behind the server's back.
    pub fn execute(&self, statements: &str) {
        match self.engine {
            Engine::Sqlite => self.sqlite().batch_execute(statements),
            Engine::Postgres => postgres(&self.url).batch_execute(statements),
        }
        .expect(statements);
    }

    /// Begins a transaction of somebody else's on Postgres, which holds its locks until it is committed.
    pub fn begin(&self, statements: &str) -> OpenTransaction {
        let mut connection = postgres(&self.url);
        connection.batch_execute(&format!("BEGIN; {statements}")).expect(statements);
        OpenTransaction(connection)
    }

    /// Whether somebody waits for a lock in a Postgres database.
    pub fn somebody_waits(&self) -> bool {
        self.value(
            "SELECT CAST(COUNT(*) AS TEXT) AS value FROM pg_stat_activity \
             WHERE datname = current_database() AND wait_event_type = 'Lock'",
        ) != "0"
    }

    /// Cuts every connection to a Postgres database and lets no new one in: to the server it is down.
    pub fn cut_off(&self) {
        let name = self.name();
        administer(&format!(
            "ALTER DATABASE {name} ALLOW_CONNECTIONS false; \
             SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        ));
    }

    /// Lets connections in again.
    pub fn restore(&self) {
        administer(&format!("ALTER DATABASE {} ALLOW_CONNECTIONS true", self.name()));
    }

    fn name(&self) -> &str {
        self.url.rsplit_once('/').expect("a database name").1
    }

    fn sqlite(&self) -> SqliteConnection {
        let mut connection =
            SqliteConnection::establish(self.url.trim_start_matches("sqlite://")).expect("the SQLite file");
        connection.batch_execute("PRAGMA busy_timeout = 5000").expect("a pragma");
        connection
    }
}

/// See [`TestDatabase::begin`].
pub struct OpenTransaction(PgConnection);

impl OpenTransaction {
    /// Ends it.
    pub fn commit(mut self) {
        self.0.batch_execute("COMMIT").expect("to commit");
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        // A test may have taken the table or the database away.
        leaks::recorded(&self.try_texts("SELECT record AS text FROM audit_records").unwrap_or_default());
        if self.engine == Engine::Postgres {
            administer(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name()));
        }
        leaks::check();
    }
}

fn server_url() -> String {
    std::env::var("TEST_DATABASE_URL")
        .expect("TEST_DATABASE_URL names no Postgres server to test with; `make test` starts one")
}

fn postgres(url: &str) -> PgConnection {
    PgConnection::establish(url).expect("a connection to Postgres")
}

fn administer(statements: &str) {
    // One by one: a batch is one transaction, and databases are not made in one.
    let mut connection = postgres(&server_url());
    for statement in statements.split(';').filter(|statement| !statement.trim().is_empty()) {
        connection.batch_execute(statement).expect(statement);
    }
}

fn migrate(url: &str) {
    let mut options = StoreOptions::new(url);
    options.create = true;
    options.pool_size = 1;
    Store::open(&options).expect("a database").migrate().expect("migrations");
}

fn url_of(name: &str) -> String {
    let server = server_url();
    format!("{}/{name}", server.rsplit_once('/').expect("postgres://…/database").0)
}

fn new_name(kind: &str) -> String {
    format!("tessera_{kind}_{}", random_uuid(&SystemRandom).expect("randomness").replace('-', ""))
}

/// Migrating takes longer than copying what was migrated once.
fn clone_of_template() -> String {
    static TEMPLATE: OnceLock<String> = OnceLock::new();
    let template = TEMPLATE.get_or_init(|| {
        let name = new_name("template");
        administer(&format!("CREATE DATABASE {name}"));
        migrate(&url_of(&name));
        name
    });
    let name = new_name("test");
    administer(&format!("CREATE DATABASE {name} TEMPLATE {template}"));
    url_of(&name)
}
