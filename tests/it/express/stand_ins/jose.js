// As much of jose as the example uses, over Node's own cryptography, so that the tests need no registry of packages.
import { createPublicKey, verify } from 'node:crypto';

export const createRemoteJWKSet = (url) => async (kid) => {
  const { keys } = await (await fetch(url)).json();
  const jwk = keys.find((key) => key.kid === kid);
  if (!jwk) throw new Error('no such key');
  return createPublicKey({ key: jwk, format: 'jwk' });
};

export async function jwtVerify(token, keyOf, expected) {
  const [head, body, signature] = token.split('.');
  const read = (part) => JSON.parse(Buffer.from(part, 'base64url'));
  const [header, payload] = [read(head), read(body)];
  const key = await keyOf(header.kid);
  const isSigned = header.alg === 'RS256' && verify('sha256', `${head}.${body}`, key, Buffer.from(signature, 'base64url'));
  const isForUs = payload.iss === expected.issuer && [payload.aud].flat().includes(expected.audience);
  if (!isSigned || !isForUs || header.typ !== expected.typ || payload.exp * 1000 < Date.now()) throw new Error('not a token for us');
  return { payload };
}
