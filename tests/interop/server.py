"""A running Tessera with the demo environment: its own directory, its own SQLite file, a free port."""

import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time
import tomllib
import urllib.error
import urllib.request

from mail_sink import MailSink

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
STARTUP_SECONDS = 60


def free_port():
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def demo_secrets():
    """The secret of each client of the demo environment, by client id."""
    with open(REPOSITORY / "config/demo.toml", "rb") as file:
        return {client["id"]: client["secret"] for client in tomllib.load(file)["client"] if "secret" in client}


class Server:
    """`tessera quickstart` in a temporary directory; use it in a `with` block."""

    def __init__(self, binary):
        self.binary = pathlib.Path(binary)
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="tessera-interop-"))
        self.port = free_port()
        self.issuer = f"http://127.0.0.1:{self.port}"
        self.mails = MailSink(self.directory / "mails", free_port())
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith("TESSERA_")} | {
            "TESSERA__SERVER__LISTEN": f"127.0.0.1:{self.port}",
            "TESSERA__SERVER__PUBLIC_URL": self.issuer,
            # The foreign issuer of a check is on this machine.
            "TESSERA__OUTBOUND__PLAIN_HTTP_TO_LOOPBACK": "true",
            "TESSERA__EMAIL__HOST": "127.0.0.1",
            "TESSERA__EMAIL__PORT": str(self.mails.port),
            "TESSERA__EMAIL__SECURITY": "none",
            "TESSERA__EMAIL__FROM_ADDRESS": "login@demo.example",
            # Some of the documented requests need them.
            "TESSERA__GRAPHQL__DEV_OPERATIONS": "true",
            # Documented lines say `tessera`, and `curl` is ours, which records.
            "PATH": f"{pathlib.Path(__file__).parent / 'bin'}:{self.directory / 'bin'}:{os.environ['PATH']}",
            "REAL_CURL": shutil.which("curl"),
        }
        self.process = None

    def __enter__(self):
        try:
            self._start()
        except BaseException as error:
            self.__exit__(type(error))
            raise
        return self

    def __exit__(self, kind, *_):
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if kind is not None:
            print(f"--- the server's log\n{self.log()}")
        shutil.rmtree(self.directory)

    def _start(self):
        # The relative paths of the documentation work from here as they do from a clone.
        (self.directory / "config").symlink_to(REPOSITORY / "config")
        for place in ("bin", "target/debug", "target/release"):
            (self.directory / place).mkdir(parents=True)
            (self.directory / place / "tessera").symlink_to(self.binary)
        with open(self.directory / "stdout", "wb") as out, open(self.directory / "stderr", "wb") as err:
            self.process = subprocess.Popen(
                [self.binary, "quickstart"], cwd=self.directory, env=self.environment, stdout=out, stderr=err
            )
        end = time.monotonic() + STARTUP_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.issuer}/ready", timeout=2):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise RuntimeError("the server did not become ready")

    def log(self):
        """The end of what the server wrote to stderr."""
        file = self.directory / "stderr"
        return file.read_text(errors="replace")[-4000:] if file.exists() else ""

    def printed(self):
        """What quickstart wrote to stdout."""
        return (self.directory / "stdout").read_text()

    def run(self, *arguments):
        """Runs another command of the binary beside the server; its stdout, without the last newline."""
        done = subprocess.run(
            [self.binary, *arguments], cwd=self.directory, env=self.environment, capture_output=True, text=True, timeout=60
        )
        if done.returncode != 0:
            raise RuntimeError(f"tessera {' '.join(arguments)} failed:\n{done.stderr}")
        return done.stdout.rstrip("\n")
