"""Tokens that are revoked before the server starts: rows of the table `revocations`, none of them of a token that the load
presents."""

import sqlite3

import postgres

# As if each had been revoked by itself, a moment ago, and lived for another day.
COUNTED = "UPDATE environments SET revocations_version = {count} WHERE name = 'bench'"
POSTGRES = """
INSERT INTO revocations (environment_id, kind, value, revoked_at, expires_at, version)
SELECT id, 'token', md5(n::text), extract(epoch FROM now())::bigint, extract(epoch FROM now())::bigint + 86400, n
  FROM environments, generate_series(1, {count}) n WHERE name = 'bench'"""
SQLITE = """
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count})
INSERT INTO revocations (environment_id, kind, value, revoked_at, expires_at, version)
SELECT id, 'token', lower(hex(randomblob(16))), unixepoch(), unixepoch() + 86400, n FROM environments, numbers
 WHERE name = 'bench'"""


def in_postgres(database, count):
    """Fills the table of that database."""
    for statement in (POSTGRES, COUNTED):
        postgres.query(statement.format(count=count), database)
    postgres.query("ANALYZE revocations", database)


def in_sqlite(file, count):
    """Fills the table of that file."""
    connection = sqlite3.connect(file)
    with connection:
        for statement in (SQLITE, COUNTED):
            connection.execute(statement.format(count=count))
    connection.close()
