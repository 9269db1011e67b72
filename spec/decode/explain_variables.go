package decode

// explainVariables covers variables, databases and probes.
func explainVariables() []Explanation {
	return []Explanation{
		{CodeVariable, "A variable is not declared",
			`--var NAME=VALUE needs a block variable "NAME" in the configuration: without one the value would go nowhere, most likely since the name is misspelt. The message suggests the nearest one that is declared. In a file of values, which may be shared, the same is only a warning.`,
			"", ""},
		{CodeProfile, "A profile is not declared",
			`--profile NAME, or SYNDICATE_PROFILE in the environment, activates what is written as profiles = ["NAME"] in services and tasks. No block has this one, most likely since the name is misspelt: what it was meant to start would silently be left out. The message suggests the nearest one.`,
			"", ""},
		{CodeNoValue, "A variable has no value",
			`plan, up and migrate need a value for every variable. They are taken, later ones winning, from default, *.auto.vars.hcl beside the configuration, SYNDICATE_VAR_NAME in the environment, and --var and --var-file in the order given. Only validate does without.`,
			`variable "region" {
  type = string
}

service "api" {
  command = ["./api", var.region]
}`,
			`variable "region" {
  type    = string
  default = "eu"
}

service "api" {
  command = ["./api", var.region]
}`},
		{CodeValue, "A variable cannot take this value",
			`The value does not fit the variable's type, or is null where nullable = false. On the command line and in the environment the value of a string, number or bool is written as it is, and every other type as an HCL expression: --var 'ports=[80, 81]'.`,
			`variable "port" {
  type    = number
  default = "eighty"
}

service "api" {
  command = ["./api"]
  port    = var.port
}`,
			`variable "port" {
  type    = number
  default = 80
}

service "api" {
  command = ["./api"]
  port    = var.port
}`},
		{CodeValidation, "A variable's own condition is not met",
			`The configuration says in a validation block what values of this variable are good, and this one is not. The message is the author's.`,
			`variable "name" {
  default = ""

  validation {
    condition     = var.name != ""
    error_message = "A name is needed."
  }
}

service "api" {
  command = ["./api", var.name]
}`,
			`variable "name" {
  default = "shop"

  validation {
    condition     = var.name != ""
    error_message = "A name is needed."
  }
}

service "api" {
  command = ["./api", var.name]
}`},
		{CodeSource, "A database has no source, or a contradictory one",
			`Exactly one source is in force: managed where it is enabled, else url, else host with port, name, user, password and ssl. Without any of them syndicate runs a PostgreSQL server of its own. A source that is written but null or empty is a mistake, and the message names what would have given its value: a production system must not quietly get an empty database.`,
			`database "main" {
  url = env("SYNDICATE_NOT_SET", null)
}`,
			`database "main" {
  url = env("SYNDICATE_NOT_SET", "postgres://localhost/app")
}`},
		{CodeProbe, "A probe is of no kind, or of two",
			`A ready or live block has exactly one of http, tcp, grpc, exec, log, file and notify. A probe of a path or of self.port needs the service to have a port. To wait for two things let one exec probe ask for both.`,
			`service "api" {
  command = ["./api"]
  port    = 8080

  ready {
    http = "/healthz"
    tcp  = self.port
  }
}`,
			`service "api" {
  command = ["./api"]
  port    = 8080

  ready {
    http = "/healthz"
  }
}`},
		{CodeEnvFile, "An env_file cannot be read",
			`The file is not there, or a line of it is not NAME=value. A file that may be missing is named with a question mark: "?.env". Values are taken as they stand, quotes taken off, without expansion.`,
			`service "api" {
  command  = ["./api"]
  env_file = ["no-such.env"]
}`,
			`service "api" {
  command  = ["./api"]
  env_file = ["?no-such.env"]
}`},
		{CodeOrphans, "Processes cannot outlive the engine yet",
			`orphans = "keep" asks that a service runs on when the engine is killed, and is taken over by the next up. This version cannot do that: when the engine dies, its services end within a second, whole trees, and the next up starts them anew without ever running two of anything. A configuration that counts on the contrary is refused before it runs.`,
			`service "api" {
  command = ["./api"]
  orphans = "keep"
}`,
			`service "api" {
  command = ["./api"]
}`},
	}
}
