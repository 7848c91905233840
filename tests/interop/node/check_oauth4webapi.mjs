// oauth4webapi: RFC 8414 discovery, client credentials, and token exchange by its generic token request.
import assert from 'node:assert/strict';
import * as jose from 'jose';
import * as oauth from 'oauth4webapi';

const { ISSUER, BFF_SECRET, CALENDAR_SECRET, SUBJECT_TOKEN } = process.env;
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const loopback = { [oauth.allowInsecureRequests]: true };
const target = { audience: 'resource-api', scope: 'calendar.read' };
const client = { client_id: 'bff' };

const issuer = new URL(ISSUER);
for (const algorithm of ['oauth2', 'oidc']) {
  const found = await oauth.discoveryRequest(issuer, { algorithm, ...loopback });
  await oauth.processDiscoveryResponse(issuer, found);
}
const found = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...loopback });
const server = await oauth.processDiscoveryResponse(issuer, found);
for (const grant of ['client_credentials', TOKEN_EXCHANGE]) {
  assert.ok(server.grant_types_supported.includes(grant), `${grant} is not in the metadata`);
}

for (const authenticate of [oauth.ClientSecretBasic(BFF_SECRET), oauth.ClientSecretPost(BFF_SECRET)]) {
  const response = await oauth.clientCredentialsGrantRequest(server, client, authenticate, target, loopback);
  const own = await oauth.processClientCredentialsResponse(server, client, response);
  assert.equal(jose.decodeJwt(own.access_token).client_id, 'bff');

  const parameters = { ...target, subject_token: SUBJECT_TOKEN, subject_token_type: ACCESS_TOKEN };
  const answer = await oauth.genericTokenEndpointRequest(
    server, client, authenticate, TOKEN_EXCHANGE, parameters, loopback,
  );
  const exchanged = await oauth.processGenericTokenEndpointResponse(server, client, answer);
  assert.equal(exchanged.issued_token_type, ACCESS_TOKEN);
  assert.equal(exchanged.scope, 'calendar.read');

  const claims = jose.decodeJwt(exchanged.access_token);
  assert.equal(claims.sub, jose.decodeJwt(SUBJECT_TOKEN).sub);
  assert.equal(claims.act.sub, 'bff');
  assert.deepEqual([claims.aud].flat(), ['resource-api']);
  await passOn(exchanged.access_token);
}

// The resource server exchanges what it was sent in its turn, and both stay visible: the latest party outermost.
async function passOn(subject_token) {
  const service = { client_id: 'calendar-service' };
  const parameters = { subject_token, subject_token_type: ACCESS_TOKEN, audience: 'reports-api', scope: 'reports.read' };
  const answer = await oauth.genericTokenEndpointRequest(
    server, service, oauth.ClientSecretBasic(CALENDAR_SECRET), TOKEN_EXCHANGE, parameters, loopback,
  );
  const exchanged = await oauth.processGenericTokenEndpointResponse(server, service, answer);
  const claims = jose.decodeJwt(exchanged.access_token);
  assert.equal(claims.sub, jose.decodeJwt(SUBJECT_TOKEN).sub);
  assert.equal(claims.act.sub, 'calendar-service');
  assert.equal(claims.act.act.sub, 'bff');
}
