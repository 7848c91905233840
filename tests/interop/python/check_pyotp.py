"""PyOTP as the authenticator app: it reads our otpauth URI, and its codes sign the user in and approve a transaction."""

import base64
import json
import os
import time

import demo
import pyotp
import requests

BACKEND = ("web-backend", os.environ["BACKEND_SECRET"])
EMAIL = "pyotp@mail.example"


def call(path, body, token):
    answer = requests.post(f"{demo.ISSUER}{path}", json=body, headers={"Authorization": f"Bearer {token}"}, timeout=10)
    return answer.status_code, answer.json()


def good(path, body, token):
    status, answer = call(path, body, token)
    assert status in (200, 201), (path, status, answer)
    return answer


def fresh(totp, used):
    """A code of a step that was not used yet."""
    while totp.now() == used:
        time.sleep(1)
    return totp.now()


answer = requests.post(demo.TOKEN_URL, auth=BACKEND, data={"grant_type": "client_credentials", "audience": "userid-api"}, timeout=10)
answer.raise_for_status()
backend = answer.json()["access_token"]
user = {"identifier_type": "email", "identifier": EMAIL}
good("/v1/users", {"email": EMAIL}, backend)
passcode = good("/v1/auth/otp/send", user | {"channel": "direct"}, backend)["code"]
user_token = good("/v1/auth/otp/authenticate", user | {"passcode": passcode}, backend)["access_token"]

registered = good("/v1/auth/totp/register", {}, user_token)
totp = pyotp.parse_uri(registered["uri"])
assert (totp.name, totp.issuer, totp.secret) == (EMAIL, "Demo", registered["secret"]), registered["uri"]
assert (totp.digits, totp.interval) == (6, 30), registered["uri"]

code = totp.now()
good("/v1/auth/totp/authenticate", user | {"token": code}, backend)
status, refusal = call("/v1/auth/totp/authenticate", user | {"token": code}, backend)
assert (status, refusal["error_code"]) == (400, "auth_invalid_credentials"), refusal

approval = {"to": "Charles Babbage", "amount": "100.00"}
challenge = good("/v1/auth/totp/transaction/start", user | {"approval_data": approval}, backend)["challenge"]
token = challenge + fresh(totp, code)
tokens = good("/v1/auth/totp/transaction/authenticate", user | {"token": token}, backend)
payload = tokens["id_token"].split(".")[1]
claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
assert claims["approval_data"] == approval, claims
