"""Sign-ins with passwords: how many a node does, and what they do to the token endpoint (`benches/run --passwords`)."""

import http.client
import json
import sys
import threading
import time
import urllib.parse

import cases
import load
import procfs
from server import Server, authorization

# As many sign-ins wait all the time.
WAITING = 64
# Each has a user of its own: failures are counted up front, and more than five at once are too many for one.
PASSWORD = "Zebra-lamp-orbit-7-quill"
BACKEND = "bench-backend"


def call(connection, token, path, body):
    """One JSON call; the status and the answer."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    connection.request("POST", path, json.dumps(body), headers)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def connect(server):
    return http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)


def client_token(server):
    connection = connect(server)
    headers = {"Authorization": authorization(BACKEND), "Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/token", urllib.parse.urlencode({"grant_type": "client_credentials"}), headers)
    return json.loads(connection.getresponse().read())["access_token"]


def make_users(server, token):
    connection = connect(server)
    for number in range(WAITING):
        status, made = call(connection, token, "/v1/users", {"username": f"user-{number}"})
        assert status == 201, made
        path = f"/v1/users/{made['result']['user_id']}/password"
        status, answer = call(connection, token, path, {"password": PASSWORD, "force_replace": False})
        assert status == 201, answer


class SignIns:
    """[WAITING] users who sign in again and again."""

    def __init__(self, server, token):
        self.server, self.token = server, token
        self.done, self.failed, self.times = 0, [], []
        self.stopped = threading.Event()
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.run, args=(number,)) for number in range(WAITING)]

    def run(self, number):
        connection = connect(self.server)
        body = {"username": f"user-{number}", "password": PASSWORD}
        while not self.stopped.is_set():
            begun = time.monotonic()
            status, answer = call(connection, self.token, "/v1/auth/password/authenticate", body)
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


def measure(engine, alg, seconds):
    """One server; prints its lines."""
    with Server(engine, alg) as server:
        token = client_token(server)
        make_users(server, token)
        header, file = authorization(), server.directory / "bodies"
        file.write_text(cases.CLIENT_CREDENTIALS + "\n")
        tokens = lambda: load.run(f"{server.issuer}/token", header, file, seconds)
        tokens()
        alone = tokens()
        cpu = procfs.cpu_seconds(server.process.pid)
        with SignIns(server, token) as only:
            time.sleep(seconds)
        cpu = (procfs.cpu_seconds(server.process.pid) - cpu) / max(only.done, 1)
        with SignIns(server, token) as beside:
            time.sleep(1)
            loaded = tokens()
    for signed_in in (only, beside):
        if signed_in.failed:
            sys.exit(f"{len(signed_in.failed)} sign-ins failed: {signed_in.failed[0]}")
    p50 = sorted(only.times)[len(only.times) // 2]
    print(f"{engine} {alg}: {only.per_second:.1f} sign-ins/s, {1000 * cpu:.1f} ms of CPU each, p50 {p50:.2f} s with {WAITING} waiting")
    for name, run in [("alone", alone), (f"while {WAITING} sign-ins wait", loaded)]:
        rate = run["requests"] / run["seconds"]
        print(f"  /token {name}: {rate:.0f} req/s, p50 {run['p50_ms']:.1f} ms, p99 {run['p99_ms']:.1f} ms, {run['refused'] + run['broken']} bad")
    print(f"  p99 ratio {loaded['p99_ms'] / alone['p99_ms']:.2f}; {beside.per_second:.1f} sign-ins/s meanwhile")
