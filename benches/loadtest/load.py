"""Runs wrk with our script."""

import json
import os
import pathlib
import re
import subprocess

SCRIPT = pathlib.Path(__file__).with_name("requests.lua")
CHAINS = pathlib.Path(__file__).with_name("chains.lua")
CONNECTIONS = 64
THREADS = 2


def run(url, authorization, bodies, seconds, chained=False):
    """One run over the bodies in a file; requests, seconds, refused, broken and the latencies. `chained`: each body is the
    beginning of a chain, and each answer has the refresh token of the next request."""
    script = CHAINS if chained else SCRIPT
    environment = os.environ | {"AUTHORIZATION": authorization, "BODIES": str(bodies), "THREADS": str(THREADS)}
    done = subprocess.run(
        ["wrk", f"-t{THREADS}", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s", "--latency", "-s", script, url],
        env=environment,
        capture_output=True,
        text=True,
        timeout=seconds + 60,
    )
    found = re.search(r"^RESULT (.*)$", done.stdout, re.M)
    if done.returncode != 0 or found is None:
        raise RuntimeError(f"wrk failed:\n{done.stdout}{done.stderr}")
    return json.loads(found[1])
