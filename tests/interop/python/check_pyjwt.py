"""PyJWT refuses what it should: a token for somebody else, and one with a changed signature."""

import demo
import jwt
import requests

answer = requests.post(
    demo.TOKEN_URL,
    auth=demo.BFF,
    data={"grant_type": "client_credentials", "scope": demo.SCOPE, "audience": demo.TARGET},
    timeout=10,
)
answer.raise_for_status()
token = answer.json()["access_token"]
demo.check_own_token(answer.json())

key = jwt.PyJWKClient(f"{demo.ISSUER}/.well-known/jwks.json").get_signing_key_from_jwt(token)
head, body, signature = token.split(".")
# The first character: the last one of a base64url text may hold bits that do not count.
forged = f"{head}.{body}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"
for bad, audience, refusal in (
    (token, "reports-api", jwt.InvalidAudienceError),
    (forged, demo.TARGET, jwt.InvalidSignatureError),
):
    try:
        jwt.decode(bad, key, algorithms=["RS256"], audience=audience, issuer=demo.ISSUER)
    except refusal:
        continue
    raise AssertionError(f"{refusal.__name__} was not raised")
