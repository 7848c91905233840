"""Mails as a mail server of others' making gets them: a magic link and a link to set a new password with, both followed."""

import os
import pathlib
import secrets
import time
import urllib.parse

import demo
import requests

BACKEND = ("web-backend", os.environ["BACKEND_SECRET"])
MAILS = pathlib.Path(os.environ["INTEROP_MAILS"])
EMAIL = f"mails-{secrets.token_hex(4)}@mail.example"
FIRST, SECOND = "Marble-window-3-canoe", "Copper-lantern-8-thistle"
# Of the demo's client.
PAGE, RESET_PAGE = "http://localhost:3000/login/link", "http://localhost:3000/password/reset"

form = {"grant_type": "client_credentials", "audience": "userid-api"}
TOKEN = requests.post(demo.TOKEN_URL, auth=BACKEND, data=form, timeout=10).json()["access_token"]


def post(path, body, status=200):
    answer = requests.post(f"{demo.ISSUER}{path}", json=body, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=10)
    assert answer.status_code == status, f"{path}: {answer.status_code} {answer.text}"
    return answer.json()


def code_from_mail(path, body, page):
    """Asks for a mail, and gives the parameters of the link in it."""
    before = set(MAILS.glob("*.txt"))
    post(path, body)
    end = time.monotonic() + 20
    while time.monotonic() < end:
        for mail in set(MAILS.glob("*.txt")) - before:
            text = mail.read_text()
            if text.startswith(f"To: {EMAIL}\n"):
                link = next(word for word in text.split() if word.startswith(page))
                return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(link).query))
        time.sleep(0.1)
    raise AssertionError("there was no mail")


post("/v1/users", {"email": EMAIL, "credentials": {"password": FIRST, "force_replace": False}}, 201)
wanted = {"identifier_type": "email", "identifier": EMAIL, "redirect_uri": PAGE, "state": "/cart?a=1&b=ü"}
found = code_from_mail("/v1/auth/link/email/send", wanted, PAGE)
assert found["state"] == wanted["state"], found
assert "id_token" in post("/v1/auth/link/email/authenticate", {"code": found["code"]})
post("/v1/auth/link/email/authenticate", {"code": found["code"]}, 400)

# The link has verified the address.
found = code_from_mail("/v1/auth/password/reset/email/link", {"email": EMAIL, "redirect_uri": RESET_PAGE}, RESET_PAGE)
post("/v1/auth/password/reset", {"reset_token": found["code"], "new_password": SECOND})
login = {"username_type": "email", "username": EMAIL}
post("/v1/auth/password/authenticate", login | {"password": FIRST}, 400)
assert "id_token" in post("/v1/auth/password/authenticate", login | {"password": SECOND})
