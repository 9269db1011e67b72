# A system that syndicate starts, watches and stops.
#
#   syndicate validate   finds mistakes without running anything
#   syndicate plan       shows what would start, in which order, and why
#   syndicate up         starts it; Ctrl-C stops it in reverse order
#
# What else may stand here: syndicate schema

# An input, read as var.greeting. Another value for one run:
#   syndicate up --var greeting=ahoy
variable "greeting" {
  type    = string
  default = "hello"
}

# A task ends. With run = "up" it is a step of every start.
task "prepare" {
  command = ["echo", "preparing"]
  run     = "up"
}

# A service runs until it is stopped, and is started again when it ends.
# A command is a program with its arguments, or one string for the shell.
service "clock" {
  command = "while :; do echo \"$GREETING, it is $(date +%T)\"; sleep 5; done"

  env = {
    GREETING = var.greeting
  }

  # It starts once the task has completed.
  depends_on = [task.prepare]

  # It is ready once it has said something. Other ways to tell: http, tcp,
  # grpc, exec, file, notify.
  ready {
    log = ".*, it is .*"
  }
}

# Values make dependencies by themselves. Remove the # below for a web server
# on a port that syndicate chooses, and a service that takes its URL, and so
# waits until the server answers.
#
# service "web" {
#   command = ["python3", "-m", "http.server", "--bind", "127.0.0.1", self.port]
#   port    = "auto"
#
#   ready {
#     http = "/"
#   }
# }
#
# service "visitor" {
#   command = "while :; do curl -fsS \"$WEB\" | wc -c; sleep 5; done"
#   env     = { WEB = service.web.url }
# }

# A PostgreSQL server of its own, where PostgreSQL is installed. Services take
# database.main.url, and then start after its migrations.
#
# database "main" {
#   migrations {
#     path = "migrations" # 000001_first.up.sql, 000001_first.down.sql, …
#   }
# }
