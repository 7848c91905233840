// The example of docs/examples/express in a real browser: password and a second factor, passkeys, single sign-on checks, logout, and
// logout from elsewhere.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { eventually, tessera, tokenRequest } from './tessera.mjs';

const { ISSUER, WEB_SECRET, CHROMIUM, INTEROP_DIRECTORY, INTEROP_EXPRESS, INTEROP_MAILS } = process.env;
const CLIENT = ['web-backend', WEB_SECRET];
const [EMAIL, PASSWORD] = ['ada@example.com', 'a bicycle made of rhubarb'];

const port = await freePort();
const origin = `http://localhost:${port}`;
// Passkeys and logout tokens are bound to where the application is.
const demo = readFileSync(join(INTEROP_DIRECTORY, 'config/demo.toml'), 'utf8').replaceAll('http://localhost:3000', origin);
const file = join(INTEROP_DIRECTORY, 'express.toml');
writeFileSync(file, demo);
tessera('apply', file);

const application = spawn(process.execPath, ['server.js'], {
  cwd: INTEROP_EXPRESS,
  env: { ...process.env, PORT: port, ISSUER, CLIENT_SECRET: WEB_SECRET },
  stdio: ['ignore', 'pipe', 'inherit'],
});
const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] });
try {
  await once(application.stdout, 'data');
  const page = await browser.newPage();
  const asked = [];
  page.on('request', (request) => asked.push(request.url()));
  await withAuthenticator(page);

  await page.goto(origin);
  assert.equal(page.url(), `${origin}/login`);
  await page.getByRole('link', { name: 'I am new here' }).click();
  await submit('Sign up', { 'E-mail': EMAIL, Password: PASSWORD });
  assert.equal(page.url(), `${origin}/login`);

  await submit('Sign in', { 'E-mail': EMAIL, Password: 'not this one' });
  assert.match(await page.getByRole('alert').first().textContent(), /\w/);
  await submit('Sign in', { 'E-mail': EMAIL, Password: PASSWORD });
  await page.goto(origin);
  assert.equal(page.url(), `${origin}/mfa`, 'one factor is not enough');

  const before = mails().length;
  await submit('Send me a code by e-mail', {});
  const mail = await newestMail(before);
  assert.match(mail, new RegExp(`^To: .*${EMAIL}`));
  await submit('Confirm the code', { 'Code from the mail': mail.match(/\b\d{6}\b/)[0] });
  const first = await claims();
  assert.deepEqual(first.amr, ['pwd', 'eotp', 'mfa']);
  assert.deepEqual([first.email, first.aud, first.iss], [EMAIL, CLIENT[0], ISSUER]);

  await page.getByRole('button', { name: 'Am I still signed in?' }).click();
  assert.equal((await claims()).sid, first.sid, 'silent: the same login session');

  await page.getByRole('button', { name: 'Add a passkey' }).click();
  await page.getByText('The passkey is there.').waitFor();
  await page.getByRole('button', { name: 'Add an authenticator app' }).click();
  const secret = new URL(await page.locator('#totp').textContent()).searchParams.get('secret');

  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.goto(origin);
  assert.equal(page.url(), `${origin}/login`);

  await submit('Sign in', { 'E-mail': EMAIL, Password: PASSWORD });
  await submit('Confirm with the app', { 'Code of the authenticator app': totp(secret) });
  const second = await claims();
  assert.deepEqual(second.amr, ['pwd', 'totp', 'mfa']);
  assert.equal(second.sub, first.sub);
  assert.notEqual(second.sid, first.sid);
  await page.getByRole('button', { name: 'Sign out' }).click();

  await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
  await page.waitForURL(`${origin}/`);
  assert.deepEqual((await claims()).amr, ['webauthn']);

  // What nobody signed ends nothing; then somebody ends all sessions of the user, and the application hears of it.
  assert.equal((await logoutToken('eyJhbGciOiJub25lIn0.e30.')).status, 400);
  await page.goto(origin);
  assert.equal(page.url(), `${origin}/`);
  const { body } = await tokenRequest(ISSUER, CLIENT, { grant_type: 'client_credentials', audience: 'userid-api' });
  const headers = { authorization: `Bearer ${body.access_token}` };
  const ended = await fetch(`${ISSUER}/v1/auth/users/${first.sub}/sessions`, { method: 'DELETE', headers });
  assert.equal(ended.status, 204);
  await eventually('signed out here too', 20, async () => (await page.goto(origin)).url(), (url) => url === `${origin}/login`);

  const foreign = asked.filter((url) => !url.startsWith(`${origin}/`));
  assert.deepEqual(foreign, [], 'the browser never talks to anybody but the application');

  // Fills a form and sends it.
  async function submit(button, fields) {
    const form = page.locator('form').filter({ has: page.getByRole('button', { name: button, exact: true }) });
    for (const [label, value] of Object.entries(fields)) await form.getByLabel(label).fill(value);
    await form.getByRole('button', { name: button, exact: true }).click();
    await page.waitForLoadState();
  }

  // The claims that the page shows.
  async function claims() {
    const shown = page.locator('#claims');
    await shown.waitFor();
    return JSON.parse(await shown.textContent());
  }
} finally {
  await browser.close();
  application.kill();
}

// Gives the page an authenticator that says yes.
async function withAuthenticator(page) {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('WebAuthn.enable');
  await devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
}

function logoutToken(token) {
  return fetch(`${origin}/backchannel-logout`, { method: 'POST', body: new URLSearchParams({ logout_token: token }) });
}

function mails() {
  return readdirSync(INTEROP_MAILS).filter((name) => name.endsWith('.txt')).sort();
}

async function newestMail(before) {
  const all = await eventually('a mail', 20, mails, (names) => names.length > before);
  return readFileSync(join(INTEROP_MAILS, all.at(-1)), 'utf8');
}

// RFC 6238 with SHA-1, 30 seconds and six digits.
function totp(base32) {
  const bits = [...base32].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
  const hash = createHmac('sha1', key).update(counter).digest();
  const number = hash.readUInt32BE(hash.at(-1) & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, '0');
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port: free } = server.address();
  server.close();
  return free;
}
