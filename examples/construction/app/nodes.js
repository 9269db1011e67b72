'use strict';
// The nodes of a construction project in PostgreSQL.

const { Client } = require('./postgres.js');

const columns = 'node_id, kind, name, created_at';

class Nodes {
  /** @param {string} url of the database */
  constructor(url) { this.url = url; }

  /** The connection, made anew after it was lost. */
  connection() {
    this.connecting ??= new Client(this.url).connect().then((client) => {
      client.socket.once('close', () => { this.connecting = undefined; });
      return client;
    }, (err) => {
      this.connecting = undefined;
      throw err;
    });
    return this.connecting;
  }

  async query(sql, parameters) {
    return (await this.connection()).query(sql, parameters);
  }

  ping() { return this.query('SELECT 1'); }

  list() { return this.query(`SELECT ${columns} FROM nodes ORDER BY created_at, node_id LIMIT 1000`); }

  async add(kind, name) {
    const rows = await this.query(`INSERT INTO nodes (kind, name) VALUES ($1, $2) RETURNING ${columns}`, [kind, name]);
    return rows[0];
  }

  /** Adds a project with its first nodes, where there is none yet. */
  async seed(project, nodes) {
    const created = await this.query(
      'INSERT INTO projects (name) SELECT $1 WHERE NOT EXISTS (SELECT FROM projects WHERE name = $1) RETURNING id',
      [project],
    );
    if (created.length === 0) return 0;
    for (const [kind, name] of nodes) {
      await this.query('INSERT INTO nodes (project_id, kind, name) VALUES ($1, $2, $3)', [created[0].id, kind, name]);
    }
    return nodes.length;
  }

  async close() {
    if (this.connecting) (await this.connecting).close();
  }
}

module.exports = { Nodes };
