"""The demo environment as the checks use it, and what every token from it must show."""

import os

import jwt

ISSUER = os.environ["ISSUER"]
TOKEN_URL = f"{ISSUER}/token"
BFF = ("bff", os.environ["BFF_SECRET"])
SUBJECT_TOKEN = os.environ["SUBJECT_TOKEN"]
TARGET = "resource-api"
# As a request and an answer say it; in this resource server's tokens it is an array.
SCOPE = "calendar.read"

TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"


def claims(token):
    """The claims of a token for the target, once PyJWT has verified signature, audience, issuer and times."""
    key = jwt.PyJWKClient(f"{ISSUER}/.well-known/jwks.json").get_signing_key_from_jwt(token)
    assert jwt.get_unverified_header(token)["typ"] == "at+jwt", "typ"
    required = ["iss", "sub", "aud", "exp", "iat", "jti", "client_id"]
    return jwt.decode(token, key, algorithms=["RS256"], audience=TARGET, issuer=ISSUER, options={"require": required})


def check_own_token(answer):
    """An answer to client_credentials: the client speaks for itself."""
    assert answer["token_type"].lower() == "bearer", answer
    assert answer["expires_in"] > 0, answer
    assert answer["scope"] == SCOPE, answer
    got = claims(answer["access_token"])
    assert got["client_id"] == "bff", got
    assert got["scope"] == [SCOPE], got
    assert "act" not in got, got


def check_exchanged_token(answer):
    """An answer to a token exchange: the user remains the subject, the client is named as the one who acts."""
    assert answer["issued_token_type"] == ACCESS_TOKEN, answer
    assert answer["token_type"].lower() == "bearer", answer
    assert answer["scope"] == SCOPE, answer
    subject = jwt.decode(SUBJECT_TOKEN, options={"verify_signature": False})
    got = claims(answer["access_token"])
    assert got["sub"] == subject["sub"], got
    assert got["client_id"] == "bff", got
    assert got["act"]["sub"] == "bff", got
    assert got["scope"] == [SCOPE], got
    assert got["exp"] <= subject["exp"], "outlives the subject token"
