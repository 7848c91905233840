// GraphiQL in a real browser: it loads from this server alone, reads both schemas, runs queries, and sends the token.
import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';

const { ISSUER, BFF_SECRET, CHROMIUM } = process.env;

const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] });
try {
  const page = await browser.newPage();
  const problems = [];
  const asked = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) problems.push(message.text());
  });
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('request', (request) => asked.push(request.url()));

  await open('graphql');
  assert.match(await run('{ serverVersion }'), /"serverVersion": "\d/);

  await page.getByRole('link', { name: '/graphql-management' }).click();
  await schemaRead('graphql-management');
  const token = await serviceAccountToken();
  await fill('section[aria-label="Headers"]', JSON.stringify({ Authorization: `Bearer ${token}` }));
  assert.match(await run('{ currentCaller { subject } }'), /"subject": "bff"/);

  // The token is gone with the page, and nothing was asked of anybody else.
  const kept = await page.evaluate(() => JSON.stringify([localStorage, sessionStorage, document.cookie]));
  assert.equal(kept, '[{},{},""]');
  const foreign = asked.filter((url) => !url.startsWith(`${ISSUER}/`) && !url.startsWith('data:'));
  assert.deepEqual({ foreign, problems }, { foreign: [], problems: [] });

  // Opens the page on an endpoint.
  async function open(endpoint) {
    const answer = await page.goto(`${ISSUER}/graphiql?endpoint=${endpoint}`);
    assert.equal(answer.status(), 200);
    await schemaRead(endpoint);
  }

  // Waits until GraphiQL shows the documentation that it makes of the schema.
  async function schemaRead(endpoint) {
    await page.waitForURL(`${ISSUER}/graphiql?endpoint=${endpoint}`);
    await page.getByRole('button', { name: 'Show Documentation Explorer' }).click();
    await page.locator('.graphiql-doc-explorer-root-type').first().waitFor();
  }

  // Replaces the text of an editor.
  async function fill(place, text) {
    const editor = page.locator(`${place} .CodeMirror:visible`);
    await editor.evaluate((element, value) => element.CodeMirror.setValue(value), text);
  }

  // Runs a query, and gives what is shown of the answer.
  async function run(query) {
    await fill('.graphiql-query-editor', query);
    const answered = page.waitForResponse((response) => response.request().postData()?.includes(query));
    await page.locator('.graphiql-execute-button').click();
    assert.equal((await answered).status(), 200);
    const shown = page.locator('.result-window .CodeMirror');
    await shown.filter({ hasText: '"data"' }).waitFor();
    return shown.evaluate((element) => element.CodeMirror.getValue());
  }
} finally {
  await browser.close();
}

async function serviceAccountToken() {
  const response = await fetch(`${ISSUER}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`bff:${BFF_SECRET}`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
  });
  assert.equal(response.status, 200);
  return (await response.json()).access_token;
}
