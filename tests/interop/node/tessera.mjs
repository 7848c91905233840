// Tessera as the checks see it: its token endpoint, its GraphQL endpoints, and its command line.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';

export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
export const ID_TOKEN = 'urn:ietf:params:oauth:token-type:id_token';
export const JWT = 'urn:ietf:params:oauth:token-type:jwt';
export const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';

// What a command of the binary prints, run beside the server on the same database.
export function tessera(...command) {
  const { INTEROP_TESSERA, INTEROP_DIRECTORY } = process.env;
  return execFileSync(INTEROP_TESSERA, command, { cwd: INTEROP_DIRECTORY, encoding: 'utf8', stdio: 'pipe' });
}

// Status and body of a token request.
export async function tokenRequest(issuer, [id, secret], form) {
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` },
    body: new URLSearchParams(form),
  });
  return { status: response.status, body: await response.json() };
}

// Status and body of a GraphQL request, with an access token if there is one.
export async function graphql(url, operationName, query, variables, token) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify({ operationName, variables, query }),
  });
  return { status: response.status, body: await response.json() };
}

// Asks again until the answer is as wanted: a running server follows a change within a moment. Fails after `seconds`.
export async function eventually(what, seconds, ask, isWanted) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (isWanted(answer)) return answer;
    assert.ok(Date.now() < end, `${what}: not after ${seconds} s, but ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
