"""Refusals, as curl sees them."""

import json
import subprocess


def curl(url, *arguments):
    """Status, headers and body of one call."""
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--max-time", "10", "--include", *arguments, url],
        capture_output=True,
        text=True,
        check=True,
    )
    head, _, body = done.stdout.replace("\r\n", "\n").partition("\n\n")
    status, *fields = head.split("\n")
    headers = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
    return int(status.split()[1]), headers, body


def expect(what, got, wanted):
    """Raises unless they are equal."""
    if got != wanted:
        raise AssertionError(f"{what}: got {got!r}, wanted {wanted!r}")


def wrong_secret_is_401_with_a_challenge(token_url, _):
    status, headers, body = curl(token_url, "--user", "bff:not-the-secret-of-anybody-at-all-0", "--data", "grant_type=client_credentials")
    expect("status", status, 401)
    expect("error", json.loads(body)["error"], "invalid_client")
    expect("challenge", headers.get("www-authenticate", "").split(" ")[0], "Basic")
    expect("caching", headers.get("cache-control"), "no-store")


def get_is_405_and_names_post(token_url, _):
    status, headers, _ = curl(token_url)
    expect("status", status, 405)
    expect("allow", headers.get("allow"), "POST")


def a_json_body_is_refused(token_url, credentials):
    body = json.dumps({"grant_type": "client_credentials"})
    status, _, answer = curl(token_url, "--user", credentials, "--header", "Content-Type: application/json", "--data", body)
    expect("status", status, 400)
    expect("error", json.loads(answer)["error"], "invalid_request")


def a_repeated_parameter_is_refused(token_url, credentials):
    form = "grant_type=client_credentials&scope=calendar.read&scope=calendar.read"
    status, _, answer = curl(token_url, "--user", credentials, "--data", form)
    expect("status", status, 400)
    expect("error", json.loads(answer)["error"], "invalid_request")


def credentials_in_the_query_are_not_read(token_url, credentials):
    client, secret = credentials.split(":", 1)
    query = f"?client_id={client}&client_secret={secret}"
    status, _, answer = curl(token_url + query, "--data", "grant_type=client_credentials")
    expect("refused", status in (400, 401), True)
    expect("token", "access_token" in json.loads(answer), False)


ALL = [
    wrong_secret_is_401_with_a_challenge,
    get_is_405_and_names_post,
    a_json_body_is_refused,
    a_repeated_parameter_is_refused,
    credentials_in_the_query_are_not_read,
]
