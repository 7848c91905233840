"""Authlib's OAuth2Session: introspection and revocation."""

from authlib.integrations.requests_client import OAuth2Session
import demo

for method in ("client_secret_basic", "client_secret_post"):
    with OAuth2Session(
        *demo.BFF, token_endpoint_auth_method=method, revocation_endpoint_auth_method=method
    ) as session:
        token = session.fetch_token(demo.TOKEN_URL, grant_type="client_credentials", scope=demo.SCOPE)["access_token"]
        said = session.introspect_token(f"{demo.ISSUER}/introspect", token=token, token_type_hint="access_token").json()
        assert said["active"] is True and said["client_id"] == "bff", said
        assert said["scope"] == demo.SCOPE, said
        answer = session.revoke_token(f"{demo.ISSUER}/revoke", token=token, token_type_hint="access_token")
        assert answer.status_code == 200 and answer.text == "", answer.text
        said = session.introspect_token(f"{demo.ISSUER}/introspect", token=token).json()
        assert said == {"active": False}, said
