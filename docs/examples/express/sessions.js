// Who is signed in at this application, by a cookie. In memory: a real application keeps this where all its processes see it.
import { randomBytes } from 'node:crypto';

const COOKIE = 'session';
const sessions = new Map();

// The session of a request; `undefined` if there is none.
export function sessionOf(request) {
  const cookies = (request.headers.cookie ?? '').split(/; */);
  const id = cookies.find((cookie) => cookie.startsWith(`${COOKIE}=`))?.slice(COOKIE.length + 1);
  return sessions.get(id);
}

// Begins a session. Always under a new id: somebody who put a cookie into the browser before must not share what comes now.
export function begin(request, response, content) {
  sessions.delete(sessionOf(request)?.id);
  const id = randomBytes(32).toString('base64url');
  sessions.set(id, { id, ...content });
  response.cookie(COOKIE, id, { httpOnly: true, sameSite: 'lax', secure: request.secure });
}

export function end(session) {
  sessions.delete(session.id);
}

// Ends all sessions that hang on the login session `sid`, or on any of the user `sub` where no session is named.
export function endBy({ sid, sub }) {
  for (const session of sessions.values()) {
    const { claims } = session;
    if (sid ? claims.sid === sid : claims.sub === sub) end(session);
  }
}
