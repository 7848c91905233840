"""The requests that are measured."""

import asyncio
import functools
import json
import urllib.error
import urllib.parse
import urllib.request

from server import ENVIRONMENT, foreign_issuer

TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
JWT = "urn:ietf:params:oauth:token-type:jwt"
SUBJECT_ID = "urn:tessera:params:oauth:token-type:subject-id"
APPLICATION = ENVIRONMENT["application"][0]["id"]
COLLECTORS = 32
# Users who signed in elsewhere: far more than verified tokens are kept, far fewer than users.
USERS = 2000

# For the subject tokens, and measured itself.
CLIENT_CREDENTIALS = urllib.parse.urlencode({"grant_type": "client_credentials", "audience": "bench-api", "scope": "read"})
ALL = [
    "client_credentials",
    "exchange, same subject",
    "exchange, different subjects",
    "delegated token, known user",
    "foreign JWT exchange",
]


def exchange(subject_token, subject_token_type=ACCESS_TOKEN, **more):
    """The form of a token exchange."""
    form = {"grant_type": TOKEN_EXCHANGE, "subject_token": subject_token, "subject_token_type": subject_token_type}
    return urllib.parse.urlencode(form | more)


def exchange_for_down_api(subject_token, subject_token_type=ACCESS_TOKEN, **more):
    """The form that exchanges a token, ours or a foreign one, for one for down-api."""
    return exchange(subject_token, subject_token_type, audience="down-api", scope="read", **more)


def bodies(case, server, authorization, count):
    """The forms of a case. Users who signed in elsewhere have been here before: each has got a token once."""
    match case:
        case "client_credentials":
            return [CLIENT_CREDENTIALS]
        case "delegated token, known user":
            forms = [exchange(f"user-{number}", SUBJECT_ID, application_id=APPLICATION) for number in range(USERS)]
            asyncio.run(access_tokens(server.port, authorization, forms))
            return forms
        case "foreign JWT exchange":
            forms = [exchange_for_down_api(token, JWT, application_id=APPLICATION) for token in foreign_tokens()]
            asyncio.run(access_tokens(server.port, authorization, forms))
            return forms
        case _:
            wanted = 1 if case == "exchange, same subject" else count
            tokens = asyncio.run(access_tokens(server.port, authorization, [CLIENT_CREDENTIALS] * wanted))
            return [exchange_for_down_api(token) for token in tokens]


@functools.cache
def foreign_tokens():
    """A token of the foreign issuer for each user. Signing them takes seconds, so once is enough."""
    return foreign_issuer().tokens([f"user-{number}" for number in range(USERS)])


async def access_tokens(port, authorization, forms):
    """The answer to each form, in no order, fetched over a few connections that stay open."""
    left = iter(forms)
    tokens = []

    async def collect():
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for form in left:
            writer.write(post(port, authorization, form))
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = int(head.split("content-length:", 1)[1].split("\r\n", 1)[0])
            answer = await reader.readexactly(length)
            if " 200 " not in head.split("\r\n", 1)[0]:
                raise RuntimeError(f"no token: {head}{answer.decode()}")
            tokens.append(json.loads(answer)["access_token"])
        writer.close()

    await asyncio.gather(*(collect() for _ in range(min(COLLECTORS, len(forms)))))
    if len(set(tokens)) != len(forms):
        raise RuntimeError("the server handed out the same token twice")
    return tokens


def post(port, authorization, form):
    """A request, whole."""
    head = (
        f"POST /token HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: {authorization}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(form)}\r\n\r\n"
    )
    return f"{head}{form}".encode()


def check(server, authorization, body):
    """Raises unless one such request is answered with a token."""
    request = urllib.request.Request(f"{server.issuer}/token", body.encode(), {"Authorization": authorization})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            token = json.load(answer)["access_token"]
    except urllib.error.HTTPError as refusal:
        raise RuntimeError(f"{refusal.code} {refusal.read().decode()}") from None
    if token.count(".") != 2:
        raise RuntimeError("the access token is not a JWT")
