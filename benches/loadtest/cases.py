"""The requests that are measured."""

import asyncio
import json
import urllib.error
import urllib.parse
import urllib.request

TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
COLLECTORS = 32

# For the subject tokens, and measured itself.
CLIENT_CREDENTIALS = urllib.parse.urlencode({"grant_type": "client_credentials", "audience": "bench-api", "scope": "read"})


def exchange(subject_token):
    """The form that exchanges a token for bench-api for one for down-api."""
    return urllib.parse.urlencode(
        {
            "grant_type": TOKEN_EXCHANGE,
            "subject_token": subject_token,
            "subject_token_type": ACCESS_TOKEN,
            "audience": "down-api",
            "scope": "read",
        }
    )


def bodies(case, server, authorization, count):
    """The forms of a case; for different subject tokens as many as wanted, for the others one."""
    if case == "client_credentials":
        return [CLIENT_CREDENTIALS]
    wanted = 1 if case == "exchange, same subject" else count
    tokens = asyncio.run(subject_tokens(server.port, authorization, wanted))
    if len(set(tokens)) != wanted:
        raise RuntimeError("the server handed out the same token twice")
    return [exchange(token) for token in tokens]


ALL = ["client_credentials", "exchange, same subject", "exchange, different subjects"]


async def subject_tokens(port, authorization, count):
    """That many tokens for bench-api, fetched over a few connections that stay open."""
    request = (
        f"POST /token HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: {authorization}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(CLIENT_CREDENTIALS)}\r\n\r\n"
        f"{CLIENT_CREDENTIALS}"
    ).encode()
    left = iter(range(count))
    tokens = []

    async def collect():
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in left:
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = int(head.split("content-length:", 1)[1].split("\r\n", 1)[0])
            answer = await reader.readexactly(length)
            if " 200 " not in head.split("\r\n", 1)[0]:
                raise RuntimeError(f"no subject token: {head}{answer.decode()}")
            tokens.append(json.loads(answer)["access_token"])
        writer.close()

    await asyncio.gather(*(collect() for _ in range(min(COLLECTORS, count))))
    return tokens


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
