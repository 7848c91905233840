"""Finds the commands we show to users and runs them as they are."""

import json
import re
import shlex
import subprocess

# A command worth running: curl itself, or a variable that a later curl uses.
START = re.compile(r"^(export\s+)?([A-Za-z_]\w*=(\$\(|`|\"|')|([A-Za-z_]\w*=\S*\s+)*curl\s)")


def marked_blocks(markdown, mark):
    """The ```sh blocks that follow `<!-- test:mark -->`, in order."""
    return re.findall(rf"<!-- test:{mark} -->\s*```(?:sh|bash|shell|console)\n(.*?)^```", markdown, re.S | re.M)


def commands(printed):
    """The commands in a text for people: a command may be indented, follow a `$ ` prompt, and go on after `\\` or inside quotes."""
    found, open_command = [], None
    for line in printed.splitlines():
        if open_command is None:
            text = re.sub(r"^\s*(\$\s+)?", "", line)
            if not START.match(text):
                continue
            open_command = text
        else:
            open_command += "\n" + line
        if complete(open_command):
            found.append(open_command)
            open_command = None
    if open_command is not None:
        raise RuntimeError(f"this command never ends:\n{open_command}")
    return found


def complete(command):
    """Whether a shell would run this now instead of asking for another line."""
    if command.rstrip(" ").endswith("\\"):
        return False
    try:
        shlex.split(command)
    except ValueError:
        return False
    return True


def run(server, script, record):
    """Runs a script against the server and returns its recorded curl calls as dicts: arguments, status, headers, body."""
    record.mkdir()
    # The documentation says the default port; the test may not have it.
    script = re.sub(r"http://(localhost|127\.0\.0\.1):8080", server.issuer, script)
    done = subprocess.run(
        ["bash", "-Eeu", "-o", "pipefail", "-c", f"trap 'printf \"%s\\n\" \"failed: $BASH_COMMAND\" >&2' ERR\n{script}"],
        cwd=server.directory,
        env=server.environment | {"CURL_RECORD": str(record)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    if done.returncode != 0:
        raise RuntimeError(f"exit code {done.returncode} from:\n{script}\n{done.stdout}{done.stderr}")
    return [call(directory) for directory in sorted(record.iterdir())]


def call(directory):
    """One recorded curl call. With several header blocks (100-continue, redirects) the last one counts."""
    blocks = (directory / "headers").read_text().strip().replace("\r\n", "\n").split("\n\n")
    head, *fields = blocks[-1].split("\n")
    body = (directory / "body").read_text() if (directory / "body").exists() else ""
    return {
        "arguments": (directory / "arguments").read_text(),
        "status": int(head.split()[1]),
        "headers": {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)},
        # `curl --include` puts the headers before the body.
        "body": body.replace("\r\n", "\n").split("\n\n", 1)[-1] if body.startswith("HTTP/") else body,
    }


# What an answer must have, by the path that was asked; the first that fits.
EXPECTED = [
    # A JWT.
    (r"token-introspection\+jwt", None),
    (r"/token\b.*token-exchange|token-exchange.*/token\b", ["access_token", "token_type", "expires_in", "issued_token_type"]),
    (r"/token\b", ["access_token", "token_type", "expires_in"]),
    (r"/introspect\b", ["active"]),
    (r"/jwks\.json", ["keys"]),
    (r"/\.well-known$", ["authGraphQlEndpoint", "accessManagementGraphQlEndpoint"]),
    (r"/\.well-known/(oauth-authorization-server|openid-configuration)", ["issuer", "token_endpoint", "jwks_uri"]),
    (r"/graphql", ["data"]),
]


def judge(recorded):
    """Raises unless the answer is 200 and has the members its endpoint promises."""
    where = recorded["arguments"].replace("\n", " ").strip()
    if recorded["status"] != 200:
        raise RuntimeError(f"{recorded['status']} from curl {where}\n{recorded['body']}")
    for pattern, members in EXPECTED:
        if re.search(pattern, where):
            if members is None:
                return
            answer = json.loads(recorded["body"])
            missing = [member for member in members if member not in answer]
            # A GraphQL operation that gave nothing says so by null.
            empty = [field for field, value in (answer.get("data") or {}).items() if value is None]
            if missing or empty or answer.get("errors"):
                raise RuntimeError(f"missing {missing + empty} in the answer to curl {where}\n{recorded['body']}")
            return
