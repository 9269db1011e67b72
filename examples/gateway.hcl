# A database behind a gateway: services in any language get a bound on
# connections with a queue, a limit on the time of statements, and a log of the
# slow ones, and know nothing of it. docs/gateway.md says what it does. By hand,
# after `make build`:
#
#   bin/syndicate -f examples/gateway.hcl up
#   bin/syndicate -f examples/gateway.hcl logs database.main.gateway
#   bin/syndicate -f examples/gateway.hcl metrics

variable "api_port" {
  type        = number
  default     = 8080
  description = "Where the API listens, on 127.0.0.1."
}

database "main" {
  managed {
    settings = {
      log_checkpoints = "off"
      log_line_prefix = ""
    }
  }

  migrations {
    path = "../migrations"
  }

  # From here on database.main.url is the gateway's, and
  # database.main.direct_url the server's. All of this changes in place.
  gateway {
    max_conn        = 10      # connections to the server
    max_waiting     = 100     # clients that wait for one
    acquire_timeout = "5s"    # for so long: then SQLSTATE 53300
    slow_query      = "100ms" # noted, without constants
  }

  # Set on the server for each session that asks for no shorter one; never for
  # migrations.
  query_timeout = "2s"
}

task "seed" {
  command = ["../bin/examples/quickstart-api", "seed"]
  run     = "up"
  env     = { DATABASE_URL = database.main.url }
}

service "api" {
  command    = ["../bin/examples/quickstart-api"]
  port       = var.api_port
  env        = { DATABASE_URL = database.main.url }
  depends_on = [task.seed.completed]

  ready {
    http = "/healthz"
  }
}

# Asks for something slow now and then, and once for something that takes too
# long: see the logs of database.main.gateway and of this service.
service "report" {
  command  = <<-EOT
    psql "$DATABASE_URL" -qXAt -c "select pg_sleep(60)"
    while true; do
      psql "$DATABASE_URL" -qXAt -c "select count(*) || ' nodes' from nodes, pg_sleep(0.2)"
      sleep 2
    done
  EOT
  env      = { DATABASE_URL = database.main.url }
  after    = [task.seed.completed]
  critical = false
}
