// Passkeys in a real browser, with Chromium's virtual authenticator and the page of Transmit's own SDK: made and used, with a user name,
// without one, and to approve something; and in the browser's own JSON. The backend of the page is this program.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as jose from 'jose';
import { chromium } from 'playwright-core';
import { eventually, tessera, tokenRequest } from './tessera.mjs';

const [tenant, environment] = [randomUUID(), randomUUID()];
const issuer = `${process.env.ISSUER}/${tenant}/${environment}`;
const BACKEND = ['shop-backend', 'a-secret-of-the-backend-with-more-than-32-characters'];

const sdk = dirname(fileURLToPath(import.meta.resolve('@transmitsecurity/platform-web-sdk/webauthn')));
const page = createServer((request, response) => {
  const file = /^\/sdk\/(\w+\.js)$/.exec(request.url)?.[1];
  response.setHeader('content-type', file ? 'text/javascript' : 'text/html');
  response.end(file ? readFileSync(join(sdk, file)) : '<!doctype html><title>Shop</title>');
});
await new Promise((resolve) => page.listen(0, '127.0.0.1', resolve));
const origin = `http://localhost:${page.address().port}`;

const file = join(process.env.INTEROP_DIRECTORY, 'webauthn.toml');
writeFileSync(file, `
[environment]
id = "${environment}"
name = "passkeys"
tenant = "interop of passkeys"
tenant_id = "${tenant}"

[[application]]
name = "shop"
platform = "WEB"

[application.login.webauthn_api]
rpId = "localhost"
rpWebOrigins = ["${origin}"]

[[client]]
id = "${BACKEND[0]}"
name = "Backend"
grants = ["client_credentials"]
application = "shop"
secret = "${BACKEND[1]}"
permissions = { userid-api = ["AUTH_EXECUTE", "USERS_CREATE", "AUTHENTICATORS_READ"] }
`);
tessera('apply', file);
const token = await eventually('a token', 10, () => tokenRequest(issuer, BACKEND, { grant_type: 'client_credentials' }),
  ({ status }) => status === 200);

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] });
try {
  const tab = await browser.newPage();
  const cdp = await tab.context().newCDPSession(tab);
  await cdp.send('WebAuthn.enable');
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  await tab.goto(origin);
  await tab.evaluate(async ({ client, server, prefix }) => {
    const sdk = await import('/sdk/webauthn.js');
    // The SDK wants all of its paths or none (and its own `getDefaultPaths` fails outside of the object that it belongs to).
    const paths = Object.fromEntries(Object.entries({
      startAuthentication: 'authenticate/start',
      startRegistration: 'register/start',
      initCrossDeviceAuthentication: 'cross-device/authenticate/init',
      startCrossDeviceAuthentication: 'cross-device/authenticate/start',
      startCrossDeviceRegistration: 'cross-device/register/start',
      getCrossDeviceTicketStatus: 'cross-device/status',
      attachDeviceToCrossDeviceSession: 'cross-device/attach-device',
    }).map(([name, path]) => [name, `${prefix}/v1/auth/webauthn/${path}`]));
    sdk.initialize({ clientId: client, webauthn: { serverPath: server, webauthnApiPaths: paths } });
    window.sdk = sdk;
  }, { client: BACKEND[0], server: process.env.ISSUER, prefix: `/${tenant}/${environment}` });

  // A key that is found by the name of its user.
  const first = await tab.evaluate(() => window.sdk.register({
    username: 'ada', options: { displayName: 'Ada', registerAsDiscoverable: false },
  }));
  const made = await backend('/v1/auth/webauthn/external/register', { webauthn_encoded_result: first, external_user_id: 'ada-1' });
  assert.equal(made.is_user_created, true);
  assert.equal(made.webauthn_username, 'ada');
  const named = await login(() => window.sdk.authenticate.modal({ username: 'ada' }));
  assert.deepEqual([named.claims.sub, named.claims.amr], [made.user_id, ['webauthn']]);

  // A passkey that knows whose it is, made by the user who is signed in.
  const second = await tab.evaluate(() =>
    window.sdk.register({ username: 'ada', options: { registerAsDiscoverable: true } }));
  const { user_id } = await call('/v1/auth/webauthn/register', named.access_token, { webauthn_encoded_result: second });
  assert.equal(user_id, made.user_id);
  assert.equal((await login(() => window.sdk.authenticate.modal({}))).claims.sub, made.user_id);

  // What the user approves.
  const approval = { amount: '100.00', to: 'Bob' };
  const approved = await login((data) => window.sdk.approve.modal({ username: 'ada', approvalData: data }), approval);
  assert.deepEqual(approved.claims.approval_data, approval);

  // Without the SDK: what the browser itself makes of the answer.
  const plain = await login(async ({ start, client }) => {
    const begun = await (await fetch(start, {
      method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ client_id: client }),
    })).json();
    const options = begun.credential_request_options;
    const challenge = Uint8Array.from(atob(options.challenge), (c) => c.charCodeAt(0));
    const credential = await navigator.credentials.get({ publicKey: { ...options, challenge } });
    return btoa(JSON.stringify({
      webauthnSessionId: begun.webauthn_session_id, publicKeyCredential: credential.toJSON(), userAgent: navigator.userAgent,
    }));
  }, { start: `${issuer}/v1/auth/webauthn/authenticate/start`, client: BACKEND[0] });
  assert.equal(plain.claims.sub, made.user_id);

  // The same keys on another authenticator, with the counters of before: a copy.
  const { credentials } = await cdp.send('WebAuthn.getCredentials', { authenticatorId });
  await cdp.send('WebAuthn.clearCredentials', { authenticatorId });
  for (const credential of credentials.filter((one) => one.isResidentCredential)) {
    await cdp.send('WebAuthn.addCredential', { authenticatorId, credential: { ...credential, signCount: 0 } });
  }
  const copied = await tab.evaluate(() => window.sdk.authenticate.modal({}));
  const refused = await post('/v1/auth/webauthn/authenticate', token.body.access_token, { webauthn_encoded_result: copied });
  assert.deepEqual([refused.status, refused.body.error_code], [400, 'webauthn_encoded_result']);

  // A page of a stranger reads nothing.
  await tab.goto(origin.replace('localhost', '127.0.0.1'));
  const stranger = await tab.evaluate((url) => fetch(url, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}',
  }).then(() => 'read', () => 'kept out'), `${issuer}/v1/auth/webauthn/authenticate/start`);
  assert.equal(stranger, 'kept out');

  const listed = await fetch(`${issuer}/v1/users/${made.user_id}/webauthn-credentials`, {
    headers: { authorization: `Bearer ${token.body.access_token}` },
  });
  const keys = await listed.json();
  assert.deepEqual(keys.map((key) => [key.status, key.devices[0].os_type]), [['active', 'Linux'], ['active', 'Linux']]);

  // Lets the page make a result, and signs in with it: the tokens, and what the ID token says.
  async function login(act, argument) {
    const result = await tab.evaluate(act, argument);
    const tokens = await backend('/v1/auth/webauthn/authenticate', { webauthn_encoded_result: result });
    const keys = jose.createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`));
    const { payload } = await jose.jwtVerify(tokens.id_token, keys, { issuer, audience: BACKEND[0] });
    return { ...tokens, claims: payload };
  }
} finally {
  await browser.close();
  page.close();
}

async function backend(path, body) {
  return call(path, token.body.access_token, body);
}

// A request that must go well.
async function call(path, bearer, body) {
  const answer = await post(path, bearer, body);
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return answer.body;
}

async function post(path, bearer, body) {
  const response = await fetch(`${issuer}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: await response.json() };
}
