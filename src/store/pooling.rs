//! A pooler in front of Postgres that gives a session to another client after each transaction (PgBouncer's transaction mode), found out when
//! the database is opened: what does not work through it would otherwise fail later, here and there.

use diesel::{
    PgConnection, RunQueryDsl as _,
    dsl::{select, sql},
    sql_types::{Integer, Text},
};

use super::{StoreError, StoreOptions, connection::open_postgres, location::PostgresUrl, statements::Statements};

/// How often two connections are compared: a pooler may have several sessions free.
const COMPARISONS: usize = 3;

/// Makes sure that the database answers, and that the options suit what is in front of it.
///
/// # Errors
/// It does not answer, or a setting must be another.
pub(super) fn check(url: &PostgresUrl, options: &StoreOptions, statements: &Statements) -> Result<(), StoreError> {
    // As if there were one, so that the check itself leaves nothing behind.
    let careful = StoreOptions { transaction_pooling: true, ..options.clone() };
    let open = || open_postgres(url, &careful, statements);
    let (mut one, mut other) = (open()?, open()?);
    if options.transaction_pooling {
        prepared_statements_are_kept_apart(url, options, &mut one, &mut other)?;
        if time_limit(&mut one)? == "0" {
            log::warn!(
                "database.transaction_pooling is on, and no statement_timeout is set on the server: set one for the role (ALTER ROLE … SET)"
            );
        }
        return Ok(());
    }
    for _ in 0..COMPARISONS {
        if session(&mut one)? == session(&mut other)? {
            return Err(StoreError::Configuration(
                "database.url leads to a pooler in transaction mode: set database.transaction_pooling = true (and, before PgBouncer 1.21 \
                 or without its max_prepared_statements, database.prepared_statements = false)"
                    .to_owned(),
            ));
        }
    }
    Ok(())
}

/// Two connections give their statements the same names.
fn prepared_statements_are_kept_apart(
    url: &PostgresUrl,
    options: &StoreOptions,
    one: &mut PgConnection,
    other: &mut PgConnection,
) -> Result<(), StoreError> {
    for _ in 0..COMPARISONS {
        for connection in [&mut *one, &mut *other] {
            url.check(connection).map_err(|error| match error {
                StoreError::Query(problem) if options.prepared_statements => StoreError::Configuration(format!(
                    "the pooler in front of database.url mixes up prepared statements: set its max_prepared_statements (PgBouncer from 1.21 \
                     on), or database.prepared_statements = false ({problem})"
                )),
                other => other,
            })?;
        }
    }
    Ok(())
}

/// The process of the server that answers. Not prepared: what is to be found out must not depend on it.
fn session(connection: &mut PgConnection) -> Result<i32, StoreError> {
    Ok(select(sql::<Integer>("pg_backend_pid()")).get_result(connection)?)
}

fn time_limit(connection: &mut PgConnection) -> Result<String, StoreError> {
    Ok(select(sql::<Text>("current_setting('statement_timeout')")).get_result(connection)?)
}
