// An OpenID provider that others wrote (node-oidc-provider), on loopback. People sign in there without being asked, its
// keys can be changed while it runs, and it can go away.
import { createServer } from 'node:http';
import * as jose from 'jose';
import * as oauth from 'oauth4webapi';
import Provider from 'oidc-provider';

const loopback = { [oauth.allowInsecureRequests]: true };
export const SECRET = 'a-secret-that-only-this-provider-and-its-clients-know';

export class OpenIdProvider {
  // `people` by their id: e-mail and name. `clients` are the ids of the web applications and services that know it;
  // `redirectUris` are further places where they have people come back to.
  static async start({ people, clients, redirectUris = [] }) {
    const self = new OpenIdProvider();
    self.people = people;
    self.clients = clients;
    self.redirectUris = redirectUris;
    await self.#listen(0);
    await self.rotate();
    return self;
  }

  get jwksUri() {
    return `${this.issuer}/jwks`;
  }

  async #listen(port) {
    this.server = createServer((request, response) => this.handle(request, response));
    await new Promise((resolve, reject) => this.server.once('error', reject).listen(port, '127.0.0.1', resolve));
    this.port = this.server.address().port;
    this.issuer = `http://127.0.0.1:${this.port}`;
  }

  // From now on there is a new key, and the old one is gone: what it signed does not count any more.
  async rotate() {
    const { privateKey } = await jose.generateKeyPair('RS256', { extractable: true });
    const jwk = await jose.exportJWK(privateKey);
    this.kid = await jose.calculateJwkThumbprint(jwk);
    this.provider = new Provider(this.issuer, {
      jwks: { keys: [{ ...jwk, kid: this.kid, alg: 'RS256', use: 'sig' }] },
      clients: this.clients.map((client_id) => ({
        client_id,
        client_secret: SECRET,
        grant_types: ['authorization_code', 'client_credentials'],
        redirect_uris: [this.#redirectUri, ...this.redirectUris],
      })),
      claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
      // E-mail and name are to stand in the ID token itself.
      conformIdTokenClaims: false,
      findAccount: (_, id) => this.people[id] && { accountId: id, claims: () => ({ sub: id, ...this.people[id] }) },
      interactions: { url: (_, interaction) => `/sign-in/${interaction.uid}` },
      cookies: { keys: ['cookies-of-a-provider-on-loopback'] },
      ttl: { AccessToken: 600, IdToken: 600, ClientCredentials: 600, Session: 600, Grant: 600, Interaction: 600 },
      features: {
        devInteractions: { enabled: false },
        clientCredentials: { enabled: true },
        resourceIndicators: {
          enabled: true,
          getResourceServerInfo: (_, audience) => (
            { audience, scope: '', accessTokenFormat: 'jwt', accessTokenTTL: 600, jwt: { sign: { alg: 'RS256' } } }
          ),
        },
      },
    });
    this.answer = this.provider.callback();
  }

  async handle(request, response) {
    if (request.url.startsWith('/sign-in/')) {
      const { params } = await this.provider.interactionDetails(request, response);
      const grant = new this.provider.Grant({ accountId: params.login_hint, clientId: params.client_id });
      grant.addOIDCScope(params.scope);
      const result = { login: { accountId: params.login_hint }, consent: { grantId: await grant.save() } };
      await this.provider.interactionFinished(request, response, result);
    } else {
      await this.answer(request, response);
    }
  }

  // Nobody answers there any more, and connections that are open break.
  async stop() {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }

  // The ID token that a web application gets when somebody signs in: authorization code with PKCE.
  async idToken(client_id, person) {
    const [server, client] = [await this.#metadata(), { client_id }];
    const verifier = oauth.generateRandomCodeVerifier();
    const nonce = oauth.generateRandomNonce();
    const url = new URL(server.authorization_endpoint);
    url.search = new URLSearchParams({
      client_id,
      nonce,
      response_type: 'code',
      redirect_uri: this.#redirectUri,
      scope: 'openid email profile',
      login_hint: person,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    });
    const callback = oauth.validateAuthResponse(server, client, await browse(url, this.#redirectUri), oauth.skipStateCheck);
    const authentication = oauth.ClientSecretBasic(SECRET);
    const answer = await oauth.authorizationCodeGrantRequest(
      server, client, authentication, callback, this.#redirectUri, verifier, loopback,
    );
    const tokens = await oauth.processAuthorizationCodeResponse(server, client, answer, { expectedNonce: nonce });
    return tokens.id_token;
  }

  // The JWT access token that a service gets on its own account, for an audience.
  async serviceToken(client_id, resource) {
    const [server, client] = [await this.#metadata(), { client_id }];
    const authentication = oauth.ClientSecretBasic(SECRET);
    const answer = await oauth.clientCredentialsGrantRequest(server, client, authentication, { resource }, loopback);
    return (await oauth.processClientCredentialsResponse(server, client, answer)).access_token;
  }

  get #redirectUri() {
    return `${this.issuer}/signed-in`;
  }

  async #metadata() {
    const issuer = new URL(this.issuer);
    return oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, loopback));
  }
}

// What a browser does: follows the redirects with its cookies, until it is back at the application, at `end`.
export async function browse(start, end) {
  const cookies = new Map();
  for (let url = start, step = 0; step < 10; step += 1) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(url, { redirect: 'manual', headers: { cookie } });
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      if (value) cookies.set(name, value);
      else cookies.delete(name);
    }
    const location = response.headers.get('location');
    if (!location) throw new Error(`${response.status} from ${url}: ${await response.text()}`);
    url = new URL(location, url);
    if (url.href.startsWith(end)) return url;
  }
  throw new Error('signing in never ends');
}
