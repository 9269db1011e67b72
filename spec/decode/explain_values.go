package decode

// explainValues covers what an argument's value can be.
func explainValues() []Explanation {
	return []Explanation{
		{CodeType, "A value has the wrong type",
			`The argument needs a value of another type. A number is converted to a string and back where that loses nothing; a list is never made of a single value.`,
			`service "api" {
  command  = ["./api"]
  critical = "perhaps"
}`,
			`service "api" {
  command  = ["./api"]
  critical = false
}`},
		{CodeUnit, "A value has no unit, or one that does not exist",
			`Durations, sizes, shares and rates are strings with a unit, so that nobody has to remember whether 30 means seconds or milliseconds. Durations have ns us ms s m h d ("1m30s"), sizes B kB MB GB TB KiB MiB GiB TiB ("512MiB"), shares % ("80%"), and rates are a count or a size per duration ("1/5m", "10MB/h").`,
			`service "api" {
  command = ["./api"]

  stop {
    timeout = 10
  }
}`,
			`service "api" {
  command = ["./api"]

  stop {
    timeout = "10s"
  }
}`},
		{CodeEnum, "A value is none of the allowed ones",
			`The argument takes one of a few words, which the message lists.`,
			`service "api" {
  command = ["./api"]

  restart {
    on = "sometimes"
  }
}`,
			`service "api" {
  command = ["./api"]

  restart {
    on = "failure"
  }
}`},
		{CodeRange, "A number is too small or too large",
			`The number lies outside of what makes sense: a port is 1 to 65535, a count is whole and not negative.`,
			`service "api" {
  command = ["./api"]
  port    = 80800
}`,
			`service "api" {
  command = ["./api"]
  port    = 8080
}`},
		{CodeNull, "A value is null where one is needed",
			`The expression gave null. In optional arguments null means that the argument is left out; here something is needed. Where null comes from a variable, give it a value or nullable = false; where it comes from env("NAME", null), set the variable or write a default.`,
			`service "api" {
  command = null
}`,
			`service "api" {
  command = ["./api"]
}`},
		{CodeEmpty, "A text is empty",
			`An empty text names nothing: no directory, no host, no user. Where a variable or env(…) gives it, let it give null instead, which means that the argument is left out: env("NAME", null). Text that is only passed on, such as a value in env or the body of a fallback, may be empty.`,
			`service "api" {
  command = ["./api"]
  user    = ""
}`,
			`service "api" {
  command = ["./api"]
}`},
		{CodeEvaluate, "An expression cannot be evaluated",
			`The expression is well formed but cannot give a value: an operand has the wrong type, an index or attribute does not exist, or the two sides of a conditional do not fit together. try(…) and can(…) handle what may fail.`,
			`locals {
  list = ["a"]
}

service "api" {
  command = [local.list[1]]
}`,
			`locals {
  list = ["a"]
}

service "api" {
  command = [local.list[0]]
}`},
		{CodeFunction, "A function does not exist, or failed",
			`The function is unknown, has too few or too many arguments, or refused what it was given. No function depends on time or chance: the same configuration gives the same plan.`,
			`service "api" {
  command = [uper("api")]
}`,
			`service "api" {
  command = [upper("api")]
}`},
		{CodeUnknown, "A value must be known before anything starts",
			`Structure is fixed while planning: names, for_each, enabled, dependencies, ports, policies and kinds of probes, so that the plan shows all that will happen. Values that exist only once something runs may stand in command, env, URLs and the like. The arguments of env, file, fileexists and templatefile must be known as well.

For validate, a variable without a value is unknown too: give it one with --var or a default.`,
			`service "api" {
  command = ["./api"]
  env     = { A = file(service.db.url) }
}

service "db" {
  command = ["./db"]
  port    = "auto"
}`,
			`service "api" {
  command = ["./api"]
  env     = { A = service.db.url }
}

service "db" {
  command = ["./db"]
  port    = "auto"
}`},
		{CodeSensitive, "A secret would be seen",
			`Everybody on the machine can read the arguments of a process and the URL of a request, so no sensitive value may be part of a command, an exec probe or a URL's path. Hand it over in env, which only the same user can read, or in a file.

Sensitive are variables marked so, what sensitive(…) returns, values of env_file, results of env(…) whose name speaks of a password, secret, token, key or webhook, and a database's URLs and password.`,
			`variable "password" {
  default   = "swordfish"
  sensitive = true
}

service "api" {
  command = ["./api", "--password", var.password]
}`,
			`variable "password" {
  default   = "swordfish"
  sensitive = true
}

service "api" {
  command = ["./api"]
  env     = { PASSWORD = var.password }
}`},
		{CodeShell, "A template stands in a shell command",
			`A command that is one string is run by /bin/sh -c. A template in it would let a value become shell code, so such a string must be literal. Hand values over in env, where the shell reads them as "$NAME". HCL reads ${…} as its own; a shell's ${NAME} is written $${NAME}.`,
			`service "api" {
  command = "./api --name ${upper("a")} | tee out"
}`,
			`service "api" {
  command = "./api --name \"$NAME\" | tee out"
  env     = { NAME = upper("a") }
}`},
		{CodeForEach, "A for_each is no map, set or list of strings",
			`for_each makes one instance for each element of a map, or of a set or list of strings, and the key names the instance: service.worker["a"]. Of a set or list the string is both each.key and each.value; a list must not repeat one. To run a number of equal instances name them: ["a", "b"]. Keys must be known and must not be sensitive, since they are part of every address.`,
			`service "worker" {
  for_each = 2
  command  = ["./worker"]
}`,
			`service "worker" {
  for_each = ["a", "b"]
  command  = ["./worker", each.key]
}`},
		{CodeCombine, "Arguments exclude or need one another",
			`Two arguments of a block cannot stand together, or one makes sense only beside another. The message names both.`,
			`task "seed" {
  command = ["./seed"]
  http    = "GET http://localhost:1/"
  run     = "up"
}`,
			`task "seed" {
  command = ["./seed"]
  run     = "up"
}`},
		{CodePattern, "A pattern does not compile",
			`Patterns are regular expressions as Go and RE2 know them: no look-ahead and no back-references, and so no pattern that takes for ever. Remember that HCL reads \ in a quoted string, so \d is written \\d. The pattern of a route is a path, with a method before it where only that one is meant, as Go's http.ServeMux has it: "GET /items/{id}", "/static/" for all below, "/{$}" for that path alone; of two routes that match the same call, one must be the more specific.`,
			`service "api" {
  command = ["./api"]

  ready {
    log = "listening on ("
  }
}`,
			`service "api" {
  command = ["./api"]

  ready {
    log = "listening on .*"
  }
}`},
		{CodeURL, "A value is no address",
			`An address to listen on is HOST:PORT, such as 127.0.0.1:7000; an IPv6 host stands in brackets. An empty host would mean every interface, so it is written out: 0.0.0.0:7000.`,
			`syndicate {
  http {
    listen = "localhost"
  }
}`,
			`syndicate {
  http {
    listen = "localhost:7000"
  }
}`},
		{CodeSignal, "A signal does not exist",
			`Signals have their usual names: SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGKILL and so on.`,
			`service "api" {
  command = ["./api"]

  stop {
    signal = "SIGTREM"
  }
}`,
			`service "api" {
  command = ["./api"]

  stop {
    signal = "SIGTERM"
  }
}`},
		{CodeUser, "A user or group does not exist",
			`This machine knows no account of that name; a number needs none. Only root can start processes as somebody else; an engine that is not root leaves user and group out.`,
			`service "api" {
  command = ["./api"]
  user    = "nobody-of-this-name"
}`,
			`service "api" {
  command = ["./api"]
}`},
		{CodePath, "A file or directory is not there",
			`Something that must exist before anything starts does not: a working directory, a directory of migrations, a file that file(…) reads. Relative paths start from the directory of the file that declares them, not from where the command is run.`,
			`service "api" {
  command = ["./api"]
  dir     = "no-such-directory"
}`,
			`service "api" {
  command = ["./api"]
  dir     = "."
}`},
		{CodeEnvironment, "An environment variable is not set",
			`env("NAME") needs the variable. Set it, or write what holds without it: env("NAME", "default"), or env("NAME", null) where the argument may be left out.`,
			`service "api" {
  command = ["./api"]
  env     = { HOME = env("SYNDICATE_NOT_SET") }
}`,
			`service "api" {
  command = ["./api"]
  env     = { HOME = env("SYNDICATE_NOT_SET", "/") }
}`},
		{CodeSchedule, "A schedule or time zone is not one",
			`A schedule has the five fields of cron: minute, hour, day of the month, month and day of the week. A time zone is a name of the tz database, such as Europe/Berlin.`,
			`task "clean" {
  command  = ["./clean"]
  schedule = "every day"
}`,
			`task "clean" {
  command  = ["./clean"]
  schedule = "0 4 * * *"
}`},
	}
}
