"""Users who sign in behind a backend: what is measured of their sessions, and passwords beside tokens (`benches/run --passwords`)."""

import http.client
import itertools
import json
import statistics
import subprocess
import sys
import threading
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

import load
import procfs
from server import Server, authorization

# As many sign-ins wait all the time.
WAITING = 64
# A disk that stands still for once spoils a p99: of as many rounds the one in the middle counts.
ROUNDS = 5
# Each has a user of its own: failures are counted up front, and more than five at once are too many for one.
PASSWORD = "Zebra-lamp-orbit-7-quill"
BACKEND = "bench-backend"
TOKEN_REQUEST = urllib.parse.urlencode({"grant_type": "client_credentials"})
FAMILIES = itertools.count()


class Api:
    """The API for backends, over a connection of its own."""

    def __init__(self, port, token):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.token = token

    def post(self, path, body):
        """Status and answer."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        self.connection.request("POST", path, json.dumps(body), headers)
        answer = self.connection.getresponse()
        return answer.status, json.loads(answer.read())

    def done(self, path, body):
        """The answer to what must go well."""
        status, answer = self.post(path, body)
        if status not in (200, 201):
            raise RuntimeError(f"{path}: {status} {answer}")
        return answer

    def sign_up(self, username):
        """Makes a user with a password."""
        self.done("/v1/users", {"username": username, "credentials": {"password": PASSWORD, "force_replace": False}})

    def sign_in(self, username):
        """The tokens of a sign-in with it."""
        return self.done("/v1/auth/password/authenticate", {"username": username, "password": PASSWORD})


def client_token(server):
    """The backend's own."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    headers = {"Authorization": authorization(BACKEND), "Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/token", TOKEN_REQUEST, headers)
    return json.loads(connection.getresponse().read())["access_token"]


def signed_in(server, count):
    """The tokens of so many users, each in a session of its own."""
    token, family = client_token(server), next(FAMILIES)

    def one(number):
        api = Api(server.port, token)
        api.sign_up(f"user-{family}-{number}")
        return api.sign_in(f"user-{family}-{number}")

    with ThreadPoolExecutor(16) as pool:
        return list(pool.map(one, range(count)))


class SignIns:
    """[WAITING] users who sign in again and again."""

    def __init__(self, server, token):
        self.port, self.token = server.port, token
        self.done, self.failed, self.times = 0, [], []
        self.stopped = threading.Event()
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.run, args=(number,)) for number in range(WAITING)]

    def run(self, number):
        api = Api(self.port, self.token)
        body = {"username": f"user-{number}", "password": PASSWORD}
        while not self.stopped.is_set():
            begun = time.monotonic()
            status, answer = api.post("/v1/auth/password/authenticate", body)
            with self.lock:
                if status == 200:
                    self.done += 1
                    self.times.append(time.monotonic() - begun)
                else:
                    self.failed.append((status, answer))

    def __enter__(self):
        self.begun = time.monotonic()
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.seconds = time.monotonic() - self.begun
        self.per_second = self.done / self.seconds
        self.stopped.set()
        for thread in self.threads:
            thread.join()
        if self.failed:
            sys.exit(f"{len(self.failed)} sign-ins failed: {self.failed[0]}")


def measure(engine, alg, seconds, body):
    """One server; prints its lines. `body`: what is asked of the token endpoint."""
    with Server(engine, alg) as server:
        costs = subprocess.run([server.binary, "calibrate-passwords"], capture_output=True, text=True, timeout=300).stdout
        in_effect = next(line for line in costs.splitlines() if "in effect" in line)
        token = client_token(server)
        api = Api(server.port, token)
        for number in range(WAITING):
            api.sign_up(f"user-{number}")
        header, file = authorization(), server.directory / "bodies"
        file.write_text(body + "\n")
        ask = lambda: load.run(f"{server.issuer}/token", header, file, seconds)
        ask()
        cpu = procfs.cpu_seconds(server.process.pid)
        with SignIns(server, token) as only:
            time.sleep(seconds)
        cpu = (procfs.cpu_seconds(server.process.pid) - cpu) / max(only.done, 1)
        alone, beside, meanwhile = [], [], []
        for _ in range(ROUNDS):
            alone.append(ask())
            with SignIns(server, token) as running:
                time.sleep(1)
                beside.append(ask())
            meanwhile.append(running.per_second)
    print(f"{engine} {alg}; a hash here (memory_kib, iterations, lanes, ms, per second and thread): {' '.join(in_effect.split())}")
    print(
        f"  sign-ins alone: {only.per_second:.1f}/s; {1000 * cpu:.1f} ms of CPU each, so {1 / cpu:.0f}/s per core; "
        f"p50 {statistics.median(only.times):.2f} s with {WAITING} waiting"
    )
    middle = {}
    for name, runs in [("alone", alone), (f"while {WAITING} sign-ins wait", beside)]:
        middle[name] = statistics.median(run["p99_ms"] for run in runs)
        rate = statistics.median(run["requests"] / run["seconds"] for run in runs)
        bad = sum(run["refused"] + run["broken"] for run in runs)
        every = ", ".join(f"{run['p99_ms']:.1f}" for run in runs)
        print(f"  /token {name}: {rate:.0f} req/s, p99 {middle[name]:.1f} ms (of {every}), {bad} bad")
    before, after = middle.values()
    print(f"  ratio of the p99s {after / before:.2f}; {statistics.median(meanwhile):.1f} sign-ins/s meanwhile")
