"""A foreign issuer: a key made for this run, and tokens signed with it."""

import base64
import concurrent.futures
import hashlib
import json
import os
import pathlib
import subprocess
import tempfile
import time

LIFETIME_SECONDS = 6 * 3600


def encoded(data):
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def openssl(*arguments, data=None):
    """What one openssl command writes."""
    return subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=True, timeout=60).stdout


class ForeignIssuer:
    """One RSA key, kept in memory but for the moment of signing."""

    def __init__(self, connection):
        """For an identity connection of the environment file."""
        self.connection = connection
        self.key = openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
        modulus = openssl("rsa", "-noout", "-modulus", data=self.key).decode().strip().split("=")[1]
        # openssl's exponent where nobody asks for another one.
        public = {"kty": "RSA", "n": encoded(bytes.fromhex(modulus)), "e": "AQAB"}
        thumbprint = hashlib.sha256(json.dumps(public, sort_keys=True, separators=(",", ":")).encode()).digest()
        self.jwk = public | {"kid": encoded(thumbprint), "use": "sig", "alg": "RS256"}

    def jwks(self):
        """Its key set, as a JSON text."""
        return json.dumps({"keys": [self.jwk]})

    def tokens(self, subjects):
        """One token for each subject. A process for each signature: the standard library cannot sign."""
        with tempfile.TemporaryDirectory(prefix="tessera-bench-") as directory:
            file = pathlib.Path(directory) / "key.pem"
            file.touch(mode=0o600)
            file.write_bytes(self.key)
            with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
                return list(pool.map(lambda subject: self._token(file, subject), subjects))

    def _token(self, key, subject):
        now = int(time.time())
        header = {"alg": "RS256", "typ": "JWT", "kid": self.jwk["kid"]}
        claims = {
            "iss": self.connection["issuer"],
            "sub": subject,
            "aud": self.connection["audiences"][0],
            "iat": now,
            "exp": now + LIFETIME_SECONDS,
        }
        signed = ".".join(encoded(json.dumps(part).encode()) for part in (header, claims))
        return f"{signed}.{encoded(openssl('dgst', '-sha256', '-sign', str(key), data=signed.encode()))}"
