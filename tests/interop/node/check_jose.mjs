// jose verifies what Tessera signs, and refuses it for another audience.
import assert from 'node:assert/strict';
import * as jose from 'jose';

const { ISSUER, BFF_SECRET } = process.env;

const response = await fetch(`${ISSUER}/token`, {
  method: 'POST',
  headers: { authorization: `Basic ${Buffer.from(`bff:${BFF_SECRET}`).toString('base64')}` },
  body: new URLSearchParams({ grant_type: 'client_credentials', audience: 'resource-api', scope: 'calendar.read' }),
});
assert.equal(response.status, 200);
const { access_token: token } = await response.json();

const keys = jose.createRemoteJWKSet(new URL(`${ISSUER}/.well-known/jwks.json`));
const expected = { issuer: ISSUER, typ: 'at+jwt', algorithms: ['RS256'], requiredClaims: ['sub', 'exp', 'jti'] };
const { payload } = await jose.jwtVerify(token, keys, { ...expected, audience: 'resource-api' });
// This resource server wants its scopes as an array.
assert.deepEqual(payload.scope, ['calendar.read']);
await assert.rejects(
  jose.jwtVerify(token, keys, { ...expected, audience: 'reports-api' }),
  { code: 'ERR_JWT_CLAIM_VALIDATION_FAILED', claim: 'aud' },
);
