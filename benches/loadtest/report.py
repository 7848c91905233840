"""Prints what was measured, as Markdown."""


def number(value, digits=0):
    """A number, or n/a where it cannot be measured."""
    return "n/a" if value is None else f"{value:,.{digits}f}".replace(",", " ")


COLUMNS = [
    ("engine", lambda row: row["engine"]),
    ("alg", lambda row: row["alg"]),
    ("case", lambda row: row["case"]),
    ("audit", lambda row: row["audit"]),
    ("revoked", lambda row: number(row["revoked"])),
    ("req/s", lambda row: number(row["requests_per_second"])),
    ("p50 ms", lambda row: number(row["p50_ms"], 1)),
    ("p99 ms", lambda row: number(row["p99_ms"], 1)),
    ("CPU µs/req", lambda row: number(row["cpu_us"])),
    ("less one signature", lambda row: number(row["cpu_us_less_signature"])),
    ("Postgres CPU µs/req", lambda row: number(row["postgres_cpu_us"])),
    ("req per signature", lambda row: number(row["requests_per_signature"], 2)),
    ("SQL/req", lambda row: number(row["statements_per_request"], 3)),
    ("start s", lambda row: number(row["start_seconds"], 1)),
    ("RSS MB", lambda row: number(row["rss_mb"])),
    ("bad", lambda row: number(row["bad"])),
]


def table(head, rows):
    """A Markdown table with aligned columns."""
    widths = [max(len(line[column]) for line in [head, *rows]) for column in range(len(head))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |" for line in [head, *rows]]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])


def text(result):
    """The whole report."""
    measured = table([name for name, _ in COLUMNS], [[cell(row) for _, cell in COLUMNS] for row in result["rows"]])
    head = ["openssl speed, all cores", "sign/s", "verify/s", "CPU µs per signature", "CPU µs per verification"]
    bound = table(
        head,
        [
            [alg, *(number(speed[key], digits) for key, digits in SPEED)]
            for alg, speed in result["openssl"].items()
        ],
    )
    machine = result["machine"]
    return (
        f"{machine['cores']} × {machine['processor']}; {result['seconds']} s each after {result['warm_up']} s; "
        f"{result['connections']} connections; the load generator runs on the same cores.\n\n{bound}\n\n{measured}\n\n"
        "CPU µs/req: of the server. Less one signature: what it takes beyond the signature that no server can save.\n"
        f"Revoked: tokens in the revocation set. Start: until the server is ready.\n"
        f"Req per signature: requests per second by what openssl signs per second. SQL/req: {result['statement_unit']}."
    )


SPEED = [("sign_per_second", 0), ("verify_per_second", 0), ("sign_cpu_us", 1), ("verify_cpu_us", 1)]
