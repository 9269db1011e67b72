'use strict';
// What the services share: JSON over HTTP, and an end in good order.

const http = require('node:http');

/** Reads a body of at most 64 KiB as JSON. */
async function readJSON(request) {
  let text = '';
  for await (const chunk of request) {
    text += chunk;
    if (text.length > 65536) throw new RangeError('the body is too large');
  }
  return JSON.parse(text);
}

function send(response, status, body, type = 'application/json') {
  response.writeHead(status, { 'Content-Type': type });
  response.end(type === 'application/json' ? `${JSON.stringify(body)}\n` : body);
}

/** Serves on $PORT until SIGTERM or SIGINT, then ends what is under way. */
function serve(name, handle, close = async () => {}) {
  const server = http.createServer((request, response) => {
    Promise.resolve(handle(request, response)).catch((err) => {
      console.error(`${request.method} ${request.url}: ${err.message}`);
      if (response.headersSent) response.destroy();
      else send(response, 500, { error: 'see the log' });
    });
  });
  server.listen(Number(process.env.PORT), '127.0.0.1', () => {
    console.log(`${name} listens on http://127.0.0.1:${server.address().port}`);
  });
  const stop = () => {
    console.log(`${name} stops`);
    server.close(() => close());
    server.closeIdleConnections();
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  return server;
}

module.exports = { readJSON, send, serve };
