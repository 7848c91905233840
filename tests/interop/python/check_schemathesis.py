"""Schemathesis holds the server against its own OpenAPI document: as a backend, as a user, and as nobody."""

import os
import pathlib
import subprocess
import sys

import demo
import requests

BACKEND = ("web-backend", os.environ["BACKEND_SECRET"])
EMAIL = "schemathesis@mail.example"
# Requests that are tried until it is over, for each of the three.
SECONDS = 25
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


def post(path, body, token):
    answer = requests.post(f"{demo.ISSUER}{path}", json=body, headers={"Authorization": f"Bearer {token}"}, timeout=10)
    answer.raise_for_status()
    return answer.json()


def tokens():
    """A backend's token, and that of a user who signed in behind it."""
    form = {"grant_type": "client_credentials", "audience": "userid-api"}
    answer = requests.post(demo.TOKEN_URL, auth=BACKEND, data=form, timeout=10)
    answer.raise_for_status()
    backend = answer.json()["access_token"]
    user = {"identifier_type": "email", "identifier": EMAIL}
    post("/v1/users", {"email": EMAIL}, backend)
    passcode = post("/v1/auth/otp/send", user | {"channel": "direct"}, backend)["code"]
    return backend, post("/v1/auth/otp/authenticate", user | {"passcode": passcode}, backend)["access_token"]


def run(token):
    program = pathlib.Path(sys.executable).parent / "schemathesis"
    header = ["--header", f"Authorization: Bearer {token}"] if token else []
    command = [program, "run", f"{demo.ISSUER}/v1/openapi.json", *header, "--checks", CHECKS, "--seed", "1", "--no-color",
               "--max-time", str(SECONDS), "--suppress-health-check", "all", "--warnings", "off"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=os.environ["INTEROP_DIRECTORY"], timeout=110)
    if done.returncode != 0:
        sys.exit(done.stdout[-12000:] + done.stderr[-2000:])


for token in (*tokens(), None):
    run(token)
