// A browser and an authenticator in one, for trying passkeys without either. Needs nothing but Node.
//
//     node authenticator.mjs create KEY-FILE [ORIGIN] < answer of /v1/auth/webauthn/register/start
//     node authenticator.mjs get    KEY-FILE [ORIGIN] < answer of /v1/auth/webauthn/authenticate/start
//
// Prints the webauthn_encoded_result. The key is kept in KEY-FILE, in the clear: real authenticators never give it away.
import { createHash, createPrivateKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';

const [what, file, origin = 'http://localhost:3000'] = process.argv.slice(2);
const begun = JSON.parse(readFileSync(0, 'utf8'));
const sha256 = (bytes) => createHash('sha256').update(bytes).digest();
const text = (bytes) => Buffer.from(bytes).toString('base64');

// CBOR (RFC 8949): the type and the length of what follows.
const head = (type, length) => length < 24 ? Buffer.from([type << 5 | length])
  : length < 256 ? Buffer.from([type << 5 | 24, length]) : Buffer.from([type << 5 | 25, length >> 8, length & 255]);
const bytes = (value) => Buffer.concat([head(2, value.length), value]);
const string = (value) => Buffer.concat([head(3, value.length), Buffer.from(value)]);

// What the browser signs (Web Authentication §5.8.1).
function clientData(type, options) {
  const challenge = Buffer.from(options.challenge, 'base64').toString('base64url');
  return Buffer.from(JSON.stringify({ type, challenge, origin, crossOrigin: false }));
}

// What the authenticator signs (§6.1): somebody was there (1) and was verified (4).
function authenticatorData(rpId, flags, counter) {
  const count = Buffer.alloc(4);
  count.writeUInt32BE(counter);
  return Buffer.concat([sha256(rpId), Buffer.from([flags | 1 | 4]), count]);
}

function create(options) {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { x, y } = publicKey.export({ format: 'jwk' });
  const id = randomBytes(32);
  // {1: 2, 3: -7, -1: 1, -2: x, -3: y}: a key of ES256 in COSE (RFC 9052).
  const key = Buffer.concat([
    Buffer.from('a5010203262001', 'hex'), Buffer.from('21', 'hex'), bytes(Buffer.from(x, 'base64url')),
    Buffer.from('22', 'hex'), bytes(Buffer.from(y, 'base64url')),
  ]);
  const data = Buffer.concat([
    authenticatorData(options.rp.id, 64, 0), Buffer.alloc(16), Buffer.from([0, id.length]), id, key,
  ]);
  const object = Buffer.concat([
    head(5, 3), string('fmt'), string('none'), string('attStmt'), head(5, 0), string('authData'), bytes(data),
  ]);
  keep({
    id: text(id), rpId: options.rp.id, userHandle: options.user.id, counter: 0,
    key: privateKey.export({ format: 'pem', type: 'pkcs8' }),
  });
  return answer(id, { attestationObject: text(object), clientDataJSON: text(clientData('webauthn.create', options)) });
}

function get(options) {
  const held = JSON.parse(readFileSync(file, 'utf8'));
  held.counter += 1;
  keep(held);
  const client = clientData('webauthn.get', options);
  const data = authenticatorData(held.rpId, 0, held.counter);
  const signature = sign('sha256', Buffer.concat([data, sha256(client)]), createPrivateKey(held.key));
  return answer(Buffer.from(held.id, 'base64'), {
    authenticatorData: text(data), clientDataJSON: text(client), signature: text(signature), userHandle: held.userHandle,
  });
}

function answer(id, response) {
  return {
    id: id.toString('base64url'), rawId: text(id), type: 'public-key', authenticatorAttachment: 'platform', response,
  };
}

function keep(held) {
  writeFileSync(file, JSON.stringify(held), { mode: 0o600 });
}

const publicKeyCredential = what === 'create' ? create(begun.credential_creation_options)
  : get(begun.credential_request_options);
const result = { webauthnSessionId: begun.webauthn_session_id, publicKeyCredential, userAgent: 'authenticator.mjs' };
console.log(text(JSON.stringify(result)));
