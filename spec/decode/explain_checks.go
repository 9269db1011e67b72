package decode

// explainChecks covers warnings, the checks of the whole system, and what
// planning and running find.
func explainChecks() []Explanation {
	return []Explanation{
		{CodeLiteralURL, "A literal URL points at a block's own port",
			`An environment variable holds a URL or address with the port of another block of this configuration, but nothing says that this block needs the other one, so they start side by side. A reference to the other block's url gives the same value, makes the dependency, and follows when the port changes. Name the block in no_wait if no order is wanted.`,
			`service "api" {
  command = ["./api"]
  env     = { CACHE = "http://localhost:6379" }
}

service "cache" {
  command = ["./cache"]
  port    = 6379
}`,
			`service "api" {
  command = ["./api"]
  env     = { CACHE = service.cache.url }
}

service "cache" {
  command = ["./cache"]
  port    = 6379
}`},
		{CodeWebhook, "A webhook is empty",
			`A notify block with an empty webhook is disabled: nobody is told anything. That is handy on a developer's machine, and an accident elsewhere; hence the warning.`,
			`notify "ops" {
  webhook = env("SYNDICATE_NOT_SET", "")
}`,
			`notify "ops" {
  webhook = "https://hooks.example.com/ops"
}`},
		{CodeGateway, "A query metric has nothing to measure",
			`The query metrics of a database count what passes through its gateway and the engine's own pool. Without a gateway block, services talk to the server directly, and what they ask is not seen.`,
			`database "main" {
  url = "postgres://localhost/app"
}

threshold "slow" {
  watch = database.main.query_time_avg

  warning {
    above = "100ms"
  }
}`,
			`database "main" {
  url = "postgres://localhost/app"

  gateway {
    listen = "127.0.0.1:6432"
  }
}

threshold "slow" {
  watch = database.main.query_time_avg

  warning {
    above = "100ms"
  }
}`},
		{CodeUndeclared, "A file gives a value to a variable that is not declared",
			`A file of variables names one that this configuration does not declare. It may be shared with another configuration, so this is a warning; a name given by --var is an error.`,
			"", ""},
		{CodeProgram, "The program of a command is not there",
			`validate looks for the program of each command, as far as its name is known while planning: one with a slash from the unit's dir, any other in the PATH that the child will get. It is only a warning, since the system may run on another machine, and a step of start-up may make the program; up fails at that unit if it is still missing then.`,
			`service "api" {
  command = ["no-such-program"]
}`,
			`service "api" {
  command = ["sleep", "infinity"]
}`},
		{CodePortClash, "Two blocks have one port",
			`Two blocks that can run at the same time are declared with the same port, and only one of them can listen on it. Change one, or write port = "auto" and take the value from the block's url.`,
			`service "api" {
  command = ["./api"]
  port    = 8080
}

service "web" {
  command = ["./web"]
  port    = 8080
}`,
			`service "api" {
  command = ["./api"]
  port    = 8080
}

service "web" {
  command = ["./web"]
  port    = "auto"
}`},
		{CodeLevels, "The levels of a threshold are out of order",
			`With above, critical lies over warning; with below, under it. clear lies on the healthy side of its level. Otherwise a level would be entered and left at once.`,
			`threshold "memory" {
  watch = host.memory_used

  warning {
    above = "90%"
  }

  critical {
    above = "75%"
  }
}`,
			`threshold "memory" {
  watch = host.memory_used

  warning {
    above = "75%"
  }

  critical {
    above = "90%"
  }
}`},
		{CodeMemoryOrder, "The bounds of memory are out of order",
			`A service is cleaned up at warning, restarted at critical and killed at max, so warning is less than critical, and critical less than max.`,
			`service "api" {
  command = ["./api"]

  memory {
    warning  = "2GB"
    critical = "1GB"
  }
}`,
			`service "api" {
  command = ["./api"]

  memory {
    warning  = "1GB"
    critical = "2GB"
  }
}`},
		{CodeUnusedBreaker, "Nothing uses a breaker",
			`No value reads the breaker's url, so no call passes through it and it protects nothing. Replace the literal URL of what it guards by breaker.NAME.url.`,
			`breaker "ollama" {
  target = "http://localhost:11434"
}

service "api" {
  command = ["./api"]
  env     = { OLLAMA_URL = "http://localhost:11434" }
}`,
			`breaker "ollama" {
  target = "http://localhost:11434"
}

service "api" {
  command = ["./api"]
  env     = { OLLAMA_URL = breaker.ollama.url }
}`},
		{CodeSameBoundaries, "Two boundaries cannot be told apart",
			`Of several boundaries that fit an error, one with a match wins over one without, then the one with fewer units, then the first by address. These two have the same units and the same match, so the second never gets anything.`,
			`service "api" {
  command = ["./api"]
}

boundary "a" {
  units = [service.api]
}

boundary "b" {
  units = [service.api]
}`,
			`service "api" {
  command = ["./api"]
}

boundary "a" {
  units = [service.api]
}

boundary "b" {
  units = [service.api]

  match {
    exit_code = [70]
  }
}`},
		{CodeCircle, "Blocks wait for one another in a circle",
			`Each of these blocks starts only after the next one, and the last waits for the first, so none of them could ever start. The places that make the circle are listed in order. Where services only call each other later on, name one of them in no_wait: it takes the other's values without waiting. after makes an order that may be skipped, but still an order.`,
			`service "a" {
  command = ["./a"]
  port    = 8001
  env     = { B = service.b.url }
}

service "b" {
  command = ["./b"]
  port    = 8002
  env     = { A = service.a.url }
}`,
			`service "a" {
  command = ["./a"]
  port    = 8001
  env     = { B = service.b.url }
}

service "b" {
  command = ["./b"]
  port    = 8002
  env     = { A = service.a.url }
  no_wait = [service.a]
}`},
		{CodeUnbuilt, "A declared feature cannot be run by this version",
			`The language is decoded whole, so validate and plan accept the block, but this version has nothing that runs it, and up does not pretend. Take it out, disable it with enabled = false, or use a version that has it. "syndicate schema" marks what comes later.`,
			`queue "default" {
  workers = 4
}`,
			`service "worker" {
  command = ["./worker"]
}`},
	}
}
