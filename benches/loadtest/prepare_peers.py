"""Writes the list of our own cases for the comparison with other servers. Started by ../peers."""

import json
import os
import pathlib
import shlex
import sys
import urllib.parse

import cases
from server import Server, authorization


def entry(name, server, alg, body, token_body=None):
    """One case as the harness wants it: how to start the server, where it is, what to send."""
    assignments = " ".join(f"{key}={shlex.quote(value)}" for key, value in server.settings.items())
    found = {
        "name": name,
        "cmd": f"{assignments} exec {shlex.quote(str(server.binary))} serve",
        "cwd": str(server.directory),
        "url": f"{server.issuer}/token",
        "jwks": f"{server.issuer}/.well-known/jwks.json",
        "auth": authorization(),
        "alg": alg,
        "body": body,
    }
    return found | ({"token_body": token_body} if token_body else {})


def main():
    entries = []
    # The harness puts a subject token where this stands.
    exchange = cases.exchange_for_down_api("{subject_token}").replace(urllib.parse.quote_plus("{subject_token}"), "{subject_token}")
    for engine in ("sqlite", "postgres"):
        for alg in ("RS256", "ES256"):
            server = Server(engine, alg)
            server.prepare()
            name = f"tessera + {'SQLite' if engine == 'sqlite' else 'Postgres'}"
            entries.append(entry(name, server, alg, cases.CLIENT_CREDENTIALS))
            entries.append(entry(name, server, alg, exchange, cases.CLIENT_CREDENTIALS))
    pathlib.Path(sys.argv[1]).write_text(json.dumps(entries, indent=1) + "\n")
    # Settings hold the database password and the master key of these throw-away servers.
    os.chmod(sys.argv[1], 0o600)


if __name__ == "__main__":
    main()
