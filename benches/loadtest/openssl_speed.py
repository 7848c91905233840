"""What `openssl speed` reaches on this machine, all cores: the bound that no server can pass."""

import os
import re
import subprocess

KEYS = {"RS256": ("rsa2048", r"^rsa 2048 bits"), "ES256": ("ecdsap256", r"^\s*256 bits ecdsa")}


def measure(algorithms, seconds):
    """By algorithm: sign and verify per second on all cores, and the CPU µs that one of each takes."""
    cores = os.cpu_count()
    found = {}
    for algorithm in algorithms:
        name, line = KEYS[algorithm]
        done = subprocess.run(
            ["openssl", "speed", "-seconds", str(seconds), "-multi", str(cores), name],
            capture_output=True,
            text=True,
            timeout=120,
        )
        match = re.search(line + r".*?([\d.]+)\s+([\d.]+)\s*$", done.stdout, re.M)
        if match is None:
            raise RuntimeError(f"openssl speed {name} printed nothing known:\n{done.stdout}{done.stderr}")
        sign, verify = float(match[1]), float(match[2])
        found[algorithm] = {
            "sign_per_second": sign,
            "verify_per_second": verify,
            "sign_cpu_us": cores * 1e6 / sign,
            "verify_cpu_us": cores * 1e6 / verify,
        }
    return found
