"""The requests that are measured."""

import asyncio
import dataclasses
import functools
import itertools
import json
import urllib.error
import urllib.parse
import urllib.request

import sign_ins
from server import ENVIRONMENT, foreign_issuer

TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
JWT = "urn:ietf:params:oauth:token-type:jwt"
SUBJECT_ID = "urn:tessera:params:oauth:token-type:subject-id"
APPLICATION = ENVIRONMENT["application"][0]["id"]
COLLECTORS = 32
# Users who signed in elsewhere: far more than verified tokens are kept, far fewer than users.
USERS = 2000

# Chains of refresh tokens: more than there are connections, so that an answer on its way stops nobody.
CHAINS = 256

# Users who are signed in behind a backend: more than there are connections, so that no session is used by two at once.
SIGNED_IN = 128

# For the subject tokens, and measured itself.
CLIENT_CREDENTIALS = urllib.parse.urlencode({"grant_type": "client_credentials", "audience": "bench-api", "scope": "read"})


@dataclasses.dataclass(frozen=True)
class Case:
    """What is asked, and by whom."""

    name: str
    # The forms: of the server, the Authorization header, and how many different ones are wanted.
    bodies: callable
    path: str = "/token"
    client: str = "bench"
    # Each answer holds what the next request of its chain is made of.
    chained: bool = False
    # JSON for the API of backends, with the backend's own token.
    api: bool = False

    def check(self, server, authorization, body):
        """Raises unless one such request gets the answer that is measured."""
        kind = "application/json" if self.api else "application/x-www-form-urlencoded"
        headers = {"Authorization": authorization, "Content-Type": kind}
        request = urllib.request.Request(f"{server.issuer}{self.path}", body.encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                answer = json.load(response)
        except urllib.error.HTTPError as refusal:
            raise RuntimeError(f"{refusal.code} {refusal.read().decode()}") from None
        if self.path == "/introspect":
            if answer.get("active") is not True:
                raise RuntimeError("the token is not active")
        elif answer["access_token"].count(".") != 2:
            raise RuntimeError("the access token is not a JWT")
        elif self.chained and "refresh_token" not in answer:
            raise RuntimeError("the answer has no refresh token")


def exchange(subject_token, subject_token_type=ACCESS_TOKEN, **more):
    """The form of a token exchange."""
    form = {"grant_type": TOKEN_EXCHANGE, "subject_token": subject_token, "subject_token_type": subject_token_type}
    return urllib.parse.urlencode(form | more)


def exchange_for_down_api(subject_token, subject_token_type=ACCESS_TOKEN, **more):
    """The form that exchanges a token, ours or a foreign one, for one for down-api."""
    return exchange(subject_token, subject_token_type, audience="down-api", scope="read", **more)


def subject_tokens(server, authorization, count):
    """Tokens of the benchmark's client for itself."""
    return asyncio.run(access_tokens(server.port, authorization, [CLIENT_CREDENTIALS] * count))


def exchanges(server, authorization, count):
    """Of different subject tokens."""
    return [exchange_for_down_api(token) for token in subject_tokens(server, authorization, count)]


def delegations(server, authorization, _count):
    """Of users who have been here before: each has got a token once."""
    forms = [exchange(f"user-{number}", SUBJECT_ID, application_id=APPLICATION) for number in range(USERS)]
    asyncio.run(access_tokens(server.port, authorization, forms))
    return forms


def foreign_exchanges(server, authorization, _count):
    """The same of a foreign issuer's users."""
    forms = [exchange_for_down_api(token, JWT, application_id=APPLICATION) for token in foreign_tokens()]
    asyncio.run(access_tokens(server.port, authorization, forms))
    return forms


def introspections(server, authorization, count):
    """Of active tokens. The client is the resource server that they are for."""
    return [urllib.parse.urlencode({"token": token}) for token in subject_tokens(server, authorization, count)]


def refreshes(server, authorization, _count):
    """The beginning of each chain: the refresh token of a user of its own. Good for one run, which uses it up."""
    begun = next(RUNS)
    users = (f"user-{begun}-{number}" for number in range(CHAINS))
    forms = [exchange_for_down_api(user, SUBJECT_ID, application_id=APPLICATION) for user in users]
    tokens = [answer["refresh_token"] for answer in asyncio.run(answers(server.port, authorization, forms))]
    return [refresh(token) for token in tokens]


def refresh(token):
    """The form of a refresh."""
    return urllib.parse.urlencode({"grant_type": "refresh_token", "refresh_token": token})


def login_refreshes(server, _authorization, _count):
    """The same of users who are signed in behind a backend; each answer has an ID token as well."""
    return [refresh(tokens["refresh_token"]) for tokens in sign_ins.signed_in(server, SIGNED_IN)]


def session_authentications(server, _authorization, _count):
    """Of the same users, by the session alone."""
    return [json.dumps({"session_id": tokens["session_id"]}) for tokens in sign_ins.signed_in(server, SIGNED_IN)]


RUNS = itertools.count()
CASES = {
    case.name: case
    for case in [
        Case("client_credentials", lambda *_: [CLIENT_CREDENTIALS]),
        Case("exchange, same subject", lambda server, header, _: exchanges(server, header, 1)),
        Case("exchange, different subjects", exchanges),
        Case("delegated token, known user", delegations),
        Case("foreign JWT exchange", foreign_exchanges),
        Case("introspection, same token", lambda server, header, _: introspections(server, header, 1), "/introspect"),
        Case("introspection, different tokens", introspections, "/introspect"),
        Case("refresh", refreshes, client="bench-refresh", chained=True),
        Case("refresh of a sign-in", login_refreshes, client=sign_ins.BACKEND, chained=True),
        Case("session authentication", session_authentications, "/v1/auth/session/authenticate", api=True),
    ]
}
DEFAULT = list(CASES)


@functools.cache
def foreign_tokens():
    """A token of the foreign issuer for each user. Signing them takes seconds, so once is enough."""
    return foreign_issuer().tokens([f"user-{number}" for number in range(USERS)])


async def access_tokens(port, authorization, forms):
    """The access token for each form, in no order."""
    tokens = [answer["access_token"] for answer in await answers(port, authorization, forms)]
    if len(set(tokens)) != len(forms):
        raise RuntimeError("the server handed out the same token twice")
    return tokens


async def answers(port, authorization, forms):
    """The answer to each form, in no order, fetched over a few connections that stay open."""
    left = iter(forms)
    found = []

    async def collect():
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for form in left:
            writer.write(post(port, authorization, form))
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = int(head.split("content-length:", 1)[1].split("\r\n", 1)[0])
            answer = await reader.readexactly(length)
            if " 200 " not in head.split("\r\n", 1)[0]:
                raise RuntimeError(f"no token: {head}{answer.decode()}")
            found.append(json.loads(answer))
        writer.close()

    await asyncio.gather(*(collect() for _ in range(min(COLLECTORS, len(forms)))))
    return found


def post(port, authorization, form):
    """A request, whole."""
    head = (
        f"POST /token HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: {authorization}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(form)}\r\n\r\n"
    )
    return f"{head}{form}".encode()
