# A whole system in one file: its own PostgreSQL server, SQL migrations, a
# task that fills the tables, an HTTP service and a worker. `make demo` runs
# it. By hand, after `make build`:
#
#   bin/syndicate -f examples/quickstart.hcl plan      what would happen
#   bin/syndicate -f examples/quickstart.hcl up        make it happen
#   bin/syndicate -f examples/quickstart.hcl up --var api_port=9090

# An input with a default. `--var`, a *.vars.hcl file or the environment's
# SYNDICATE_VAR_api_port give another value.
variable "api_port" {
  type        = number
  default     = 8080
  description = "Where the API listens, on 127.0.0.1."

  validation {
    condition     = var.api_port > 1023 && var.api_port < 65536
    error_message = "Take a port from 1024 to 65535."
  }
}

# PostgreSQL from the installed programs, with a data directory of its own
# that outlives the run, on a free port that no other server uses.
database "main" {
  managed {
    # Any of PostgreSQL's own settings. These keep its log short: syndicate
    # knows the time of each line by itself.
    settings = {
      log_checkpoints = "off"
      log_line_prefix = ""
    }
  }

  # Applied before anything that reads database.main.url.
  migrations {
    path = "../migrations"
  }
}

# Taking database.main.url is all it needs to say: a value that is taken is a
# dependency. So this runs once the database is there and migrated.
task "seed" {
  command = ["../bin/examples/quickstart-api", "seed"]
  run     = "up"
  env     = { DATABASE_URL = database.main.url }
}

service "api" {
  command = ["../bin/examples/quickstart-api"]
  port    = var.api_port # it finds this as PORT in its environment
  env     = { DATABASE_URL = database.main.url }

  # It takes no value of the task, so the order has to be said.
  depends_on = [task.seed.completed]

  # Ready once it answers with 200. The first probe comes a millisecond after
  # the start, so nobody waits for a clock to tick.
  ready {
    http = "/healthz"
  }

  # And from then on it has to go on answering, or it is restarted.
  live {
    http     = "/healthz"
    interval = "5s"
    failures = 3
  }
}

# Starts beside the API, not behind it: neither takes a value of the other.
service "worker" {
  command    = ["../bin/examples/quickstart-worker"]
  env        = { DATABASE_URL = database.main.url }
  depends_on = [task.seed.completed]
  critical   = false # without it, the system is degraded, not failed

  # It says itself when it is ready, as systemd's services do.
  ready {
    notify = true
  }

  restart {
    on     = "failure"
    limit  = 10
    within = "1m"
  }
}
