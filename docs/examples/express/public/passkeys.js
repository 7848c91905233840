// The browser's part of passkeys: it asks the backend for a challenge, the authenticator for an answer, and hands that back.
const decode = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
const encode = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)));

async function post(path, body) {
  const response = await fetch(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.message);
  return answer;
}

// What the server reads: the answer of the authenticator, and which challenge it is to.
function encoded(webauthnSessionId, { id, rawId, type, authenticatorAttachment, response }, members) {
  const answer = Object.fromEntries(members.filter((name) => response[name]).map((name) => [name, encode(response[name])]));
  const publicKeyCredential = { id, rawId: encode(rawId), type, authenticatorAttachment, response: answer };
  return btoa(JSON.stringify({ webauthnSessionId, publicKeyCredential, userAgent: navigator.userAgent }));
}

async function signIn() {
  const { webauthn_session_id: session, credential_request_options: options } = await post('/passkeys/login/start', {});
  options.challenge = decode(options.challenge);
  options.allowCredentials = options.allowCredentials?.map((one) => ({ ...one, id: decode(one.id) }));
  const credential = await navigator.credentials.get({ publicKey: options });
  const members = ['authenticatorData', 'clientDataJSON', 'signature', 'userHandle'];
  await post('/passkeys/login', { result: encoded(session, credential, members) });
  location.assign('/');
}

async function register() {
  const { webauthn_session_id: session, credential_creation_options: options } = await post('/passkeys/register/start', {});
  options.challenge = decode(options.challenge);
  options.user.id = decode(options.user.id);
  options.excludeCredentials = options.excludeCredentials?.map((one) => ({ ...one, id: decode(one.id) }));
  // So that it can be used without a name, by the button on the first page.
  options.authenticatorSelection = { ...options.authenticatorSelection, residentKey: 'preferred' };
  const credential = await navigator.credentials.create({ publicKey: options });
  await post('/passkeys/register', { result: encoded(session, credential, ['attestationObject', 'clientDataJSON']) });
  message('The passkey is there.');
}

const message = (text) => {
  document.getElementById('passkey-message').textContent = text;
};
const on = (id, work) => document.getElementById(id)?.addEventListener('click', () => work().catch((error) => message(error.message)));

on('passkey-login', signIn);
on('passkey-register', register);
