'use strict';
// A page with the nodes that the API knows, or with why it shows none.

const { send, serve } = require('./http.js');

const entities = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escape = (text) => String(text).replace(/[&<>"']/g, (c) => entities[c]);

function page(nodes) {
  const rows = nodes.map((n) => `<tr><td>${escape(n.kind)}</td><td>${escape(n.name)}</td><td>${escape(n.node_id)}</td></tr>`);
  return `<!doctype html><title>Construction</title><h1>${nodes.length} nodes</h1><table>${rows.join('')}</table>\n`;
}

async function show(request, response) {
  try {
    const answer = await fetch(`${process.env.API_URL}/nodes`, { signal: AbortSignal.timeout(5000) });
    return send(response, 200, page(await answer.json()), 'text/html; charset=utf-8');
  } catch (err) {
    return send(response, 502, `The API does not answer: ${err.message}\n`, 'text/plain; charset=utf-8');
  }
}

if (require.main === module) serve('dashboard', show);

module.exports = { page };
