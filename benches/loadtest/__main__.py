"""The load benchmark. Started by ../run; prints a table and writes target/bench/result.json. Asserts nothing about time."""

import argparse
import itertools
import json
import os
import pathlib
import sys

import cases
import load
import openssl_speed
import postgres
import procfs
import report
import sign_ins
from server import Server, authorization

TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", "target"))


def arguments():
    parser = argparse.ArgumentParser(prog="benches/run", description=__doc__)
    parser.add_argument("--engine", choices=["sqlite", "postgres"], action="append", help="only this engine; may repeat")
    parser.add_argument("--alg", choices=list(openssl_speed.KEYS), action="append", help="only this algorithm; may repeat")
    parser.add_argument("--case", choices=cases.CASES, action="append", help="only this case; may repeat")
    parser.add_argument("--audit", choices=["before_response", "after_response"], action="append", help="only this commit")
    parser.add_argument("--revoked", type=int, action="append", help="tokens revoked before the start; may repeat (default 0)")
    parser.add_argument("--seconds", type=int, default=5, help="of load for each row (default 5)")
    parser.add_argument("--warm-up", type=int, default=2, help="seconds of load before it (default 2)")
    parser.add_argument("--tokens", type=int, default=20000, help="different subject tokens (default 20000)")
    parser.add_argument("--passwords", action="store_true", help="sign-ins with passwords alone, and beside tokens")
    parser.add_argument("--quick", action="store_true", help="2 s of load after 1 s, 3000 tokens: a look, not a measurement")
    parser.add_argument("--out", type=pathlib.Path, default=TARGET / "bench/result.json")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.seconds, chosen.warm_up, chosen.tokens = 2, 1, 3000
    return chosen


def measure(server, engine, case, chosen):
    """One row of the table."""
    header = f"Bearer {sign_ins.client_token(server)}" if case.api else authorization(case.client)
    file = server.directory / "bodies"

    def prepare():
        forms = case.bodies(server, header, chosen.tokens)
        if not case.chained:
            # A chain would lose its beginning by that.
            case.check(server, header, forms[0])
        file.write_text("\n".join(forms) + "\n")
        return forms

    def load_for(seconds):
        return load.run(f"{server.issuer}{case.path}", header, file, seconds, chained=case.chained)

    forms = prepare()
    warm = load_for(chosen.warm_up)
    forms = prepare() if case.chained else forms
    statements = postgres.Statements(server.database) if engine == "postgres" else None
    asked = statements.count() if statements else None
    own, database = procfs.cpu_seconds(server.process.pid), postgres.cpu_seconds() if statements else None
    run = load_for(chosen.seconds)
    own = procfs.cpu_seconds(server.process.pid) - own
    database = postgres.cpu_seconds() - database if database is not None else None
    rss = procfs.resident_mb(server.process.pid)
    asked = statements.count() - asked if statements else None
    case.check(server, header, case.bodies(server, header, 1)[0] if case.chained else forms[-1])

    def each(total, scale=1.0):
        return None if total is None else scale * total / max(run["requests"], 1)

    return {
        "requests_per_second": run["requests"] / run["seconds"],
        "p50_ms": run["p50_ms"],
        "p99_ms": run["p99_ms"],
        "max_ms": run["max_ms"],
        "cpu_us": each(own, 1e6),
        "postgres_cpu_us": each(database, 1e6),
        "statements_per_request": each(asked),
        "statement_unit": statements.unit if statements else None,
        "rss_mb": rss,
        "start_seconds": server.start_seconds,
        "bad": sum(one[kind] for one in (warm, run) for kind in ("refused", "broken")),
    }


def rows(chosen, speed):
    """Measures every chosen combination: one server for each engine, algorithm and audit setting."""
    servers = itertools.product(
        chosen.engine or ["sqlite", "postgres"],
        chosen.alg or list(openssl_speed.KEYS),
        chosen.audit or ["before_response", "after_response"],
        chosen.revoked or [0],
    )
    for engine, alg, audit, revoked in servers:
        with Server(engine, alg, audit, revoked) as server:
            for case in chosen.case or cases.DEFAULT:
                row = measure(server, engine, cases.CASES[case], chosen)
                row |= {"engine": engine, "alg": alg, "audit": audit, "revoked": revoked, "case": case}
                row["cpu_us_less_signature"] = row["cpu_us"] - speed[alg]["sign_cpu_us"]
                row["requests_per_signature"] = row["requests_per_second"] / speed[alg]["sign_per_second"]
                print(f"{engine} {alg} {audit} {revoked} revoked, {case}: {row['requests_per_second']:.0f} req/s", file=sys.stderr)
                yield row


def main():
    chosen = arguments()
    if chosen.passwords:
        for engine, alg in itertools.product(chosen.engine or ["sqlite", "postgres"], chosen.alg or ["ES256"]):
            sign_ins.measure(engine, alg, chosen.seconds, cases.CLIENT_CREDENTIALS)
        return
    speed = openssl_speed.measure(chosen.alg or openssl_speed.KEYS, 1 if chosen.quick else 3)
    measured = list(rows(chosen, speed))
    units = {row["statement_unit"] for row in measured} - {None}
    result = {
        "machine": {"cores": os.cpu_count(), "processor": procfs.processor()},
        "seconds": chosen.seconds,
        "warm_up": chosen.warm_up,
        "connections": load.CONNECTIONS,
        "statement_unit": " and ".join(sorted(units)) or "not counted on SQLite",
        "openssl": speed,
        "rows": measured,
    }
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_text(json.dumps(result, indent=1) + "\n")
    print(report.text(result))
    bad = sum(row["bad"] for row in measured)
    if bad:
        sys.exit(f"{bad} requests were refused or broken")


if __name__ == "__main__":
    main()
