// A service in Node, with node-postgres: what it prints and what it sends and
// gets is the same with and without a gateway. DSN is the database as the
// service sees it, WATCH the server itself.
'use strict'
const { Client, Pool } = require('pg')

const tell = (what, ...values) => console.log(what, JSON.stringify(values))

async function fails(what, f) {
  try {
    await f()
    tell(what, 'went well')
  } catch (e) {
    tell(what, e.code, e.severity, e.message)
  }
}

async function crud(c) {
  tell('insert', (await c.query('insert into orders (id, body) values ($1, $2) returning *', [5001, 'first'])).rows)
  for (let n = 5002; n < 5040; n++) {
    await c.query({ name: 'add', text: 'insert into orders (id, body) values ($1, $2)', values: [n, n % 3 ? `order ${n}` : null] })
  }
  const r = await c.query({ text: 'select id, body from orders where id > $1 order by id', values: [5030], rowMode: 'array' })
  tell('select', r.rows, r.fields.map((f) => [f.name, f.dataTypeID]), r.rowCount)
  tell('types', (await c.query("select $1::int[] a, $2::jsonb b, $3::numeric c, $4::bytea d, $5::bool e, $6::timestamp::text f",
    [[1, 2, null], { a: [1] }, '12345678901234567890.5', Buffer.from([0, 1, 255]), true, '2026-01-02 03:04:05'])).rows)
  tell('several', (await c.query('select 1 as a; select 2 as b, 3 as c; delete from orders where id = 5001')).map((r) => [r.command, r.rows]))
  tell('empty', (await c.query('')).rows, (await c.query({ text: '', values: [] })).rows)
  // What is asked at once is answered in order.
  tell('queued', (await Promise.all(Array.from({ length: 40 }, (_, n) => c.query('select $1::int * 2 as n', [n])))).map((r) => r.rows[0].n))
}

async function errors(c) {
  await fails('syntax', () => c.query('selec'))
  await fails('division', () => c.query('select 1 / $1::int', [0]))
  await fails('duplicate', () => c.query('insert into orders (id) values ($1)', [5002]))
  await c.query('begin')
  await fails('in a transaction', () => c.query('select nonsense'))
  await fails('aborted', () => c.query('select 1'))
  await c.query('rollback')
  await c.query('begin')
  await c.query('savepoint s')
  await fails('in a savepoint', () => c.query({ name: 'bad', text: 'select $1::int / 0', values: [1] }))
  await c.query('rollback to s')
  await c.query('commit')
  await fails('copy without a source', () => c.query('copy orders from stdin'))
  tell('copied away', (await c.query('copy (select 1) to stdout')).command)
}

async function large(c) {
  tell('long', (await c.query("select repeat('long ', 500000) as long")).rows[0].long.length)
  tell('long parameter', (await c.query('select length($1::text) as n', ['y'.repeat(1500000)])).rows)
  tell('many', (await c.query('select n, repeat($1, n) as body from generate_series(1, 2000) n', ['z'])).rows.length)
  await c.query('begin')
  await c.query('declare c cursor for select generate_series(1, 300) as n')
  let sum = 0
  for (;;) {
    const { rows } = await c.query('fetch 70 from c')
    if (!rows.length) break
    sum += rows.length
  }
  tell('cursor', sum)
  await c.query('commit')
}

async function notify(c) {
  const heard = new Promise((resolve) => c.once('notification', (m) => resolve([m.channel, m.payload])))
  await c.query('listen news')
  await c.query("notify news, 'hello'")
  tell('heard', await heard)
  await c.query('unlisten news')
  const notice = new Promise((resolve) => c.once('notice', (m) => resolve([m.severity, m.message])))
  await c.query("do $$begin raise notice 'look'; end$$")
  tell('notice', await notice)
}

async function cancel(c) {
  const watch = new Client(process.env.WATCH)
  await watch.connect()
  const asleep = fails('cancelled', () => c.query('select pg_sleep(60)'))
  for (;;) {
    const { rows } = await watch.query("select 1 from pg_stat_activity where pid = $1 and query like 'select pg_sleep%' and state = 'active'", [c.processID])
    if (rows.length) break
  }
  // The request goes the way that the session goes.
  const { Connection } = require('pg')
  const other = new Connection({})
  other.on('error', () => {})
  await new Promise((resolve) => {
    other.once('connect', () => other.cancel(c.processID, c.secretKey))
    other.once('end', resolve)
    other.connect(c.port, c.host)
  })
  await asleep
  await watch.end()
}

async function main() {
  const c = new Client(process.env.DSN)
  c.on('error', (e) => tell('lost', e.message))
  await c.connect()
  for (const part of [crud, errors, large, notify, cancel]) await part(c)
  await c.end()
  const pool = new Pool({ connectionString: process.env.DSN, max: 1 })
  for (let n = 0; n < 5; n++) tell('pooled', (await pool.query('select count(*)::int as n from orders where id > $1', [5000])).rows)
  await pool.end()
  await fails('wrong password', async () => {
    const w = new Client(process.env.DSN.replace(/:[^:@]+@/, ':wrong@'))
    await w.connect()
  })
}

main().catch((e) => {
  console.error(e)
  process.exit(1)
})
