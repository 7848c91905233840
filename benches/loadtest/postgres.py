"""The throw-away PostgreSQL that scripts/with-postgres has started for us."""

import os
import pathlib
import subprocess
import urllib.parse

import procfs


def query(sql, database=None):
    """The first column of the first row of a query, in the maintenance database if no other is named."""
    psql = pathlib.Path(os.environ["TEST_POSTGRES_BIN"]) / "psql"
    done = subprocess.run(
        [psql, url_of(database) if database else os.environ["TEST_DATABASE_URL"], "--no-psqlrc", "-v", "ON_ERROR_STOP=1", "-Atqc", sql],
        capture_output=True,
        text=True,
        timeout=600,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{sql}: {done.stderr}")
    return done.stdout.strip()


def create_database(name):
    """Makes an empty database and returns its URL."""
    query(f"CREATE DATABASE {name}")
    return url_of(name)


def url_of(name):
    """The URL of a database of this server."""
    url = urllib.parse.urlsplit(os.environ["TEST_DATABASE_URL"])
    return url._replace(path=f"/{name}").geturl()


def cpu_seconds():
    """CPU time of the whole cluster. With a TEST_DATABASE_URL of the user's own there is no telling: None."""
    pid = os.environ.get("TEST_POSTGRES_PID")
    return procfs.tree_cpu_seconds(int(pid)) if pid else None


class Statements:
    """Counts what one database is asked to do."""

    def __init__(self, database):
        self.database = database
        try:
            query("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
            query("SELECT count(*) FROM pg_stat_statements")
            self.unit = "statements"
        except RuntimeError:
            self.unit = "commits"

    def count(self):
        """How many so far."""
        if self.unit == "statements":
            sql = "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid"
        else:
            sql = "SELECT xact_commit FROM pg_stat_database d"
        return int(query(f"{sql} WHERE d.datname = '{self.database}'"))
