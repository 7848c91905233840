// The authorization server, as this backend uses it: its API with our own token, and what it signs.
import { createRemoteJWKSet, jwtVerify } from 'jose';

export const ISSUER = process.env.ISSUER ?? 'http://127.0.0.1:8080';
export const CLIENT_ID = process.env.CLIENT_ID ?? 'web-backend';
const CLIENT_SECRET = process.env.CLIENT_SECRET ?? 'demo-secret-of-the-web-backend-do-not-use-elsewhere';

// Fetched when first needed, kept, and fetched again when a token has a key that is not among them.
const keys = createRemoteJWKSet(new URL(`${ISSUER}/.well-known/jwks.json`));

// What the server refused, with its symbol, such as `auth_invalid_credentials`.
export class Refused extends Error {
  constructor(status, body) {
    super([body.message].flat().join('; '));
    this.status = status;
    this.code = body.ts_error_code ?? body.error_code;
  }
}

let clientToken = { value: '', until: 0 };

// Our own access token: got once, and used until shortly before its end.
async function ownToken() {
  if (clientToken.until > Date.now()) return clientToken.value;
  const response = await fetch(`${ISSUER}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${CLIENT_ID}:${CLIENT_SECRET}`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', audience: 'userid-api' }),
  });
  if (!response.ok) throw new Error(`no client token: ${response.status} ${await response.text()}`);
  const { access_token: value, expires_in: seconds } = await response.json();
  clientToken = { value, until: Date.now() + (seconds - 60) * 1000 };
  return value;
}

// Calls the API. `token` is a user's access token where the operation wants one, and ours otherwise.
export async function call(method, path, body, token) {
  const response = await fetch(`${ISSUER}${path}`, {
    method,
    headers: { authorization: `Bearer ${token ?? (await ownToken())}`, 'content-type': 'application/json' },
    body: body && JSON.stringify(body),
  });
  const text = await response.text();
  const answer = text ? JSON.parse(text) : {};
  if (!response.ok) throw new Refused(response.status, answer);
  return answer;
}

// The claims of an ID token that was made for us.
export async function verifyIdToken(token) {
  const { payload } = await jwtVerify(token, keys, { issuer: ISSUER, audience: CLIENT_ID, typ: 'JWT' });
  return payload;
}

const LOGOUT_EVENT = 'http://schemas.openid.net/event/backchannel-logout';

// The claims of a logout token (OpenID Connect Back-Channel Logout 1.0 §2.6). An ID token must not pass for one, nor one for an ID
// token: the one has `events` and its own `typ`, the other may have a `nonce`.
export async function verifyLogoutToken(token) {
  const { payload } = await jwtVerify(token, keys, {
    issuer: ISSUER,
    audience: CLIENT_ID,
    typ: 'logout+jwt',
    maxTokenAge: '5m',
    requiredClaims: ['jti', 'events'],
  });
  const isLogout = typeof payload.events?.[LOGOUT_EVENT] === 'object';
  if (!isLogout || 'nonce' in payload || !(payload.sid ?? payload.sub)) throw new Error('not a logout token');
  return payload;
}
