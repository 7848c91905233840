// A service of the platform, unchanged: it finds the endpoints, announces its permissions, gets its token, has users vouched
// for, and guards itself. The operations are those of the contract, sent as the platform's own clients send them.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import * as jose from 'jose';
import { Guard, isAllowed } from './mosaic_guard.mjs';
import { eventually, graphql, tessera } from './tessera.mjs';

const base = process.env.ISSUER;
const VOUCH = 'GENERATE_DELEGATED_ACCESS_TOKEN';
// The application of the demo environment.
const APPLICATION = '6f4b1a5e-0d3c-4b7e-9a21-5c8d7e6f4a3b';

const AUTHENTICATE = `mutation AuthenticateServiceAccount($input: AuthenticateServiceAccountInput!) {
  authenticateServiceAccount(input: $input) { accessToken expiresInSeconds tokenType __typename }
}`;
const DELEGATE = `mutation GenerateDelegatedAccessToken($input: GenerateDelegatedAccessTokenInput!) {
  generateDelegatedAccessToken(input: $input) { accessToken tokenType expiresInSeconds payload __typename }
}`;
const SYNCHRONIZE = `mutation SynchronizePermissions($input: SynchronizePermissionsInput!) {
  synchronizePermissions(input: $input) { added removed __typename }
}`;
const PURGE = `mutation PurgePermissions($input: PurgePermissionsInput!) {
  purgePermissions(input: $input) { purged __typename }
}`;
const ENABLED = 'query EnabledManagedServices { enabledManagedServices { name serviceId __typename } }';

const response = await fetch(`${base}/.well-known`);
const { authGraphQlEndpoint: auth, accessManagementGraphQlEndpoint: access } = await response.json();
assert.deepEqual([auth, new URL(access).origin], [`${base}/graphql`, base]);
const management = `${base}/graphql-management`;
const guard = new Guard(base);

// One field of a good answer.
async function call(url, operation, query, input, token) {
  const name = operation[0].toUpperCase() + operation.slice(1);
  const { status, body } = await graphql(url, name, query, input && { input }, token);
  assert.equal(status, 200, JSON.stringify(body));
  assert.equal(body.errors, undefined, JSON.stringify(body.errors));
  const payload = body.data[operation];
  if (input) assert.equal(payload.__typename, `${name}Payload`);
  return payload;
}

// The one error of an answer, in the platform's shape.
async function refusal(url, operation, query, input, token) {
  const name = operation[0].toUpperCase() + operation.slice(1);
  const { status, body } = await graphql(url, name, query, { input }, token);
  assert.equal(body.errors?.length, 1, JSON.stringify(body));
  const [error] = body.errors;
  assert.ok(error.message && !Number.isNaN(Date.parse(error.timestamp)), JSON.stringify(error));
  assert.ok(!('extensions' in error), 'the code stands beside the message');
  return { status, code: error.code };
}

const authenticate = (clientId, clientSecret) => (
  call(auth, 'authenticateServiceAccount', AUTHENTICATE, { clientId, clientSecret })
);

// The service account of the service: who announces permissions.
const service = `catalog-${randomUUID().slice(0, 8)}`;
const created = tessera('service-account', 'create', service, '--permission', 'ax-id-service:PERMISSIONS_SYNCHRONIZE');
const [, secret] = /client_secret=(\S+)/.exec(created);
const own = await eventually(
  'the service account is known', 10,
  () => graphql(auth, 'AuthenticateServiceAccount', AUTHENTICATE, { input: { clientId: service, clientSecret: secret } }),
  ({ body }) => !body.errors,
);
const serviceToken = own.body.data.authenticateServiceAccount;
assert.equal(serviceToken.__typename, 'AuthenticateServiceAccountPayload');
assert.deepEqual([serviceToken.tokenType, serviceToken.expiresInSeconds], ['Bearer', 3600]);

const synchronize = (permissions) => call(
  access, 'synchronizePermissions', SYNCHRONIZE, { serviceId: service, permissions }, serviceToken.accessToken,
);
const read = { key: 'ITEMS_READ', title: 'Read items', gqlOperations: ['items', 'item'] };
const write = { key: 'ITEMS_WRITE', title: 'Change items', gqlOperations: ['updateItem'] };
await synchronize([read, write]);
await synchronize([read]);
await call(access, 'purgePermissions', PURGE, { serviceId: service }, serviceToken.accessToken);
assert.deepEqual(await call(auth, 'enabledManagedServices', ENABLED, undefined, serviceToken.accessToken), []);

// Another service account is let in by its permission, and by no other.
const bff = await authenticate('bff', process.env.BFF_SECRET);
const caller = await guard.management(bff.accessToken);
assert.deepEqual([caller.iss, caller.sub, caller.subjectType], ['ax-id-service', 'bff', 'ServiceAccount']);
assert.ok(isAllowed(caller, 'ax-user-service', [VOUCH, 'ANOTHER']));
assert.ok(!isAllowed(caller, 'ax-user-service', ['ANOTHER']) && !isAllowed(caller, service, [VOUCH]));

// It vouches for a user: the guard of end users takes the token as it is, and inside a stranger's.
const login = { applicationId: APPLICATION, subjectId: `user-${randomUUID()}`, email: 'ada@example.com', name: 'Ada' };
const delegate = (input, token) => call(management, 'generateDelegatedAccessToken', DELEGATE, input, token);
const user = await delegate({ ...login, uniqueProfileIdentifier: 'kids' }, bff.accessToken);
assert.deepEqual(user.payload, jose.decodeJwt(user.accessToken));
const claims = await guard.endUser(user.accessToken);
assert.deepEqual(
  [claims.iss, claims.subjectType, claims.applicationId, claims.email, claims.name, claims.tenantId],
  ['ax-user-service', 'EndUserAccount', APPLICATION, login.email, login.name, caller.tenantId],
);
const again = await guard.endUser((await delegate(login, bff.accessToken)).accessToken);
assert.equal(again.sub, claims.sub);
assert.notEqual(again.profileId, claims.profileId);
const outer = new jose.SignJWT({ 'mosaic.end-user.accessToken': user.accessToken }).setProtectedHeader({ alg: 'HS256' });
const wrapped = await outer.sign(new TextEncoder().encode('a key that nobody but the third party knows'));
assert.deepEqual(await guard.endUser(wrapped), claims);

// The two kinds are not taken for each other, and neither is a token of the token endpoint.
await assert.rejects(guard.management(user.accessToken), { claim: 'iss' });
await assert.rejects(guard.endUser(bff.accessToken), /no tenantId,environmentId,applicationId/);
await assert.rejects(guard.management(process.env.SUBJECT_TOKEN), { claim: 'iss' });
const [head, body, signature] = bff.accessToken.split('.');
const forged = [head, body, `${signature[0] === 'A' ? 'B' : 'A'}${signature.slice(1)}`].join('.');
await assert.rejects(guard.management(forged), { code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED' });

// What is wrong has the platform's codes.
for (const [clientId, clientSecret] of [['bff', 'wrong'], ['nobody', 'wrong']]) {
  const wrong = await refusal(auth, 'authenticateServiceAccount', AUTHENTICATE, { clientId, clientSecret });
  assert.equal(wrong.code, 'INVALID_CLIENT_ID_SECRET');
}
const vouch = (input, token) => refusal(management, 'generateDelegatedAccessToken', DELEGATE, input, token);
assert.deepEqual(await vouch(login), { status: 401, code: 'ACCESS_TOKEN_REQUIRED' });
assert.deepEqual(await vouch(login, 'no.jwt.atall'), { status: 401, code: 'MALFORMED_TOKEN' });
assert.deepEqual(await vouch(login, forged), { status: 401, code: 'ACCESS_TOKEN_VERIFICATION_FAILED' });
assert.equal((await vouch(login, serviceToken.accessToken)).code, 'USER_NOT_AUTHORIZED');
assert.equal((await vouch({ ...login, applicationId: randomUUID() }, bff.accessToken)).code, 'APPLICATION_NOT_ACTIVE');
const { status, body: invalid } = await graphql(management, undefined, '{ nothing }', undefined, bff.accessToken);
assert.deepEqual([status, invalid.errors[0].code], [400, 'GRAPHQL_VALIDATION_FAILED']);
