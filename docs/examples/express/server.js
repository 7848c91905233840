// A web application that signs its users in through its own backend: the browser sees our pages and a cookie, and nothing else.
import express from 'express';
import { printCodes } from './mails.js';
import * as pages from './pages.js';
import { begin, end, endBy, sessionOf } from './sessions.js';
import { CLIENT_ID, Refused, call, verifyIdToken, verifyLogoutToken } from './tessera.js';

const PORT = Number(process.env.PORT ?? 3000);
const app = express();
app.disable('x-powered-by');
app.use(express.static(new URL('public', import.meta.url).pathname));
app.use(express.urlencoded({ extended: false }), express.json({ limit: '64kb' }));

// Called by the server, not by a browser, when a login session ends anywhere: all that hangs on it ends here too.
app.post('/backchannel-logout', async (request, response) => {
  response.set('cache-control', 'no-store');
  try {
    endBy(await verifyLogoutToken(String(request.body?.logout_token)));
  } catch (error) {
    return response.status(400).json({ error: 'invalid_request', error_description: error.message });
  }
  response.end();
});

// Other sites may not submit our forms (CSRF). Browsers say where a request comes from.
app.use((request, response, next) => {
  const isOurs = ['same-origin', 'none'].includes(request.get('sec-fetch-site'));
  if (request.method === 'GET' || isOurs) return next();
  response.status(403).send('This form was not sent from here.');
});

// Takes the tokens of a sign-in, and begins a session with them.
async function signedIn(request, response, tokens) {
  const claims = await verifyIdToken(tokens.id_token);
  // What comes without a session id continues the one that there is.
  const sessionId = tokens.session_id ?? sessionOf(request)?.sessionId;
  begin(request, response, { claims, sessionId, accessToken: tokens.access_token });
}

// Claims that we want in the ID token besides the usual ones.
const WANTED = { claims: { id_token: { email: null, email_verified: null } } };

app.get('/signup', (request, response) => response.send(pages.signup()));

app.post('/signup', async (request, response) => {
  const { email, password } = request.body;
  try {
    await call('POST', '/v1/users', { email, credentials: { password, force_replace: false } });
  } catch (error) {
    return response.status(statusOf(error, 400)).send(pages.signup(explain(error)));
  }
  response.redirect(303, '/login');
});

app.get('/login', (request, response) => response.send(pages.login()));

app.post('/login', async (request, response) => {
  const { email, password } = request.body;
  try {
    const tokens = await call('POST', '/v1/auth/password/authenticate', {
      username_type: 'email', username: email, password, ...WANTED,
    });
    await signedIn(request, response, tokens);
  } catch (error) {
    return response.status(statusOf(error, 401)).send(pages.login(explain(error)));
  }
  response.redirect(303, '/');
});

app.post('/passkeys/login/start', async (request, response) => {
  response.json(await call('POST', '/v1/auth/webauthn/authenticate/start', { client_id: CLIENT_ID }));
});

app.post('/passkeys/login', async (request, response) => {
  const tokens = await call('POST', '/v1/auth/webauthn/authenticate', {
    webauthn_encoded_result: request.body.result, ...WANTED,
  });
  await signedIn(request, response, tokens);
  response.json({});
});

// From here on somebody is signed in.
app.use((request, response, next) => {
  request.session = sessionOf(request);
  if (request.session) return next();
  response.redirect(303, '/login');
});

app.post('/logout', async (request, response) => {
  end(request.session);
  // It may have ended elsewhere already.
  await call('POST', '/v1/auth/session/logout', { session_id: request.session.sessionId }).catch(() => {});
  response.redirect(303, '/login');
});

const second = (request) => ({ session_id: request.session.sessionId, ...WANTED });
const user = (request) => ({ identifier_type: 'user_id', identifier: request.session.claims.sub });

app.get('/mfa', (request, response) => response.send(pages.mfa({})));

app.post('/mfa/email/send', async (request, response) => {
  try {
    await call('POST', '/v1/auth/otp/send', { channel: 'email', ...user(request) });
  } catch (error) {
    return response.status(statusOf(error, 400)).send(pages.mfa({ message: explain(error) }));
  }
  response.send(pages.mfa({ isSent: true }));
});

app.post('/mfa/email', async (request, response) => {
  try {
    const body = { passcode: request.body.code, ...user(request), ...second(request) };
    await signedIn(request, response, await call('POST', '/v1/auth/otp/authenticate', body));
  } catch (error) {
    return response.status(statusOf(error, 401)).send(pages.mfa({ isSent: true, message: explain(error) }));
  }
  response.redirect(303, '/');
});

app.post('/mfa/totp', async (request, response) => {
  try {
    const body = { token: request.body.code, ...user(request), ...second(request) };
    await signedIn(request, response, await call('POST', '/v1/auth/totp/authenticate', body));
  } catch (error) {
    return response.status(statusOf(error, 401)).send(pages.mfa({ message: explain(error) }));
  }
  response.redirect(303, '/');
});

// From here on two factors were shown, or a passkey, which is a device and the user's finger or PIN.
app.use((request, response, next) => {
  const { amr } = request.session.claims;
  if (amr.includes('mfa') || amr.includes('webauthn')) return next();
  response.redirect(303, '/mfa');
});

// Whether the login session is still there, and new tokens if it is: without a word to the user.
async function renew(request, response) {
  const tokens = await call('POST', '/v1/auth/session/authenticate', second(request));
  await signedIn(request, response, tokens);
}

async function renewOrEnd(request, response) {
  try {
    await renew(request, response);
  } catch (error) {
    // While the server cannot be reached nobody is signed out: that would be up to whoever cuts the line.
    if (statusOf(error, 401) !== 401) return response.status(502).send(explain(error));
    end(request.session);
    return response.redirect(303, '/login');
  }
  response.redirect(303, '/');
}

app.post('/session/check', async (request, response) => {
  await renewOrEnd(request, response);
});

app.get('/', async (request, response) => {
  const { claims } = request.session;
  // The ID token says how things were at its time. When that is over, we ask again.
  if (claims.exp * 1000 > Date.now()) return response.send(pages.home({ claims }));
  await renewOrEnd(request, response);
});

app.post('/totp', async (request, response) => {
  const { claims, accessToken } = request.session;
  try {
    const { uri } = await call('POST', '/v1/auth/totp/register', { allow_override: true }, accessToken);
    response.send(pages.home({ claims, totp: uri }));
  } catch (error) {
    response.status(statusOf(error, 400)).send(pages.home({ claims, message: explain(error) }));
  }
});

app.post('/passkeys/register/start', async (request, response) => {
  const { claims } = request.session;
  const body = { client_id: CLIENT_ID, username: claims.email ?? claims.sub };
  response.json(await call('POST', '/v1/auth/webauthn/register/start', body));
});

app.post('/passkeys/register', async (request, response) => {
  const body = { webauthn_encoded_result: request.body.result };
  await call('POST', '/v1/auth/webauthn/register', body, request.session.accessToken);
  response.json({});
});

// The status of an answer about it: what the server refused is the user's affair, and all else is ours.
function statusOf(error, refused) {
  return error instanceof Refused && error.status < 500 ? refused : 502;
}

// What a user is told. The server says what is wrong with what was typed; the rest is our affair.
function explain(error) {
  if (error instanceof Refused && error.status < 500) return error.message;
  console.error(error);
  return 'Something went wrong. Try again later.';
}

app.use((error, request, response, _next) => {
  response.status(statusOf(error, 400)).json({ message: explain(error) });
});

// To try the example without a mail server: the application is one, and prints the codes.
if (process.env.PRINT_CODES) printCodes(Number(process.env.PRINT_CODES));

const server = app.listen(PORT, '127.0.0.1', () => console.log(`http://localhost:${server.address().port}`));
