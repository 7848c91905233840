// Two nodes that rotate their keys every few seconds, and jose with a cached key set: every token verifies, for a minute.
//
// jose does not read Cache-Control, so the check does and tells it: a consumer that keeps keys for no longer than they may
// be kept. Its cool-down of 30 seconds stays, so that asking again for an unknown key does not help it here.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as jose from 'jose';
import { ACCESS_TOKEN, TOKEN_EXCHANGE, eventually, tokenRequest } from './tessera.mjs';

const SECONDS = 60;
const LOOPS = 4;
const client = ['bff', process.env.BFF_SECRET];

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  return port;
}

const folder = mkdtempSync(join(tmpdir(), 'tessera-rotation-'));
const [issuer, other] = [`http://127.0.0.1:${await freePort()}`, `http://127.0.0.1:${await freePort()}`];
const settings = {
  ...process.env,
  TESSERA__SERVER__PUBLIC_URL: issuer,
  TESSERA__KEYS__JWKS_MAX_AGE: '2',
  // Shorter than a rotation takes, which is 2 + 5 seconds: as often as one is over.
  TESSERA__KEYS__ROTATION_INTERVAL: '2',
};
const nodes = [];

// The first node makes the database and the demo environment, the second joins it.
async function start(command, url) {
  const log = openSync(join(folder, `${command}.log`), 'w');
  const env = { ...settings, TESSERA__SERVER__LISTEN: new URL(url).host };
  const node = spawn(process.env.INTEROP_TESSERA, [command], { cwd: folder, env, stdio: ['ignore', log, log] });
  nodes.push(node);
  const isReady = () => fetch(`${url}/ready`).then((answer) => answer.status === 200, () => false);
  await eventually(`${command} to be ready`, 60, isReady, (ready) => ready);
}

async function tokenFrom(node, form) {
  const { status, body } = await tokenRequest(node, client, form);
  assert.equal(status, 200, JSON.stringify(body));
  return body.access_token;
}

try {
  await start('quickstart', issuer);
  await start('serve', other);

  const subject = execFileSync(process.env.INTEROP_TESSERA, ['demo-token'], {
    cwd: folder, env: settings, encoding: 'utf8', stdio: 'pipe',
  }).trim();

  const jwksUrl = new URL(`${issuer}/.well-known/jwks.json`);
  const cacheControl = (await fetch(jwksUrl)).headers.get('cache-control');
  const [, maxAge] = /\bmax-age=(\d+)/.exec(cacheControl);
  assert.equal(maxAge, '2');
  const keys = jose.createRemoteJWKSet(jwksUrl, { cacheMaxAge: Number(maxAge) * 1000 });
  const expected = { issuer, typ: 'at+jwt', algorithms: ['RS256'] };

  const kids = new Set();
  const tokens = [];
  const end = Date.now() + SECONDS * 1000;
  async function verifyAll(node) {
    while (Date.now() < end) {
      const own = await tokenFrom(node, { grant_type: 'client_credentials', audience: 'resource-api' });
      const { protectedHeader } = await jose.jwtVerify(own, keys, expected);
      kids.add(protectedHeader.kid);
      tokens.push(own);
      // One of any age so far: its key may be long retired, and is still published.
      await jose.jwtVerify(tokens[Math.floor(Math.random() * tokens.length)], keys, expected);
      // The nodes verify too: a token from before the first rotation.
      const exchanged = await tokenFrom(node, {
        grant_type: TOKEN_EXCHANGE,
        subject_token: subject,
        subject_token_type: ACCESS_TOKEN,
        audience: 'resource-api',
      });
      await jose.jwtVerify(exchanged, keys, expected);
    }
  }
  await Promise.all(Array.from({ length: LOOPS }, (_, number) => verifyAll(number % 2 ? other : issuer)));

  // One in each 7 seconds; were both nodes to rotate, there would be twice as many.
  const most = Math.ceil(SECONDS / 7) + 1;
  assert.ok(kids.size >= 5 && kids.size <= most, `${kids.size} keys signed`);
  for (const token of tokens) await jose.jwtVerify(token, keys, expected);
  console.log(`${tokens.length} tokens under ${kids.size} keys, each verified`);
} catch (error) {
  for (const command of ['quickstart', 'serve']) {
    console.error(`--- ${command}\n${readFileSync(join(folder, `${command}.log`), 'utf8').slice(-3000)}`);
  }
  throw error;
} finally {
  for (const node of nodes) {
    node.kill('SIGTERM');
    if (node.exitCode === null) await once(node, 'exit');
  }
  rmSync(folder, { recursive: true });
}
