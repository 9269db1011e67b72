# A database with all that the engine does for it. It needs PostgreSQL's
# programs on this machine and psql.
#
#   bin/syndicate -f examples/database.hcl up
#   bin/syndicate -f examples/database.hcl db psql main
#   bin/syndicate -f examples/database.hcl db dump main --output main.dump

syndicate {
  name = "database"
}

database "main" {
  managed {
    extensions = ["pg_trgm"]
    durability = "off" # an example's data may be lost
  }

  pool { # the engine's own connections
    max             = 4
    acquire_timeout = "2s"
  }

  health {
    interval = "1s"
  }

  query_timeout = "2s" # kept by the server, for services too

  breaker { # counts failures of the connection, never errors of SQL
    failures      = 3
    reset_timeout = "2s"
  }
}

# Writes a line each second, and tells how many there are.
service "clock" {
  command = ["sh", "database/clock.sh"]
  env     = { DATABASE_URL = database.main.url }

  ready {
    log = "^[0-9]+ lines$"
  }
}
