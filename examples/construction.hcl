# The system of a construction company, as it runs in production: Node
# services on PostgreSQL. In development syndicate runs the database itself;
# in production it takes DATABASE_URL:
#
#   bin/syndicate -f examples/construction.hcl up
#   NODE_ENV=production DATABASE_URL=postgres://… bin/syndicate -f examples/construction.hcl up
#
# The services need Node and nothing else: no `npm install` comes first.

syndicate {
  name = "construction"

  # Health for a load balancer, metrics for Prometheus, and the API for who
  # has the token, which lies in the state directory.
  http {
    listen  = "127.0.0.1:7070"
    metrics = "public"
  }
}

variable "api_port" {
  type    = number
  default = 3000
}

variable "dashboard_port" {
  type    = number
  default = 3001
}

# The teams whose plans are worked on, each by a worker of its own.
variable "teams" {
  type    = set(string)
  default = ["north", "south"]

  validation {
    condition     = length(var.teams) > 0
    error_message = "Name at least one team."
  }
}

locals {
  production = env("NODE_ENV", "development") == "production"
  node_env   = local.production ? "production" : "development"
}

database "main" {
  # Exactly one source is in force: managed where it is enabled, else url.
  managed {
    enabled = !local.production
  }
  url = env("DATABASE_URL", null)

  # How connecting begins again, where the server is not there yet.
  retry {
    attempts  = 8
    delay     = "250ms"
    max_delay = "30s"
  }

  migrations {
    path = "../migrations"
  }

  # What the services rely on. It is held against the database after each
  # migration and while the system runs.
  schema {
    table "nodes" {
      columns  = { node_id = "text", created_at = "timestamptz" }
      not_null = ["node_id"]
      indexes  = ["nodes_node_id_idx"]
    }
  }
}

# Once per life of the system: the project and its first nodes.
task "seed" {
  command = ["node", "seed.js"]
  dir     = "construction/app"
  run     = "up"
  timeout = "1m"
  env     = { DATABASE_URL = database.main.url }
}

service "api" {
  command = ["node", "server.js"]
  dir     = "construction/app"
  port    = var.api_port

  env = {
    DATABASE_URL = database.main.url # so: once main is there and migrated
    NODE_ENV     = local.node_env
  }
  env_file   = ["?construction/app/.env"] # with ?: may be missing
  depends_on = [task.seed.completed]

  ready {
    http     = "/healthz"
    deadline = "60s"
  }

  live {
    http     = "/healthz"
    interval = "10s"
    failures = 3
  }

  restart {
    on     = "always"
    limit  = 5
    within = "1m"
  }

  stop {
    signal  = "SIGTERM"
    timeout = "10s"
  }

  log {
    max_size = "20MB"
    keep     = 3
  }
}

# One instance for each team: service.planner["north"] and so on. They take
# the API's url, and so start once it is ready.
service "planner" {
  for_each = var.teams
  command  = ["node", "planner.js", each.key]
  dir      = "construction/app"
  env      = { API_URL = service.api.url }

  ready {
    log = "planning for .*"
  }
}

# Nice to have: without it the system is degraded, not failed. `after` waits
# until the API is ready or has failed, and so shows either.
service "dashboard" {
  command  = ["node", "dashboard.js"]
  dir      = "construction/app"
  port     = var.dashboard_port
  critical = false
  after    = [service.api]
  env      = { API_URL = service.api.url }

  ready {
    tcp = self.port
  }
}
