# SQL migrations with a backup before them, and a server of their own:
#
#   syndicate -f migrations.hcl plan               which files are pending
#   syndicate -f migrations.hcl up                 backup, migrations, service
#   syndicate -f migrations.hcl migrate status     what was applied, when, by whom
#
# The files are golang-migrate's: VERSION_NAME.up.sql and VERSION_NAME.down.sql.
# docs/migrate.md tells the rest.
database "main" {
  managed {}

  migrations {
    path = "../migrations"

    # What `up` does with pending files: apply them, refuse to start (where a
    # step of the deployment applies them before), or skip.
    on_up = "apply"

    # How long a statement may wait for the lock of a table. Whoever waits
    # makes everybody else wait behind; so it gives up soon and tries again.
    lock_timeout = "2s"
  }

  # The server needs no backup to start, but its migrations wait for one.
  depends_on = [task.backup]
}

# Naming the condition is what lets it run before the migrations: by default,
# whoever takes database.main.url waits until all of them are applied.
task "backup" {
  command    = "pg_dump --format=custom --file=backup.dump \"$DATABASE_URL\""
  run        = "up"
  env        = { DATABASE_URL = database.main.url }
  depends_on = [database.main.ready]
}

service "counter" {
  command = "while sleep 1; do psql -qXAt \"$DATABASE_URL\" -c 'select count(*) from nodes'; done"
  env     = { DATABASE_URL = database.main.url }

  ready {
    log = "^[0-9]+$"
  }
}
