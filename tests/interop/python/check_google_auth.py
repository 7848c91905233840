"""google-auth's RFC 8693 client, with both ways to authenticate."""

import demo
from google.auth.transport.requests import Request
from google.oauth2 import sts, utils

for method in (utils.ClientAuthType.basic, utils.ClientAuthType.request_body):
    client = sts.Client(demo.TOKEN_URL, utils.ClientAuthentication(method, *demo.BFF))
    answer = client.exchange_token(
        Request(),
        demo.TOKEN_EXCHANGE,
        demo.SUBJECT_TOKEN,
        demo.ACCESS_TOKEN,
        audience=demo.TARGET,
        scopes=[demo.SCOPE],
        requested_token_type=demo.ACCESS_TOKEN,
    )
    demo.check_exchanged_token(answer)
