# A service in Python, with psycopg 3: what it prints and what it sends and gets
# is the same with and without a gateway. DSN is the database as the service
# sees it, WATCH the server itself.
import os
import threading

import psycopg
from psycopg.rows import dict_row

DSN, WATCH = os.environ["DSN"], os.environ["WATCH"]


def tell(what, *values):
    print(what, *values, flush=True)


def fails(what, f):
    try:
        f()
        tell(what, "went well")
    except psycopg.Error as e:
        tell(what, type(e).__name__, e.sqlstate, str(e).splitlines()[0])


def crud(conn):
    with conn.cursor(row_factory=dict_row) as cur:
        cur.execute("insert into orders (id, body) values (%s, %s) returning *", (1, "first"))
        tell("insert", cur.fetchone())
        cur.executemany("insert into orders (id, body) values (%s, %s)", [(n, f"order {n}") for n in range(2, 60)])
        cur.execute("update orders set body = upper(body) where id %% 2 = %s", (0,))
        tell("update", cur.rowcount, cur.statusmessage)
        for n in range(12):  # prepared from the fifth on
            cur.execute("select body from orders where id = %s", (n,))
            tell("select", cur.fetchall())
        cur.execute("select %s::int[], %s::jsonb, %s::numeric, %s::text", ([1, None, 3], '{"a": [1, 2]}', "12345678901234567890.5", None))
        tell("types", cur.fetchall())
        cur.execute("select id, body from orders order by id", binary=True)
        tell("binary", len(cur.fetchall()))
    conn.commit()


def errors(conn):
    fails("syntax", lambda: conn.execute("selec"))
    conn.rollback()
    fails("duplicate", lambda: conn.execute("insert into orders (id) values (1)"))
    fails("aborted", lambda: conn.execute("select 1"))
    conn.rollback()
    with conn.transaction():
        conn.execute("insert into orders (id) values (1000)")
        fails("savepoint", lambda: inner(conn))
        tell("after the savepoint", conn.execute("select count(*) from orders where id >= 1000").fetchone())
    fails("prepared and wrong", lambda: [conn.execute("select 1 / %s", (5 - n,), prepare=True) for n in range(6)])
    conn.rollback()
    fails("two statements with a parameter", lambda: conn.execute("select %s; select 2", (1,)))
    conn.rollback()
    cur = conn.execute("select 1; select 2, 3; do $$begin raise notice 'in between'; end$$; select 4")
    while True:
        tell("of several", cur.statusmessage, cur.fetchall() if cur.description else None)
        if not cur.nextset():
            break
    conn.execute("")
    conn.execute(" ;; ")
    conn.commit()


def inner(conn):
    with conn.transaction():
        conn.execute("insert into orders (id) values (1001)")
        conn.execute("select 1/0")


def copy(conn):
    with conn.cursor() as cur:
        with cur.copy("copy rows (id, body) from stdin") as c:
            for n in range(5000):
                c.write_row((n, "x" * (n % 300)))
        with cur.copy("copy rows (id, body) from stdin (format binary)") as c:
            c.set_types(["int4", "text"])
            for n in range(2000):
                c.write_row((n, None if n % 7 == 0 else f"binary {n}"))
        tell("copied", conn.execute("select count(*), sum(length(body)) from rows").fetchone())
        with cur.copy("copy (select id, body from rows order by id, body) to stdout") as c:
            tell("out", sum(len(block) for block in c))
        with cur.copy("copy rows to stdout (format binary)") as c:
            c.set_types(["int4", "text"])
            tell("binary out", sum(1 for _ in c.rows()))
        fails("a bad row", lambda: bad(cur))
        conn.rollback()
        fails("an own error", lambda: broken(cur))
    conn.rollback()


def bad(cur):
    with cur.copy("copy rows from stdin") as c:
        c.write("no number\tx\n")


def broken(cur):
    with cur.copy("copy rows from stdin") as c:
        c.write_row((1, "x"))
        raise psycopg.OperationalError("changed its mind")


def pipeline(conn):
    with conn.pipeline() as p:
        cursors = [conn.execute("select %s::int * 2", (n,)) for n in range(50)]
        p.sync()
        tell("pipeline", [c.fetchone()[0] for c in cursors])
    conn.commit()

    def wrong():
        with conn.pipeline():
            conn.execute("insert into orders (id) values (2000)")
            conn.execute("select 1 / 0")
            conn.execute("insert into orders (id) values (2001)")

    fails("pipeline with an error", wrong)
    conn.rollback()
    tell("nothing of it", conn.execute("select count(*) from orders where id >= 2000").fetchone())
    conn.commit()


def cursors(conn):
    with conn.cursor("named", scrollable=True) as cur:
        cur.itersize = 70
        cur.execute("select n, repeat('y', n) from generate_series(1, 500) n")
        tell("cursor", sum(len(r[1]) for r in cur))
        cur.scroll(10, mode="absolute")
        tell("scrolled", cur.fetchmany(3))
    conn.rollback()
    tell("streamed", sum(1 for _ in conn.cursor().stream("select generate_series(1, %s)", (300,))))
    conn.rollback()
    tell("long", len(conn.execute("select repeat('long ', 600000)").fetchone()[0]))
    tell("wide", len(conn.execute("select " + ", ".join(str(n) for n in range(1000))).fetchone()))
    conn.commit()


def notify(conn):
    conn.autocommit = True
    heard = []
    conn.add_notify_handler(heard.append)
    conn.execute("listen news")
    conn.execute("select pg_notify('news', 'to myself')")
    tell("heard", [(n.channel, n.payload) for n in heard])
    conn.execute("unlisten *")
    conn.autocommit = False


def cancel(conn):
    def when_it_sleeps():
        with psycopg.connect(WATCH, autocommit=True) as watch:
            while not watch.execute("select 1 from pg_stat_activity where pid = %s and query like 'select pg_sleep%%' and state = 'active'", (conn.info.backend_pid,)).fetchone():
                pass
        conn.cancel()

    t = threading.Thread(target=when_it_sleeps)
    t.start()
    fails("cancelled", lambda: conn.execute("select pg_sleep(60)"))
    t.join()
    conn.rollback()


with psycopg.connect(DSN) as conn:
    conn.add_notice_handler(lambda n: tell("notice", n.severity, n.message_primary))
    tell("server", conn.info.server_version > 90000, conn.info.parameter_status("integer_datetimes"))
    for part in (crud, errors, copy, pipeline, cursors, notify, cancel):
        part(conn)
    tell("after all", conn.execute("select count(*) from orders").fetchone())
fails("wrong password", lambda: psycopg.connect(DSN, password="wrong"))
fails("no database", lambda: psycopg.connect(DSN, dbname="nowhere"))
