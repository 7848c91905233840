"""Authlib's OAuth2Session refreshes tokens of an exchange, by hand and by itself; and is told when one was used twice."""

import os
import pathlib
import subprocess
import time
import uuid

from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
import demo
import jwt
import requests

TENANT, ENVIRONMENT, APPLICATION = (str(uuid.uuid4()) for _ in range(3))
CLIENT = ("gateway", "a-secret-of-the-gateway-with-more-than-32-characters")
ISSUER = f"{demo.ISSUER}/{TENANT}/{ENVIRONMENT}"
SUBJECT_ID = "urn:tessera:params:oauth:token-type:subject-id"

# An environment of its own beside the demo.
file = pathlib.Path(os.environ["INTEROP_DIRECTORY"]) / "refresh.toml"
file.write_text(f"""
[environment]
id = "{ENVIRONMENT}"
name = "refresh"
tenant = "authlib"
tenant_id = "{TENANT}"

[[resource_server]]
audience = "orders"
scopes = ["orders.read", "orders.write"]

[[client]]
id = "{CLIENT[0]}"
grants = ["token_exchange", "refresh_token"]
permissions = {{ ax-user-service = ["GENERATE_DELEGATED_ACCESS_TOKEN"] }}
secret = "{CLIENT[1]}"

[[application]]
id = "{APPLICATION}"
name = "web"
platform = "WEB"

[[identity_connection]]
name = "own"
provider = "DELEGATED"

[[exchange_rule]]
name = "users of the gateway"
client = "{CLIENT[0]}"
subject = {{ issuer = "own" }}
audience = ["orders"]
grant_scopes = ["orders.read", "orders.write"]
refresh = true
""")
subprocess.run([os.environ["INTEROP_TESSERA"], "apply", file], cwd=file.parent, check=True, capture_output=True)
# The server hears of it within a second.
end = time.monotonic() + 10
while requests.get(f"{ISSUER}/.well-known/oauth-authorization-server", timeout=5).status_code != 200:
    assert time.monotonic() < end, "the environment is not there"
    time.sleep(0.05)


def begin():
    """A session for a user who signed in at the gateway."""
    session = OAuth2Session(*CLIENT, token_endpoint=f"{ISSUER}/token")
    session.fetch_token(
        grant_type=demo.TOKEN_EXCHANGE,
        subject_token="ada",
        subject_token_type=SUBJECT_ID,
        application_id=APPLICATION,
        scope="orders.read orders.write",
        audience="orders",
    )
    return session


def claims(token):
    """The claims of a token, verified by PyJWT."""
    key = jwt.PyJWKClient(f"{ISSUER}/.well-known/jwks.json").get_signing_key_from_jwt(token)
    return jwt.decode(token, key, algorithms=["RS256"], audience="orders", issuer=ISSUER)


def refused(session, refresh_token):
    """What Authlib makes of a refusal."""
    try:
        session.refresh_token(refresh_token=refresh_token)
    except OAuthError as error:
        return error.error
    raise AssertionError("refreshed")


with begin() as session:
    used = [session.token["refresh_token"]]
    first = claims(session.token["access_token"])
    for _ in range(3):
        before = dict(session.token)
        session.refresh_token()
        assert session.token["refresh_token"] not in used, "it was not replaced"
        used.append(session.token["refresh_token"])
        got = claims(session.token["access_token"])
        assert got["jti"] != claims(before["access_token"])["jti"], got
        for name in ("sub", "act", "sid", "scope", "sessionId", "profileId"):
            assert got[name] == first[name], name

    # As it does when a request is about to be sent with a token that has expired.
    session.token["expires_at"] = 0
    session.ensure_active_token(session.token)
    assert session.token["refresh_token"] not in used and session.token["expires_at"] > 0, "not refreshed"

    assert refused(session, used[0]) == "invalid_grant", "a replay"
    assert refused(session, session.token["refresh_token"]) == "invalid_grant", "the session has ended"

with begin() as session:
    narrow = session.refresh_token(scope="orders.read")
    assert claims(narrow["access_token"])["scope"] == "orders.read", narrow
    assert session.refresh_token()["scope"] == "orders.read orders.write", "the refresh token was narrowed"
