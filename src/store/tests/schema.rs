use std::collections::BTreeSet;

use diesel::{QueryableByName, RunQueryDsl as _, connection::SimpleConnection as _, sql_query, sql_types::Text};
use diesel_migrations::MigrationHarness as _;

use super::{super::testing::on_both_engines, tables::fill, with_environment};
use crate::store::{
    Conn, Store, audit_records, environments,
    migrate::{POSTGRES, SQLITE},
    testing::TestDatabase,
};

#[derive(QueryableByName)]
struct Fact {
    #[diesel(sql_type = Text)]
    fact: String,
}

/// Everything that both engines can say of the schema, one line each, in the same words.
fn facts(store: &Store) -> BTreeSet<String> {
    const POSTGRES: &str = "
        WITH t AS (SELECT oid, relname::text AS name FROM pg_class
                   WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
                     AND relname <> '__diesel_schema_migrations'),
        keys AS (SELECT t.name, c.contype, c.confrelid::regclass::text AS target, c.confdeltype,
                   (SELECT string_agg(a.attname, ',' ORDER BY k.place) FROM unnest(c.conkey) WITH ORDINALITY k(number, place)
                    JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.number) AS own,
                   (SELECT string_agg(a.attname, ',' ORDER BY k.place) FROM unnest(c.confkey) WITH ORDINALITY k(number, place)
                    JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.number) AS others
                 FROM pg_constraint c JOIN t ON t.oid = c.conrelid)
        SELECT format('%s.%s %s %s', t.name, a.attname,
                 CASE format_type(a.atttypid, NULL) WHEN 'text' THEN 'TEXT' WHEN 'bytea' THEN 'BLOB' WHEN 'bigint' THEN 'INTEGER'
                   WHEN 'boolean' THEN 'INTEGER' ELSE 'unknown' END,
                 CASE WHEN a.attnotnull THEN 'not null' ELSE 'null' END) AS fact
          FROM t JOIN pg_attribute a ON a.attrelid = t.oid WHERE a.attnum > 0
        UNION ALL SELECT format('%s primary key %s', name, own) FROM keys WHERE contype = 'p'
        UNION ALL SELECT format('%s unique %s', name, own) FROM keys WHERE contype = 'u'
        UNION ALL SELECT format('%s (%s) references %s (%s) on delete %s', name, own, target, others,
                 CASE confdeltype WHEN 'c' THEN 'CASCADE' ELSE 'NO ACTION' END) FROM keys WHERE contype = 'f'
        UNION ALL SELECT format('%s index %s', t.name, i.indexrelid::regclass)
          FROM pg_index i JOIN t ON t.oid = i.indrelid
          WHERE NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid)";
    const SQLITE: &str = "
        WITH t AS (SELECT name FROM sqlite_master WHERE type = 'table' AND name <> '__diesel_schema_migrations'
                     AND name NOT LIKE 'sqlite_%')
        SELECT format('%s.%s %s %s', t.name, c.name, c.type, CASE WHEN c.\"notnull\" THEN 'not null' ELSE 'null' END) AS fact
          FROM t, pragma_table_info(t.name) c
        UNION ALL SELECT format('%s primary key %s', name, group_concat(column)) FROM
          (SELECT t.name, c.name AS column FROM t, pragma_table_info(t.name) c WHERE c.pk > 0 ORDER BY t.name, c.pk) GROUP BY name
        UNION ALL SELECT format('%s unique %s', t.name, (SELECT group_concat(name) FROM pragma_index_info(i.name)))
          FROM t, pragma_index_list(t.name) i WHERE i.origin = 'u'
        UNION ALL SELECT format('%s (%s) references %s (%s) on delete %s', name, group_concat(own), target, group_concat(others), rule)
          FROM (SELECT t.name, f.id, f.\"from\" AS own, f.\"table\" AS target, f.\"to\" AS others, f.on_delete AS rule
                FROM t, pragma_foreign_key_list(t.name) f ORDER BY t.name, f.id, f.seq) GROUP BY name, id
        UNION ALL SELECT format('%s index %s', t.name, i.name) FROM t, pragma_index_list(t.name) i WHERE i.origin = 'c'";
    let facts: Vec<Fact> = store
        .read(|conn| {
            match conn {
                Conn::Postgres(c) => sql_query(POSTGRES).load(*c),
                Conn::Sqlite(c) => sql_query(SQLITE).load(*c),
            }
            .map_err(crate::store::StoreError::from)
        })
        .expect("facts");
    facts.into_iter().map(|row| row.fact).collect()
}

#[test]
fn both_engines_have_the_same_tables() {
    let (postgres, sqlite) = (TestDatabase::postgres(), TestDatabase::sqlite());
    postgres.store.migrate().expect("migrations");
    sqlite.store.migrate().expect("migrations");
    let (postgres, sqlite) = (facts(&postgres.store), facts(&sqlite.store));
    let only_postgres: Vec<_> = postgres.difference(&sqlite).collect();
    let only_sqlite: Vec<_> = sqlite.difference(&postgres).collect();
    assert!(
        only_postgres.is_empty() && only_sqlite.is_empty(),
        "Postgres: {only_postgres:#?}\nSQLite: {only_sqlite:#?}"
    );
    // That the comparison compares something.
    for fact in [
        "clients.client_id TEXT not null",
        "clients primary key environment_id,client_id",
        "client_secrets (environment_id,client_id) references clients (environment_id,client_id) on delete CASCADE",
        "tenants unique name",
        "environments index environments_one_default",
    ] {
        assert!(sqlite.contains(fact), "{fact} is not in {sqlite:#?}");
    }
    assert!(sqlite.len() > 80, "{}", sqlite.len());
}

#[test]
fn migrations_have_the_same_names_on_both_engines_and_each_can_be_undone() {
    let names = |engine: &str| -> BTreeSet<String> {
        let folder = format!("{}/migrations/{engine}", env!("CARGO_MANIFEST_DIR"));
        let names: BTreeSet<String> = std::fs::read_dir(&folder)
            .expect("folder")
            .map(|entry| entry.expect("entry").file_name().into_string().expect("UTF-8"))
            .collect();
        for name in &names {
            for file in ["up.sql", "down.sql"] {
                let text = std::fs::read_to_string(format!("{folder}/{name}/{file}")).expect("a readable file");
                assert!(!text.trim().is_empty(), "{name}/{file}");
            }
        }
        names
    };
    assert_eq!(names("postgres"), names("sqlite"));
    assert_eq!(names("sqlite").len(), TestDatabase::sqlite().store.pending_migrations().expect("database").len());
}

fn migration_count() -> usize {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/sqlite");
    std::fs::read_dir(folder).expect("folder").count()
}

#[test]
fn migrations_go_up_down_and_up_again_with_rows_in_the_tables() {
    on_both_engines(|database| {
        let store = &database.store;
        let before = facts(store);
        store
            .transact(|conn| -> Result<(), crate::store::StoreError> {
                fill(conn);
                audit_records::prepare_day(conn, 20_000)
            })
            .expect("rows");
        let mut connection = store.dedicated().expect("connection");
        match &mut connection.conn() {
            Conn::Postgres(c) => c.revert_all_migrations(POSTGRES).expect("down").len(),
            Conn::Sqlite(c) => c.revert_all_migrations(SQLITE).expect("down").len(),
        };
        assert_eq!(facts(store), BTreeSet::new());
        assert_eq!(store.pending_migrations().expect("pending").len(), migration_count());
        assert_eq!(store.migrate().expect("up again").len(), migration_count());
        assert_eq!(facts(store), before);
        assert_eq!(store.migrate().expect("nothing to do"), Vec::<String>::new());
    });
}

#[test]
fn nodes_that_migrate_at_once_do_not_race_and_looking_changes_nothing() {
    for database in [TestDatabase::sqlite(), TestDatabase::postgres()] {
        assert_eq!(database.store.pending_migrations().expect("pending").len(), migration_count());
        let has_table = facts(&database.store);
        assert_eq!(has_table, BTreeSet::new());
        let done: usize = std::thread::scope(|scope| {
            let nodes: Vec<_> =
                (0..4).map(|_| scope.spawn(|| database.store.migrate().expect("migrate").len())).collect();
            nodes.into_iter().map(|node| node.join().expect("no panic")).sum()
        });
        assert_eq!(done, migration_count(), "each migration runs once");
        assert_eq!(database.store.pending_migrations().expect("pending"), Vec::<String>::new());
    }
}

#[test]
fn deleting_an_environment_takes_everything_in_it_along() {
    on_both_engines(|database| {
        let store = &database.store;
        let cascades: Vec<String> =
            facts(store).into_iter().filter(|fact| fact.ends_with("on delete CASCADE")).collect();
        assert_eq!(cascades.len(), 54, "{cascades:#?}");
        store
            .transact(|conn| -> Result<(), crate::store::StoreError> {
                fill(conn);
                Ok(())
            })
            .expect("rows");
        for fact in &cascades {
            let table = fact.split(' ').next().expect("table");
            assert_eq!(count(store, table), 1, "{table} has no row to delete");
        }
        assert!(store.transact(|conn| environments::delete(conn, "one")).expect("delete"));
        for fact in &cascades {
            let table = fact.split(' ').next().expect("table");
            assert_eq!(count(store, table), 0, "{table}");
        }
        assert_eq!(count(store, "tenants"), 1);
    });
}

#[test]
fn a_tenant_with_environments_cannot_be_deleted() {
    on_both_engines(|database| {
        let outcome: Result<(), crate::store::StoreError> = database.store.transact(|conn| {
            with_environment(conn);
            match conn {
                Conn::Postgres(c) => c.batch_execute("DELETE FROM tenants")?,
                Conn::Sqlite(c) => c.batch_execute("DELETE FROM tenants")?,
            }
            Ok(())
        });
        assert!(matches!(outcome, Err(crate::store::StoreError::Query(_))), "{outcome:?}");
    });
}

pub(super) fn count(store: &Store, table: &str) -> i64 {
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        count: i64,
    }
    let query = format!("SELECT count(*) AS count FROM {table}");
    let row: Count = store
        .read(|conn| {
            match conn {
                Conn::Postgres(c) => sql_query(&query).get_result(*c),
                Conn::Sqlite(c) => sql_query(&query).get_result(*c),
            }
            .map_err(crate::store::StoreError::from)
        })
        .expect("count");
    row.count
}
