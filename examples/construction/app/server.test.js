'use strict';
const assert = require('node:assert');
const http = require('node:http');
const test = require('node:test');
const { handler } = require('./server.js');
const { page } = require('./dashboard.js');

const site = { node_id: 'N-7', kind: 'part', name: 'Site' };

/** Serves a handler while ask runs. */
async function serving(store, ask) {
  const server = http.createServer(handler(store)).listen(0, '127.0.0.1');
  await new Promise((resolve) => { server.once('listening', resolve); });
  try {
    await ask(`http://127.0.0.1:${server.address().port}`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => { server.close(resolve); });
  }
}

test('the API lists and adds nodes', () => serving(
  { ping: async () => {}, list: async () => [site], add: async (kind, name) => ({ ...site, kind, name }) },
  async (url) => {
    assert.strictEqual((await fetch(`${url}/healthz`)).status, 200);
    assert.deepStrictEqual(await (await fetch(`${url}/nodes`)).json(), [site]);
    const added = await fetch(`${url}/nodes`, { method: 'POST', body: '{"name":"Crane","kind":"tool"}' });
    assert.strictEqual(added.status, 201);
    assert.deepStrictEqual(await added.json(), { node_id: 'N-7', kind: 'tool', name: 'Crane' });
    for (const body of ['', ']', '{}', '{"name":" "}', 'null', `{"name":"${'x'.repeat(70000)}"}`]) {
      assert.strictEqual((await fetch(`${url}/nodes`, { method: 'POST', body })).status, 400, body.slice(0, 20));
    }
    assert.strictEqual((await fetch(`${url}/elsewhere`)).status, 404);
  },
));

test('the API is not healthy without its database', () => serving(
  { ping: async () => { throw new Error('gone'); } },
  async (url) => assert.strictEqual((await fetch(`${url}/healthz`)).status, 503),
));

test('the dashboard shows names as text', () => {
  const html = page([{ ...site, name: '<script>alert(1)</script>' }]);
  assert.ok(html.includes('&lt;script&gt;') && !html.includes('<script>'), html);
});
