// The pages. Every value is escaped: what users call themselves is not to become part of a page.
const escape = (text) =>
  String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

// A template in which `${values}` are escaped, unless they are parts of pages themselves.
class Part {
  constructor(text) {
    this.text = text;
  }
}
const html = (strings, ...values) =>
  new Part(strings.reduce((text, string, i) => {
    const value = values[i - 1] ?? '';
    return text + [value].flat().map((one) => (one instanceof Part ? one.text : escape(one))).join('') + string;
  }));

const page = (title, body) => html`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>
  body { font: 16px/1.5 system-ui; max-width: 32rem; margin: 3rem auto; padding: 0 1rem }
  form, fieldset { display: grid; gap: .5rem; margin: 0 0 1.5rem; border: 0; padding: 0 }
  input, button { font: inherit; padding: .5rem }
  [role=alert] { color: #b00020 }
  pre { overflow-x: auto; background: #f4f4f4; padding: 1rem }
</style>
<h1>${title}</h1>
${body}
</html>`.text;

const alert = (message) => (message ? html`<p role="alert">${message}</p>` : '');

export const login = (message) => page('Sign in', html`
${alert(message)}
<form method="post" action="/login">
  <label>E-mail <input name="email" type="email" autocomplete="username webauthn" required></label>
  <label>Password <input name="password" type="password" autocomplete="current-password" required></label>
  <button>Sign in</button>
</form>
<button id="passkey-login">Sign in with a passkey</button>
<p role="alert" id="passkey-message"></p>
<script type="module" src="/passkeys.js"></script>
<p><a href="/signup">I am new here</a></p>`);

export const signup = (message) => page('Sign up', html`
${alert(message)}
<form method="post" action="/signup">
  <label>E-mail <input name="email" type="email" autocomplete="username" required></label>
  <label>Password <input name="password" type="password" autocomplete="new-password" required></label>
  <button>Sign up</button>
</form>`);

export const mfa = ({ isSent, message }) => page('One more step', html`
${alert(message)}
<form method="post" action="/mfa/email/send"><button>Send me a code by e-mail</button></form>
${isSent ? html`<form method="post" action="/mfa/email">
  <label>Code from the mail <input name="code" inputmode="numeric" autocomplete="one-time-code" required></label>
  <button>Confirm the code</button>
</form>` : ''}
<form method="post" action="/mfa/totp">
  <label>Code of the authenticator app <input name="code" inputmode="numeric" autocomplete="one-time-code" required></label>
  <button>Confirm with the app</button>
</form>
<form method="post" action="/logout"><button>Never mind</button></form>`);

export const home = ({ claims, totp, message }) => page('Signed in', html`
${alert(message)}
<p>You are <strong id="user">${claims.email ?? claims.sub}</strong>. This is what the ID token says, after its signature was checked:</p>
<pre id="claims">${JSON.stringify(claims, null, 2)}</pre>
<form method="post" action="/session/check"><button>Am I still signed in?</button></form>
<button id="passkey-register">Add a passkey</button>
<p role="alert" id="passkey-message"></p>
<script type="module" src="/passkeys.js"></script>
${totp ? html`<p>Put this into your authenticator app: <code id="totp">${totp}</code></p>` : html`
<form method="post" action="/totp"><button>Add an authenticator app</button></form>`}
<form method="post" action="/logout"><button>Sign out</button></form>`);
