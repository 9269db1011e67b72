'use strict';
// A small PostgreSQL client, so that this example runs with nothing but Node.
// It speaks the extended query protocol over one connection, signs in with
// SCRAM-SHA-256 (or where no password is asked for), and gives every value as
// text or null. A real system takes the `pg` package, which does far more.

const crypto = require('node:crypto');
const net = require('node:net');

class Client {
  /** @param {string} url postgres://user:password@host:port/database */
  constructor(url) {
    this.url = new URL(url);
    this.waiting = []; // queries, in the order in which answers will come
    this.received = Buffer.alloc(0);
    this.failed = null;
  }

  /** Connects and signs in. */
  async connect() {
    const { hostname, port, username, pathname } = this.url;
    this.socket = net.connect({ host: hostname, port: Number(port) || 5432 });
    this.socket.setNoDelay(true);
    const signedIn = new Promise((resolve, reject) => {
      this.waiting.push({ rows: [], columns: [], resolve, reject });
    });
    this.socket.on('data', (data) => this.read(data));
    this.socket.on('error', (err) => this.fail(err));
    this.socket.on('close', () => this.fail(new Error('the database closed the connection')));
    const settings = ['user', decodeURIComponent(username), 'database', pathname.slice(1), 'client_encoding', 'UTF8'];
    const body = Buffer.concat([int32(196608), ...settings.map(cstring), Buffer.from([0])]);
    this.socket.write(Buffer.concat([int32(body.length + 4), body]));
    await signedIn;
    return this;
  }

  /** Runs one statement and returns its rows as objects. */
  query(sql, parameters = []) {
    if (this.failed) return Promise.reject(this.failed);
    const bound = parameters.map((p) => {
      if (p === null || p === undefined) return int32(-1);
      const bytes = Buffer.from(String(p));
      return Buffer.concat([int32(bytes.length), bytes]);
    });
    return new Promise((resolve, reject) => {
      this.waiting.push({ rows: [], columns: [], resolve, reject });
      this.socket.write(Buffer.concat([
        message('P', cstring(''), cstring(sql), int16(0)),
        message('B', cstring(''), cstring(''), int16(0), int16(bound.length), ...bound, int16(0)),
        message('D', Buffer.from('P'), cstring('')),
        message('E', cstring(''), int32(0)),
        message('S'),
      ]));
    });
  }

  /** Says goodbye and closes the connection. */
  close() {
    if (this.failed) return;
    this.failed = new Error('the connection was closed');
    this.socket.end(message('X'));
  }

  fail(err) {
    this.failed ??= err;
    for (const query of this.waiting.splice(0)) query.reject(query.error ?? this.failed);
    this.socket.destroy();
  }

  /** Takes whole messages off what has arrived so far. */
  read(data) {
    this.received = Buffer.concat([this.received, data]);
    while (this.received.length >= 5) {
      const end = 1 + this.received.readInt32BE(1);
      if (this.received.length < end) return;
      const type = String.fromCharCode(this.received[0]);
      const body = this.received.subarray(5, end);
      this.received = this.received.subarray(end);
      try {
        this.handle(type, body);
      } catch (err) {
        this.fail(err);
      }
    }
  }

  handle(type, body) {
    const query = this.waiting[0];
    switch (type) {
      case 'R': return this.authenticate(body);
      case 'T': query.columns = columnNames(body); return undefined;
      case 'D': query.rows.push(row(query.columns, body)); return undefined;
      case 'E': query.error = serverError(body); return undefined;
      case 'Z': // ready for the next query: the one at the front is over
        this.waiting.shift();
        if (query.error) query.reject(query.error);
        else query.resolve(query.rows);
        return undefined;
      default: return undefined; // notices, parameters, completions
    }
  }

  authenticate(body) {
    const rest = body.subarray(4);
    switch (body.readInt32BE(0)) {
      case 0: return;
      case 10: { // the server lists mechanisms
        if (!rest.toString().split('\0').includes('SCRAM-SHA-256')) break;
        this.scram = new Scram(decodeURIComponent(this.url.password));
        const first = Buffer.from(this.scram.first());
        this.socket.write(message('p', cstring('SCRAM-SHA-256'), int32(first.length), first));
        return;
      }
      case 11:
        this.socket.write(message('p', Buffer.from(this.scram.final(rest.toString()))));
        return;
      case 12:
        this.scram.verify(rest.toString());
        return;
    }
    throw new Error('the database asks for a way to sign in that this client does not know');
  }
}

/** The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677). */
class Scram {
  // PostgreSQL has heard the user's name before and ignores the one in here.
  constructor(password, nonce = crypto.randomBytes(18).toString('base64'), user = '') {
    this.password = password;
    this.bare = `n=${user},r=${nonce}`;
    this.nonce = nonce;
  }

  first() { return `n,,${this.bare}`; }

  final(serverFirst) {
    const said = Object.fromEntries(serverFirst.split(',').map((part) => [part[0], part.slice(2)]));
    if (!said.r.startsWith(this.nonce)) throw new Error('the server answered with another nonce');
    const salted = crypto.pbkdf2Sync(this.password, Buffer.from(said.s, 'base64'), Number(said.i), 32, 'sha256');
    const clientKey = hmac(salted, 'Client Key');
    const withoutProof = `c=biws,r=${said.r}`;
    const signed = `${this.bare},${serverFirst},${withoutProof}`;
    const signature = hmac(crypto.createHash('sha256').update(clientKey).digest(), signed);
    const proof = clientKey.map((byte, i) => byte ^ signature[i]);
    this.expected = hmac(hmac(salted, 'Server Key'), signed).toString('base64');
    return `${withoutProof},p=${Buffer.from(proof).toString('base64')}`;
  }

  /** Throws unless the server has proved that it knows the password, too. */
  verify(serverFinal) {
    if (serverFinal !== `v=${this.expected}`) throw new Error('the server could not prove who it is');
  }
}

const hmac = (key, text) => crypto.createHmac('sha256', key).update(text).digest();

function int16(n) { const b = Buffer.alloc(2); b.writeInt16BE(n); return b; }
function int32(n) { const b = Buffer.alloc(4); b.writeInt32BE(n); return b; }
function cstring(s) { return Buffer.from(`${s}\0`); }

function message(type, ...parts) {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from(type), int32(body.length + 4), body]);
}

function columnNames(body) {
  const names = [];
  let at = 2;
  for (let left = body.readInt16BE(0); left > 0; left--) {
    const end = body.indexOf(0, at);
    names.push(body.toString('utf8', at, end));
    at = end + 19; // the zero, then six numbers about the type
  }
  return names;
}

function row(columns, body) {
  const values = {};
  let at = 2;
  for (const name of columns) {
    const length = body.readInt32BE(at);
    at += 4;
    values[name] = length < 0 ? null : body.toString('utf8', at, at + length);
    at += Math.max(length, 0);
  }
  return values;
}

function serverError(body) {
  const fields = Object.fromEntries(body.toString().split('\0').filter(Boolean).map((f) => [f[0], f.slice(1)]));
  return Object.assign(new Error(fields.M), { code: fields.C });
}

module.exports = { Client, Scram };
