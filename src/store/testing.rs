//! A database of its own for each test, on both engines, migrated and dropped at the end.

use std::time::Duration;

use diesel::{Connection as _, PgConnection, QueryableByName, RunQueryDsl as _, connection::SimpleConnection as _};

use super::{Conn, Engine, Store, StoreOptions};
use crate::domain::random::{SystemRandom, random_uuid};

/// A fresh database.
pub(crate) struct TestDatabase {
    pub(crate) options: StoreOptions,
    pub(crate) store: Store,
    pub(crate) engine: Engine,
    cleanup: Cleanup,
}

enum Cleanup {
    Postgres { server: String, name: String },
    Sqlite { _folder: tempfile::TempDir },
}

/// Runs `test` on a fresh, migrated database of each engine.
pub(crate) fn on_both_engines(test: impl Fn(&TestDatabase)) {
    for new in [TestDatabase::sqlite, TestDatabase::postgres] {
        let database = new();
        println!("on {:?}", database.engine);
        database.store.migrate().expect("migrations");
        test(&database);
    }
}

impl TestDatabase {
    /// An empty SQLite file.
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        let mut options = short_waits(format!("sqlite://{}/tessera.db", folder.path().display()));
        options.create = true;
        let store = Store::open(&options).expect("SQLite");
        Self { options, store, engine: Engine::Sqlite, cleanup: Cleanup::Sqlite { _folder: folder } }
    }

    /// An empty database on the server of `TEST_DATABASE_URL`.
    pub(crate) fn postgres() -> Self {
        let server = std::env::var("TEST_DATABASE_URL").expect(
            "TEST_DATABASE_URL names no Postgres server to test with; `make test` starts one and runs all tests on both engines",
        );
        let (address, _) = server.rsplit_once('/').expect("postgres://…/database");
        let name = format!("tessera_{}", random_uuid(&SystemRandom).expect("random source").replace('-', ""));
        let options = short_waits(format!("{address}/{name}"));
        PgConnection::establish(&server)
            .expect("Postgres")
            .batch_execute(&format!("CREATE DATABASE {name}"))
            .expect("a new database");
        let store = Store::open(&options).expect("Postgres");
        Self { options, store, engine: Engine::Postgres, cleanup: Cleanup::Postgres { server, name } }
    }

    /// Runs statements behind the server's back.
    pub(crate) fn execute(&self, statements: &str) {
        match &mut self.store.dedicated().expect("connection").conn() {
            Conn::Postgres(c) => c.batch_execute(statements),
            Conn::Sqlite(c) => c.batch_execute(statements),
        }
        .expect(statements);
    }

    /// How many rows of a table fulfil a condition.
    pub(crate) fn count(&self, table: &str, condition: &str) -> i64 {
        #[derive(QueryableByName)]
        struct Count {
            #[diesel(sql_type = diesel::sql_types::BigInt)]
            count: i64,
        }
        let query = diesel::sql_query(format!("SELECT COUNT(*) AS count FROM {table} WHERE {condition}"));
        let count: Count = match &mut self.store.dedicated().expect("connection").conn() {
            Conn::Postgres(c) => query.get_result(*c),
            Conn::Sqlite(c) => query.get_result(*c),
        }
        .expect("one row");
        count.count
    }

    /// Cuts every connection to a Postgres database and lets no new one in.
    pub(crate) fn shut(&self) {
        self.administer(|name| {
            format!(
                "ALTER DATABASE {name} ALLOW_CONNECTIONS false; \
                 SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
            )
        });
    }

    /// Lets connections in again.
    pub(crate) fn reopen(&self) {
        self.administer(|name| format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true"));
    }

    /// Cuts every connection to a Postgres database, as a restart does.
    pub(crate) fn cut(&self) {
        self.shut();
        self.reopen();
    }

    fn administer(&self, statement: impl Fn(&str) -> String) {
        let Cleanup::Postgres { server, name } = &self.cleanup else { panic!("for Postgres only") };
        PgConnection::establish(server).expect("Postgres").batch_execute(&statement(name)).expect("statement");
    }
}

fn short_waits(url: String) -> StoreOptions {
    let mut options = StoreOptions::new(url);
    options.acquire_timeout = Duration::from_millis(1500);
    options.statement_timeout = Duration::from_millis(2000);
    options
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if let Cleanup::Postgres { server, name } = &self.cleanup
            && let Ok(mut connection) = PgConnection::establish(server)
        {
            // FORCE: the pool of `store` is still connected.
            connection.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).ok();
        }
    }
}
