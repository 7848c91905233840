"""A release build of Tessera with the benchmark's environment, on a database of its own."""

import base64
import functools
import os
import pathlib
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
import tomllib
import urllib.error
import urllib.request

import postgres
import revoked
from foreign import ForeignIssuer

TEMPLATE = (pathlib.Path(__file__).resolve().parents[1] / "bench.toml").read_text()
ENVIRONMENT = tomllib.loads(TEMPLATE)
# With a million revoked tokens to be read.
STARTUP_SECONDS = 120


def free_port():
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def authorization(client_id="bench"):
    """The Authorization header of a client of the benchmark."""
    client = next(one for one in ENVIRONMENT["client"] if one["id"] == client_id)
    return "Basic " + base64.b64encode(f"{client['id']}:{client['secret']}".encode()).decode()


@functools.cache
def foreign_issuer():
    """The foreign issuer of the benchmark's environment; one for the whole run."""
    return ForeignIssuer(next(one for one in ENVIRONMENT["identity_connection"] if one["provider"] == "OIDC"))


class Server:
    """One configuration: a directory, a database, a port. `prepare` makes the database, `with` serves."""

    def __init__(self, engine, algorithm, audit="before_response", revoked_tokens=0):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="tessera-bench-"))
        self.database = f"tessera_{secrets.token_hex(8)}"
        self.port = free_port()
        self.issuer = f"http://127.0.0.1:{self.port}"
        self.engine = engine
        self.revoked_tokens = revoked_tokens
        if engine == "sqlite":
            url = f"sqlite://{self.directory / 'tessera.db'}"
        else:
            url = postgres.create_database(self.database)
        self.binary = pathlib.Path(os.environ["TESSERA_BIN"]).resolve()
        self.settings = {
            "TESSERA__SERVER__LISTEN": f"127.0.0.1:{self.port}",
            "TESSERA__SERVER__PUBLIC_URL": self.issuer,
            "TESSERA__DATABASE__URL": url,
            "TESSERA__DATABASE__MIGRATE": "true",
            "TESSERA__KEYS__MASTER_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
            "TESSERA__TOKENS__SIGNING_ALG": algorithm,
            "TESSERA__AUDIT__COMMIT": audit,
            # Far fewer than the different subject tokens we send, so that each of those is verified.
            "TESSERA__CATALOG__VERIFIED_TOKENS": "100",
        }
        self.process = None
        self.start_seconds = None

    def prepare(self):
        """Makes the schema and the benchmark's environment."""
        file = self.directory / "bench.toml"
        file.write_text(TEMPLATE.replace("@FOREIGN_JWKS@", foreign_issuer().jwks()))
        for command in (["migrate"], ["apply", file]):
            done = subprocess.run(
                [self.binary, *command], cwd=self.directory, env=self._environment(), capture_output=True, text=True, timeout=60
            )
            if done.returncode != 0:
                raise RuntimeError(f"tessera {command[0]} failed:\n{done.stdout}{done.stderr}")
        if self.revoked_tokens and self.engine == "sqlite":
            revoked.in_sqlite(self.directory / "tessera.db", self.revoked_tokens)
        elif self.revoked_tokens:
            revoked.in_postgres(self.database, self.revoked_tokens)

    def _environment(self):
        return {key: value for key, value in os.environ.items() if not key.startswith("TESSERA_")} | self.settings

    def __enter__(self):
        try:
            self.prepare()
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self):
        with open(self.directory / "log", "wb") as log:
            self.process = subprocess.Popen(
                [self.binary, "serve"], cwd=self.directory, env=self._environment(), stdout=log, stderr=log
            )
        begun = time.monotonic()
        end = begun + STARTUP_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.issuer}/ready", timeout=2):
                    self.start_seconds = time.monotonic() - begun
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        raise RuntimeError(f"the server did not become ready:\n{self.log()}")

    def __exit__(self, *_):
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.directory)

    def log(self):
        """The end of the server's log."""
        return (self.directory / "log").read_text(errors="replace")[-3000:]
