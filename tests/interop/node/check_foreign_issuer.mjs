// Users of an OpenID provider that others wrote get tokens of ours: for its ID tokens, and for the JWT of a service.
// Its keys change meanwhile, and then it goes away.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as jose from 'jose';
import { OpenIdProvider } from './openid_provider.mjs';
import { ID_TOKEN, JWT, TOKEN_EXCHANGE, eventually, tessera, tokenRequest } from './tessera.mjs';

const WORKLOADS = 'https://tessera.example/workloads';
const [tenant, environment, application] = [randomUUID(), randomUUID(), randomUUID()];
const CLIENT = ['gateway', 'a-secret-of-the-gateway-with-more-than-32-characters'];

const people = {
  ada: { email: 'ada@example.com', email_verified: true, name: 'Ada Lovelace' },
  eve: { email: 'ada@example.com', email_verified: false, name: 'Eve' },
};
const provider = await OpenIdProvider.start({ people, clients: ['web-ui', 'somebody-else', 'nightly-job'] });

// An environment of its own beside the demo: issuer, keys and users are its own too.
const file = join(process.env.INTEROP_DIRECTORY, 'foreign.toml');
writeFileSync(file, `
[environment]
id = "${environment}"
name = "foreign issuer"
tenant = "interop"
tenant_id = "${tenant}"

[[resource_server]]
audience = "orders"
scopes = ["orders.read"]

[[client]]
id = "gateway"
grants = ["token_exchange"]
permissions = { ax-user-service = ["GENERATE_DELEGATED_ACCESS_TOKEN"] }
secret = "${CLIENT[1]}"

[[application]]
id = "${application}"
name = "web"
platform = "WEB"

[[identity_connection]]
name = "provider"
provider = "OIDC"
issuer = "${provider.issuer}"
jwks_uri = "${provider.jwksUri}"
audiences = ["web-ui", "${WORKLOADS}"]
algorithms = ["RS256"]

[[exchange_rule]]
name = "users of the provider read orders"
client = "gateway"
subject = { issuer = "provider" }
audience = ["orders"]
grant_scopes = ["orders.read"]
`);
tessera('apply', file);
const issuer = `${process.env.ISSUER}/${tenant}/${environment}`;
const metadata = `${issuer}/.well-known/oauth-authorization-server`;
await eventually('the environment is there', 10, async () => (await fetch(metadata)).status, (status) => status === 200);

const keys = jose.createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`));

function exchange(subject_token, subject_token_type, more = {}) {
  const form = { grant_type: TOKEN_EXCHANGE, subject_token, subject_token_type, application_id: application, ...more };
  return tokenRequest(issuer, CLIENT, form);
}

// The claims of the token of a good answer, as jose verifies it.
async function claims({ status, body }, audience = issuer) {
  assert.equal(status, 200, JSON.stringify(body));
  const expected = { issuer, audience, algorithms: ['RS256'], typ: 'at+jwt', requiredClaims: ['sub', 'exp', 'jti'] };
  return (await jose.jwtVerify(body.access_token, keys, expected)).payload;
}

function assertRefused(what, { status, body }) {
  assert.deepEqual([status, body.error], [400, 'invalid_request'], `${what}: ${JSON.stringify(body)}`);
  assert.equal(body.access_token, undefined);
}

try {
  // Somebody signs in twice: one user, with what the provider says of her.
  const first = await claims(await exchange(await provider.idToken('web-ui', 'ada'), ID_TOKEN));
  assert.deepEqual(
    [first.subjectType, first.applicationId, first.email, first.name, first.environmentId, first.tenantId],
    ['EndUserAccount', application, 'ada@example.com', 'Ada Lovelace', environment, tenant],
  );
  const second = await claims(await exchange(await provider.idToken('web-ui', 'ada'), ID_TOKEN));
  assert.deepEqual([second.sub, second.profileId], [first.sub, first.profileId]);
  assert.notEqual(second.sessionId, first.sessionId);

  // The e-mail address identifies nobody, and one that is not verified is not passed on.
  const other = await claims(await exchange(await provider.idToken('web-ui', 'eve'), ID_TOKEN));
  assert.notEqual(other.sub, first.sub);
  assert.equal(other.email, undefined);

  // A service with the JWT that its own provider gave it, and a right that a rule gives.
  const job = await provider.serviceToken('nightly-job', WORKLOADS);
  const form = { grant_type: TOKEN_EXCHANGE, subject_token: job, subject_token_type: JWT, audience: 'orders', scope: 'orders.read' };
  const workload = await claims(await tokenRequest(issuer, CLIENT, form), 'orders');
  assert.equal(workload.scope, 'orders.read');
  assert.ok(![first.sub, other.sub].includes(workload.sub));
  assert.equal(workload.act.sub, 'gateway');
  assert.equal(workload.subjectType, 'Workload');
  assert.equal(workload.applicationId, undefined);

  // Tokens for somebody else, tokens of the wrong kind, and tokens that somebody else signed.
  assertRefused('another audience', await exchange(await provider.idToken('somebody-else', 'ada'), ID_TOKEN));
  assertRefused('another resource', await exchange(await provider.serviceToken('nightly-job', 'https://other.example'), JWT));
  assertRefused('an access token as ID token', await exchange(job, ID_TOKEN));
  const { privateKey } = await jose.generateKeyPair('RS256');
  const forge = (header) => new jose.SignJWT({ email: 'ada@example.com' }).setProtectedHeader(header)
    .setIssuer(provider.issuer).setSubject('ada').setAudience('web-ui').setIssuedAt().setExpirationTime('5m').sign(privateKey);
  assertRefused('a forged signature', await exchange(await forge({ alg: 'RS256', kid: provider.kid }), ID_TOKEN));
  const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${job.split('.')[1]}.`;
  assertRefused('no signature', await exchange(unsigned, JWT));

  // The provider changes its key. One token of the old key was used before, the other one never.
  const unused = await provider.idToken('web-ui', 'ada');
  const used = await provider.idToken('web-ui', 'ada');
  await claims(await exchange(used, ID_TOKEN));
  await provider.rotate();
  const fresh = await provider.idToken('web-ui', 'ada');
  assert.notEqual(jose.decodeProtectedHeader(fresh).kid, jose.decodeProtectedHeader(used).kid);
  const seen = await eventually('the new key is seen', 30, () => exchange(fresh, ID_TOKEN), ({ status }) => status === 200);
  assert.equal((await claims(seen)).sub, first.sub);
  assertRefused('a token of the removed key', await exchange(unused, ID_TOKEN));
  assertRefused('a token of the removed key that was good before', await exchange(used, ID_TOKEN));

  // The provider is gone: its last keys are good still, and what they do not know is refused.
  const [last, stranger] = [await provider.idToken('web-ui', 'ada'), await forge({ alg: 'RS256', kid: 'unknown' })];
  await provider.stop();
  assert.equal((await claims(await exchange(last, ID_TOKEN))).sub, first.sub);
  const refused = await exchange(stranger, ID_TOKEN);
  assert.ok(refused.status >= 400 && !refused.body.access_token, JSON.stringify(refused));
  assert.equal((await claims(await exchange(last, ID_TOKEN))).sub, first.sub);
} finally {
  if (provider.server.listening) await provider.stop();
}
