// People sign in at an OpenID provider that others wrote, and a web application gets tokens of ours for them: oauth4webapi with
// PKCE over the whole chain of redirects, and the backend behind it exchanges what the application got.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as jose from 'jose';
import * as oauth from 'oauth4webapi';
import { OpenIdProvider, SECRET, browse } from './openid_provider.mjs';
import { ACCESS_TOKEN, TOKEN_EXCHANGE, eventually, tessera, tokenRequest } from './tessera.mjs';

const [tenant, environment, application] = [randomUUID(), randomUUID(), randomUUID()];
const UI = ['web-ui', 'a-secret-of-the-web-ui-with-more-than-32-characters'];
const BFF = ['bff', 'a-secret-of-the-bff-with-more-than-32-characters'];
const BACK = 'https://app.example/signed-in';
const loopback = { [oauth.allowInsecureRequests]: true };
const issuer = `${process.env.ISSUER}/${tenant}/${environment}`;

const people = { ada: { email: 'ada@example.com', email_verified: true, name: 'Ada Lovelace' } };
const provider = await OpenIdProvider.start({ people, clients: ['tessera'], redirectUris: [`${issuer}/authorize/callback`] });

const file = join(process.env.INTEROP_DIRECTORY, 'sign-in.toml');
writeFileSync(file, `
[environment]
id = "${environment}"
name = "signing in"
tenant = "interop of sign-in"
tenant_id = "${tenant}"

[[resource_server]]
audience = "bff-api"
scopes = ["calendar.read"]
clients = ["bff"]

[[resource_server]]
audience = "resource-api"
scopes = ["calendar.edit"]

[[client]]
id = "web-ui"
grants = ["authorization_code"]
access = [{ audience = "bff-api", scopes = ["calendar.read"] }]
redirect_uris = ["${BACK}"]
application = "web"
secret = "${UI[1]}"

[[client]]
id = "bff"
grants = ["token_exchange"]
access = [{ audience = "resource-api", scopes = ["calendar.edit"] }]
secret = "${BFF[1]}"

[[application]]
id = "${application}"
name = "web"
platform = "WEB"

[[exchange_rule]]
name = "bff edits calendars"
client = "bff"
audience = ["resource-api"]
grant_scopes = ["calendar.edit"]

[[identity_connection]]
name = "provider"
provider = "OIDC"
issuer = "${provider.issuer}"
jwks_uri = "${provider.jwksUri}"
audiences = ["tessera"]
algorithms = ["RS256"]

[identity_connection.sign_in]
client_id = "tessera"
client_secret = "${SECRET}"
authorization_endpoint = "${provider.issuer}/auth"
token_endpoint = "${provider.issuer}/token"
scopes = ["email", "profile"]
iss_required = true
`);

try {
  tessera('apply', file);
  const metadata = `${issuer}/.well-known/oauth-authorization-server`;
  await eventually('the environment is there', 10, async () => (await fetch(metadata)).status, (status) => status === 200);
  const discovery = { algorithm: 'oauth2', ...loopback };
  const found = await oauth.discoveryRequest(new URL(issuer), discovery);
  const server = await oauth.processDiscoveryResponse(new URL(issuer), found);
  assert.ok(server.code_challenge_methods_supported.includes('S256'));
  const client = { client_id: UI[0] };
  const authentication = oauth.ClientSecretBasic(UI[1]);

  const signIn = async (more = {}) => {
    const [verifier, state, nonce] = [oauth.generateRandomCodeVerifier(), oauth.generateRandomState(), oauth.generateRandomNonce()];
    const url = new URL(server.authorization_endpoint);
    url.search = new URLSearchParams({
      ...client,
      state,
      nonce,
      response_type: 'code',
      redirect_uri: BACK,
      scope: 'openid profile email calendar.read',
      login_hint: 'ada',
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      ...more,
    });
    const back = await browse(url, BACK);
    return { back, verifier, state, nonce };
  };
  const redeem = (parameters, verifier) => oauth.authorizationCodeGrantRequest(
    server, client, authentication, parameters, BACK, verifier, loopback,
  );

  const { back, verifier, state, nonce } = await signIn();
  // Checks `state`, and `iss` because the metadata says that it is sent (RFC 9207).
  const parameters = oauth.validateAuthResponse(server, client, back, state);
  const answer = await redeem(parameters, verifier);
  const tokens = await oauth.processAuthorizationCodeResponse(server, client, answer, { expectedNonce: nonce, requireIdToken: true });
  const keys = jose.createRemoteJWKSet(new URL(server.jwks_uri));
  const idToken = (await jose.jwtVerify(tokens.id_token, keys, { issuer, audience: UI[0], typ: 'JWT' })).payload;
  const access = (await jose.jwtVerify(tokens.access_token, keys, { issuer, audience: 'bff-api', typ: 'at+jwt' })).payload;
  assert.deepEqual([idToken.sub, idToken.name, idToken.email], [access.sub, 'Ada Lovelace', 'ada@example.com']);
  assert.equal(access.applicationId, application);
  assert.equal(access.scope, 'calendar.read');

  // The backend behind the user interface.
  const form = {
    grant_type: TOKEN_EXCHANGE, subject_token: tokens.access_token, subject_token_type: ACCESS_TOKEN, scope: 'calendar.edit',
  };
  const exchanged = await tokenRequest(issuer, BFF, form);
  assert.equal(exchanged.status, 200, JSON.stringify(exchanged.body));
  const derived = (await jose.jwtVerify(exchanged.body.access_token, keys, { issuer, audience: 'resource-api' })).payload;
  assert.deepEqual([derived.sub, derived.act.sub], [access.sub, 'bff']);

  // The same code again, and what the first use gave is dead.
  await assert.rejects(
    async () => oauth.processAuthorizationCodeResponse(server, client, await redeem(parameters, verifier), { expectedNonce: nonce }),
    (error) => error.error === 'invalid_grant',
  );
  assert.equal((await tokenRequest(issuer, BFF, form)).status, 400);

  // Another verifier, and a request without PKCE.
  const second = await signIn();
  const stolen = oauth.validateAuthResponse(server, client, second.back, second.state);
  await assert.rejects(
    async () => oauth.processAuthorizationCodeResponse(server, client, await redeem(stolen, oauth.generateRandomCodeVerifier())),
    (error) => error.error === 'invalid_grant',
  );
  const plain = await signIn({ code_challenge_method: 'plain' });
  assert.throws(
    () => oauth.validateAuthResponse(server, client, plain.back, plain.state),
    (error) => error.error === 'invalid_request',
  );
} finally {
  if (provider.server.listening) await provider.stop();
}
