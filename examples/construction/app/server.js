'use strict';
// The API: the nodes of all projects, as JSON.

const { readJSON, send, serve } = require('./http.js');
const { Nodes } = require('./nodes.js');

/** Returns the handler over a store of nodes. */
function handler(nodes) {
  return async (request, response) => {
    switch (`${request.method} ${request.url}`) {
      case 'GET /healthz':
        try {
          await nodes.ping();
        } catch (err) {
          console.error(`ping: ${err.message}`);
          return send(response, 503, { error: 'the database does not answer' });
        }
        return send(response, 200, { status: 'ok' });
      case 'GET /nodes':
        return send(response, 200, await nodes.list());
      case 'POST /nodes': {
        const body = await readJSON(request).catch(() => ({}));
        if (typeof body?.name !== 'string' || body.name.trim() === '') {
          return send(response, 400, { error: 'send {"name": "...", "kind": "part"}' });
        }
        const node = await nodes.add(String(body.kind ?? 'part'), body.name);
        console.log(`added ${node.kind} ${node.node_id}`);
        return send(response, 201, node);
      }
      default:
        return send(response, 404, { error: 'there are GET /healthz, GET /nodes and POST /nodes' });
    }
  };
}

if (require.main === module) {
  const nodes = new Nodes(process.env.DATABASE_URL);
  serve('api', handler(nodes), () => nodes.close());
}

module.exports = { handler };
