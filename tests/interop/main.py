"""Runs every check against one server, says which passed, and exits 1 if one did not. Started by ./run."""

import base64
import json
import os
import pathlib
import re
import subprocess
import sys
import time
import tomllib
import traceback
import urllib.error
import urllib.request

import negative
import shell_lines
from server import REPOSITORY, Server, demo_secrets

HERE = pathlib.Path(__file__).parent


def client_environment(server):
    """What the Python and JavaScript checks are told about the server."""
    secrets = demo_secrets()
    return server.environment | {
        "ISSUER": server.issuer,
        "BFF_SECRET": secrets["bff"],
        "CALENDAR_SECRET": secrets["calendar-service"],
        "WEB_SECRET": secrets["web-backend"],
        "INTEROP_MAILS": str(server.mails.directory),
        "BACKEND_SECRET": secrets["web-backend"],
        "SUBJECT_TOKEN": server.run("demo-token"),
        "INTEROP_TESSERA": str(server.binary),
        "INTEROP_DIRECTORY": str(server.directory),
        # Authlib and oauthlib refuse plain HTTP otherwise, on loopback too.
        "AUTHLIB_INSECURE_TRANSPORT": "1",
    }


def program(environment, *command):
    """A check that is a program of its own: it fails by its exit code."""
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise RuntimeError(done.stdout + done.stderr)


def count(calls):
    """A note for the report."""
    return f"{len(calls)} curl calls"


def documented_lines(server, name, script):
    """A check of commands we show to users."""
    calls = shell_lines.run(server, script, server.directory / f"calls-{name}")
    if not calls:
        raise RuntimeError(f"there is no curl call in:\n{script}")
    for call in calls:
        shell_lines.judge(call)
    return calls


def operations(server, path):
    """The GraphQL operations that the server offers there."""
    query = "{ __schema { queryType { fields { name } } mutationType { fields { name } } } }"
    request = urllib.request.Request(
        f"{server.issuer}{path}", json.dumps({"query": query}).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        schema = json.load(answer)["data"]["__schema"]
    return {field["name"] for kind in schema.values() for field in kind["fields"]}


def mosaic_mapping(server):
    """The page that shows every operation beside its OAuth form: does it run, and is it every operation?"""
    page = (REPOSITORY / "docs/mosaic-mapping.md").read_text()
    calls = documented_lines(server, "mosaic", "\n".join(shell_lines.marked_blocks(page, "mosaic")))
    for path in ("/graphql", "/graphql-management"):
        sent = "\n".join(call["arguments"] for call in calls if f"{path}\n" in call["arguments"])
        missing = [name for name in sorted(operations(server, path)) if not re.search(rf"\b{name}\b", sent)]
        if missing:
            raise RuntimeError(f"the page calls no {', '.join(missing)} at {path}")
    both = [token_claims(call["body"]) for call in calls if re.search("generateDelegatedAccessToken|=kids", call["arguments"])]
    for name in ("sub", "profileId", "applicationId", "email", "name", "tenantId", "environmentId", "subjectType"):
        if len(both) != 2 or len({claims[name] for claims in both}) != 1:
            raise RuntimeError(f"the operation and the exchange differ in {name}:\n{both}")
    return calls


def token_claims(answer):
    """The claims of the first JWT in an answer."""
    payload = re.search(r"eyJ[\w-]*\.([\w-]+)\.", answer)[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=="))


def plain_issuer(server):
    """The issuer of an environment whose API takes tokens of the type `JWT`."""
    file = HERE / "plain_jwt.toml"
    block = tomllib.loads(file.read_text())["environment"]
    server.run("apply", file)
    issuer = f"{server.issuer}/{block['tenant_id']}/{block['id']}"
    end = time.monotonic() + 20
    while True:
        try:
            with urllib.request.urlopen(f"{issuer}/.well-known/openid-configuration", timeout=5):
                return issuer
        except urllib.error.URLError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def checks_in_go_and_java(server, environment):
    """Those that ./run has built: it says which it skipped."""
    go, java = os.environ.get("INTEROP_GO_CHECKS"), os.environ.get("INTEROP_JAVA_CHECKS")
    if go or java:
        environment = environment | {"PLAIN_ISSUER": plain_issuer(server)}
    if go:
        for file in sorted(pathlib.Path(go).glob("check_*")):
            yield f"go {file.name}", lambda file=file: program(environment, file)
    if java:
        classes = f"{java}/target/classes:{java}/lib/*"
        for file in sorted((HERE / "java/src").glob("Check*.java")):
            yield f"java {file.stem}", lambda file=file: program(environment, "java", "-cp", classes, file.stem)


def checks(server):
    """Every check, as (name, function)."""
    environment = client_environment(server)
    for file in sorted((HERE / "python").glob("check_*.py")):
        yield f"python {file.stem}", lambda file=file: program(environment, os.environ["INTEROP_PYTHON"], file)
    for file in sorted(pathlib.Path(os.environ["INTEROP_NODE_CHECKS"]).glob("check_*.mjs")):
        yield f"node {file.stem}", lambda file=file: program(environment, os.environ["INTEROP_NODE"], file)

    yield from checks_in_go_and_java(server, environment)

    printed = "\n".join(shell_lines.commands(server.printed()))
    yield "lines printed by quickstart", lambda: count(documented_lines(server, "quickstart", printed))
    # One script: later blocks use the variables of earlier ones, as a reader's shell does.
    readme = "\n".join(shell_lines.marked_blocks((REPOSITORY / "README.md").read_text(), "readme"))
    yield "lines of README.md", lambda: count(documented_lines(server, "readme", readme))
    for page in ("introspection", "revocation"):
        blocks = "\n".join(shell_lines.marked_blocks((REPOSITORY / f"docs/{page}.md").read_text(), page))
        yield f"lines of docs/{page}.md", lambda page=page, blocks=blocks: count(documented_lines(server, page, blocks))
    yield "lines of docs/mosaic-mapping.md", lambda: count(mosaic_mapping(server))

    credentials = f"bff:{demo_secrets()['bff']}"
    for refusal in negative.ALL:
        name = refusal.__name__.replace("_", " ")
        yield f"curl {name}", lambda refusal=refusal: refusal(f"{server.issuer}/token", credentials)


def main():
    failed = 0
    with Server(os.environ["TESSERA_BIN"]) as server:
        for name, check in checks(server):
            try:
                note = check()
                print(f"ok      {name}" + (f" ({note})" if note else ""), flush=True)
            except Exception as error:  # One failing check must not hide the others.
                failed += 1
                text = str(error) if isinstance(error, (RuntimeError, AssertionError)) else traceback.format_exc()
                print(f"FAILED  {name}\n{text}", flush=True)
        if failed:
            print(f"--- the server's log\n{server.log()}")
    if failed:
        sys.exit(f"interop: {failed} failed")
    print("interop: all passed")


if __name__ == "__main__":
    main()
