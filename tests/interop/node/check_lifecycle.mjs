// oauth4webapi: introspection, plain and as a JWT whose signature it verifies, and revocation.
import assert from 'node:assert/strict';
import * as jose from 'jose';
import * as oauth from 'oauth4webapi';

const { ISSUER, BFF_SECRET, CALENDAR_SECRET, SUBJECT_TOKEN } = process.env;
const loopback = { [oauth.allowInsecureRequests]: true };
const bff = [{ client_id: 'bff' }, oauth.ClientSecretBasic(BFF_SECRET)];
const calendar = [{ client_id: 'calendar-service' }, oauth.ClientSecretPost(CALENDAR_SECRET)];

const found = await oauth.discoveryRequest(new URL(ISSUER), { algorithm: 'oauth2', ...loopback });
const server = await oauth.processDiscoveryResponse(new URL(ISSUER), found);
const [signingAlg] = server.introspection_signing_alg_values_supported;

async function exchange() {
  const parameters = {
    subject_token: SUBJECT_TOKEN,
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    audience: 'resource-api',
    scope: 'calendar.read',
  };
  const grant = 'urn:ietf:params:oauth:grant-type:token-exchange';
  const answer = await oauth.genericTokenEndpointRequest(server, ...bff, grant, parameters, loopback);
  return (await oauth.processGenericTokenEndpointResponse(server, bff[0], answer)).access_token;
}

async function introspect([client, authentication], token, signed) {
  const options = { ...loopback, requestJwtResponse: signed };
  const response = await oauth.introspectionRequest(server, client, authentication, token, options);
  const expected = signed ? 'application/token-introspection+jwt' : 'application/json';
  assert.equal(response.headers.get('content-type'), expected);
  // Of a JWT it checks type, issuer, audience and algorithm here, and the signature below.
  const introspectedBy = signed ? { ...client, introspection_signed_response_alg: signingAlg } : client;
  const said = await oauth.processIntrospectionResponse(server, introspectedBy, response);
  if (signed) await oauth.validateApplicationLevelSignature(server, response, loopback);
  return said;
}

const token = await exchange();
const sibling = await exchange();
for (const signed of [false, true]) {
  const said = await introspect(calendar, token, signed);
  const claims = jose.decodeJwt(token);
  assert.deepEqual([said.active, said.scope, said.token_type], [true, 'calendar.read', 'Bearer']);
  for (const name of ['iss', 'sub', 'aud', 'client_id', 'exp', 'iat', 'jti', 'act', 'anc']) {
    assert.deepEqual(said[name], claims[name], name);
  }
  assert.deepEqual(await introspect(calendar, SUBJECT_TOKEN, signed), { active: false });
}

// Not the client's own: refused, and still in force.
const refused = await oauth.revocationRequest(server, ...calendar, token, loopback);
await assert.rejects(oauth.processRevocationResponse(refused), { error: 'unauthorized_client', status: 400 });
assert.equal((await introspect(calendar, token, false)).active, true);

for (const revoked of [token, token, 'no token at all']) {
  const done = await oauth.revocationRequest(server, ...bff, revoked, loopback);
  assert.equal(await oauth.processRevocationResponse(done), undefined);
}
for (const signed of [false, true]) {
  assert.deepEqual(await introspect(calendar, token, signed), { active: false });
  assert.equal((await introspect(calendar, sibling, signed)).active, true);
}
