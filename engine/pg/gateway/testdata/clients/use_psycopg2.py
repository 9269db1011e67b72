# A service in Python, with psycopg2: large objects go over libpq's function
# calls, which nothing newer does.
import os
import select

import psycopg2
import psycopg2.extras

conn = psycopg2.connect(os.environ["DSN"])


def tell(what, *values):
    print(what, *values, flush=True)


with conn, conn.cursor() as cur:
    psycopg2.extras.execute_values(cur, "insert into orders (id, body) values %s", [(n, f"order {n}") for n in range(3000, 3300)], page_size=100)
    cur.execute("select count(*) from orders where id between 3000 and 3299")
    tell("values", cur.fetchone())
with conn:
    large = conn.lobject(0, "wb", 4711)
    for n in range(20):
        large.write(bytes([n]) * 10000)
    tell("written", large.tell())
    large.close()
with conn:
    large = conn.lobject(4711, "rb")
    large.seek(55555)
    tell("read", large.read(10), len(large.read()))
    large.unlink()
try:
    conn.lobject(4711, "rb")
except psycopg2.Error as e:
    tell("gone", e.pgcode)
conn.rollback()
conn.autocommit = True
with conn.cursor() as cur:
    cur.execute("listen news; notify news, 'hello'")
    while not conn.notifies:
        select.select([conn], [], [])
        conn.poll()
    tell("heard", conn.notifies.pop().payload)
    with open(os.devnull, "w") as out:
        cur.copy_expert("copy orders to stdout csv header", out)
    tell("copied", cur.rowcount)
    cur.execute("set statement_timeout = 20")
    try:
        cur.execute("select pg_sleep(60)")
    except psycopg2.Error as e:
        tell("timeout", e.pgcode)
    tell("notices", len(conn.notices))
conn.autocommit = False
with conn.cursor("named") as cur:
    cur.itersize = 33
    cur.execute("select id from orders order by id")
    tell("cursor", sum(1 for _ in cur))
conn.rollback()
conn.reset()
conn.close()
