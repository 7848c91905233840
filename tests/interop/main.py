"""Runs every check against one server, says which passed, and exits 1 if one did not. Started by ./run."""

import os
import pathlib
import subprocess
import sys
import traceback

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
        "SUBJECT_TOKEN": server.run("demo-token"),
        "INTEROP_TESSERA": str(server.binary),
        "INTEROP_DIRECTORY": str(server.directory),
        # Authlib and oauthlib refuse plain HTTP otherwise, on loopback too.
        "AUTHLIB_INSECURE_TRANSPORT": "1",
    }


def program(environment, *command):
    """A check that is a program of its own: it fails by its exit code."""
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise RuntimeError(done.stdout + done.stderr)


def documented_lines(server, name, script):
    """A check of commands we show to users."""
    calls = shell_lines.run(server, script, server.directory / f"calls-{name}")
    if not calls:
        raise RuntimeError(f"there is no curl call in:\n{script}")
    for call in calls:
        shell_lines.judge(call)
    return f"{len(calls)} curl calls"


def checks(server):
    """Every check, as (name, function)."""
    environment = client_environment(server)
    for file in sorted((HERE / "python").glob("check_*.py")):
        yield f"python {file.stem}", lambda file=file: program(environment, os.environ["INTEROP_PYTHON"], file)
    for file in sorted(pathlib.Path(os.environ["INTEROP_NODE_CHECKS"]).glob("check_*.mjs")):
        yield f"node {file.stem}", lambda file=file: program(environment, os.environ["INTEROP_NODE"], file)

    printed = "\n".join(shell_lines.commands(server.printed()))
    yield "lines printed by quickstart", lambda: documented_lines(server, "quickstart", printed)
    # One script: later blocks use the variables of earlier ones, as a reader's shell does.
    readme = "\n".join(shell_lines.marked_blocks((REPOSITORY / "README.md").read_text()))
    yield "lines of README.md", lambda: documented_lines(server, "readme", readme)

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
