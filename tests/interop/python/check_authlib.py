"""Authlib's OAuth2Session: client_credentials with both ways to authenticate, and token exchange."""

from authlib.integrations.requests_client import OAuth2Session
import demo

for method in ("client_secret_basic", "client_secret_post"):
    with OAuth2Session(*demo.BFF, token_endpoint_auth_method=method) as session:
        own = session.fetch_token(
            demo.TOKEN_URL, grant_type="client_credentials", scope=demo.SCOPE, audience=demo.TARGET
        )
        demo.check_own_token(own)
        exchanged = session.fetch_token(
            demo.TOKEN_URL,
            grant_type=demo.TOKEN_EXCHANGE,
            subject_token=demo.SUBJECT_TOKEN,
            subject_token_type=demo.ACCESS_TOKEN,
            audience=demo.TARGET,
            scope=demo.SCOPE,
        )
        demo.check_exchanged_token(exchanged)
