// As much of Express 5 as the example uses, so that the tests need no registry of packages. The real one is in `make interop`.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';

export default function express() {
  const steps = [];
  const add = (method) => (...parts) => {
    const path = typeof parts[0] === 'string' ? parts.shift() : undefined;
    for (const handler of parts) steps.push({ method, path, handler });
  };
  const fits = (step, request, failed) =>
    (step.handler.length === 4) === failed &&
    (!step.method || step.method === request.method) &&
    (!step.path || step.path === request.path);

  // The next step that fits; what one throws or rejects with goes to the next one that takes errors.
  async function run(position, request, response, error) {
    const index = steps.findIndex((step, i) => i >= position && fits(step, request, error !== undefined));
    if (index < 0) return response.status(error ? 500 : 404).send(error ? String(error) : 'Not found');
    const next = (failed) => run(index + 1, request, response, failed);
    try {
      const { handler } = steps[index];
      await (error === undefined ? handler(request, response, next) : handler(error, request, response, next));
    } catch (thrown) {
      await next(thrown);
    }
  }

  return {
    disable() {},
    use: add(undefined),
    get: add('GET'),
    post: add('POST'),
    listen(port, address, heard) {
      const server = createServer((request, response) => run(0, dress(request), equip(response)));
      return server.listen(port, address, heard);
    },
  };
}

function dress(request) {
  request.path = new URL(request.url, 'http://localhost').pathname;
  request.get = (name) => request.headers[name];
  request.secure = false;
  return request;
}

function equip(response) {
  return Object.assign(response, {
    set: (name, value) => response.setHeader(name, value),
    status: (code) => Object.assign(response, { statusCode: code }),
    send: (text) => response.setHeader('content-type', 'text/html; charset=utf-8').end(text),
    json: (value) => response.setHeader('content-type', 'application/json').end(JSON.stringify(value)),
    redirect: (code, to) => response.status(code).setHeader('location', to).end(),
    cookie: (name, value) => response.setHeader('set-cookie', `${name}=${value}; Path=/; HttpOnly; SameSite=Lax`),
  });
}

express.static = (folder) => (request, response, next) => {
  if (request.method !== 'GET' || request.path !== '/passkeys.js') return next();
  response.setHeader('content-type', 'text/javascript').end(readFileSync(join(folder, 'passkeys.js')));
};

// Reads bodies of one type; what comes later finds the others unread.
const reader = (type, read) => async (request, response, next) => {
  if (!request.headers['content-type']?.startsWith(type)) return next();
  const chunks = await request.toArray();
  request.body = read(Buffer.concat(chunks).toString());
  return next();
};
express.urlencoded = () => reader('application/x-www-form-urlencoded', (text) => Object.fromEntries(new URLSearchParams(text)));
express.json = () => reader('application/json', JSON.parse);
