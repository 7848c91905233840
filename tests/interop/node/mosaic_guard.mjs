// What services of the platform do with a token before they answer, written from the contract: the issuer by its name, the
// key by the ids that the token names, RS256 and nothing else, then the permission.
import * as jose from 'jose';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const EMBEDDED = 'mosaic.end-user.accessToken';

export class Guard {
  constructor(base) {
    this.base = base;
    this.sets = new Map();
  }

  // A token of a service account or of somebody who manages.
  management(token) {
    return this.#verify(token, 'ax-id-service', ['tenantId', 'environmentId']);
  }

  // A token of an end user, or any JWT that carries one.
  endUser(token) {
    const embedded = jose.decodeJwt(token)[EMBEDDED];
    return this.#verify(embedded ?? token, 'ax-user-service', ['tenantId', 'environmentId', 'applicationId']);
  }

  async #verify(token, issuer, names) {
    const claims = jose.decodeJwt(token);
    const ids = names.map((name) => claims[name]);
    if (!ids.every((id) => UUID.test(id))) throw new Error(`no ${names} in the token`);
    if (!jose.decodeProtectedHeader(token).kid) throw new Error('no kid in the token');
    const url = `${this.base}/${ids.join('/')}/.well-known/jwks.json`;
    if (!this.sets.has(url)) this.sets.set(url, jose.createRemoteJWKSet(new URL(url)));
    const { payload } = await jose.jwtVerify(token, this.sets.get(url), { issuer, algorithms: ['RS256'] });
    for (const name of ['sub', 'aud', 'iat', 'exp', 'name', 'subjectType', ...(names.length === 3 ? ['profileId', 'sessionId'] : [])]) {
      if (payload[name] === undefined) throw new Error(`no ${name} in the token`);
    }
    return payload;
  }
}

// Whether a service answers an operation that needs one of these permissions.
export function isAllowed(claims, serviceId, keys) {
  const held = claims.permissions?.[serviceId] ?? [];
  return keys.some((key) => held.includes(key));
}
