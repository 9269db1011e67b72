package decode

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/syndicate/syndicate/spec"
)

// mistakes are configurations with one mistake each: its code, and words
// that its message must hold.
var mistakes = []struct {
	name, native, json, code string
	words                    []string
}{
	{"unknown argument", `service "a" { comand = ["x"] }`, `{"service":{"a":{"comand":["x"]}}}`, CodeArgument, []string{"command"}},
	{"unknown argument, nothing near", `service "a" { image = "x" }`, `{"service":{"a":{"image":"x"}}}`, CodeArgument, []string{"syndicate schema service."}},
	{"block for an argument", "service \"a\" {\n command = [\"x\"]\n ready = {}\n}", "", CodeArgument, []string{"write ready { … }"}},
	{"argument for a block", "service \"a\" {\n command = [\"x\"]\n env {\n }\n}", "", CodeBlockType, []string{"write env = { NAME = … }"}},
	{"no name", "service {\n}", "", CodeBlockType, []string{`write service "NAME" { … }`}},
	{"two names", "task \"a\" \"b\" {\n}", "", CodeBlockType, []string{`write task "NAME" { … }`}},
	{"no command", "service \"a\" {\n}", "", CodeArgument, []string{`write command = ["program", "argument"]`}},
	{"a word without quotes", "service \"a\" {\n command = sleep\n}", "", CodeReference, []string{`in quotes: "sleep"`}},
	{"env as an address", "service \"a\" {\n command = [env.HOME]\n}", `{"service":{"a":{"command":["${env.HOME}"]}}}`, CodeReference, []string{`env("NAME")`}},
	{"argument by another tool's name", "service \"a\" {\n command = [\"x\"]\n cwd = \"/\"\n}", `{"service":{"a":{"command":["x"],"cwd":"/"}}}`, CodeArgument, []string{`Did you mean "dir"?`}},
	{"block by another tool's name", "service \"a\" {\n command = [\"x\"]\n healthcheck {}\n}", `{"service":{"a":{"command":["x"],"healthcheck":{}}}}`, "", []string{`Did you mean "ready"?`}},
	{"unknown block", `servise "a" {}`, `{"servise":{"a":{}}}`, "", []string{"service"}},
	{"unknown service", "service \"api\" {\n command = [\"x\"]\n}\nservice \"b\" {\n command = [\"x\"]\n depends_on = [service.apy]\n}",
		`{"service":{"api":{"command":["x"]},"b":{"command":["x"],"depends_on":["service.apy"]}}}`, CodeReference, []string{`did you mean "service.api"`}},
	{"another kind", "service \"api\" {\n command = [\"x\"]\n}\nservice \"b\" {\n command = [\"x\"]\n depends_on = [database.api]\n}",
		`{"service":{"api":{"command":["x"]},"b":{"command":["x"],"depends_on":["database.api"]}}}`, CodeReference, []string{`did you mean "service.api"`}},
	{"name without kind", "service \"api\" {\n command = [\"x\"]\n}\nservice \"b\" {\n command = [\"x\"]\n depends_on = [api]\n}",
		`{"service":{"api":{"command":["x"]},"b":{"command":["x"],"depends_on":["api"]}}}`, CodeReference, []string{`"service.api"`}},
	{"unknown condition", "service \"api\" {\n command = [\"x\"]\n}\nservice \"b\" {\n command = [\"x\"]\n depends_on = [service.api.redy]\n}",
		`{"service":{"api":{"command":["x"]},"b":{"command":["x"],"depends_on":["service.api.redy"]}}}`, CodeMember, []string{`"service.api.ready"`}},
	{"metric as condition", "service \"api\" {\n command = [\"x\"]\n}\nservice \"b\" {\n command = [\"x\"]\n depends_on = [service.api.memory]\n}",
		`{"service":{"api":{"command":["x"]},"b":{"command":["x"],"depends_on":["service.api.memory"]}}}`, CodeKind, []string{"a metric"}},
	{"condition as value", "service \"api\" {\n command = [\"x\"]\n}\nservice \"b\" {\n command = [\"x\"]\n env = { A = service.api.ready }\n}",
		`{"service":{"api":{"command":["x"]},"b":{"command":["x"],"env":{"A":"${service.api.ready}"}}}}`, CodeKind, []string{"depends_on"}},
	{"url without port", "service \"api\" {\n command = [\"x\"]\n}\nservice \"b\" {\n command = [\"x\"]\n env = { A = service.api.url }\n}",
		`{"service":{"api":{"command":["x"]},"b":{"command":["x"],"env":{"A":"${service.api.url}"}}}}`, CodeMember, []string{"no port"}},
	{"map of what is known later", "service \"w\" {\n command = [\"x\"]\n for_each = [\"a\"]\n port = \"auto\"\n}\nservice \"b\" {\n command = [\"x\"]\n env = { A = service.w }\n}",
		`{"service":{"w":{"command":["x"],"for_each":["a"],"port":"auto"},"b":{"command":["x"],"env":{"A":"${service.w}"}}}}`, CodeType, []string{"a map"}},
	{"list of what is known later", "service \"w\" {\n command = [\"x\"]\n port = \"auto\"\n}\nservice \"b\" {\n command = [\"x\", [service.w.url]]\n}",
		`{"service":{"w":{"command":["x"],"port":"auto"},"b":{"command":["x",["${service.w.url}"]]}}}`, CodeType, []string{"a list"}},
	{"bare number", "service \"a\" {\n command = [\"x\"]\n stop {\n  timeout = 10\n }\n}", `{"service":{"a":{"command":["x"],"stop":{"timeout":10}}}}`, CodeUnit, []string{`"10s"`}},
	{"half a port", "service \"a\" {\n command = [\"x\"]\n port = 8080.5\n}", `{"service":{"a":{"command":["x"],"port":8080.5}}}`, CodeType, []string{"whole"}},
	{"large port", "service \"a\" {\n command = [\"x\"]\n port = 80800\n}", `{"service":{"a":{"command":["x"],"port":80800}}}`, CodeRange, []string{"65535"}},
	{"enum", "syndicate {\n degraded = \"alow\"\n}", `{"syndicate":{"degraded":"alow"}}`, CodeEnum, []string{`did you mean "allow"`}},
	{"syndicate is literal", "syndicate {\n name = env(\"X\", \"y\")\n}", `{"syndicate":{"name":"${env(\"X\", \"y\")}"}}`, CodeLiteral, nil},
	{"shell value", "variable \"v\" {\n default = 1\n}\nservice \"a\" {\n command = \"run ${var.v}\"\n}",
		`{"variable":{"v":{"default":1}},"service":{"a":{"command":"run ${var.v}"}}}`, CodeShell, []string{"env", "var.v"}},
	{"shell variable", "service \"a\" {\n command = \"run ${HOME}\"\n}", `{"service":{"a":{"command":"run ${HOME}"}}}`, CodeShell, []string{"$${"}},
	{"secret in command", "service \"a\" {\n command = [\"x\", sensitive(\"pw\")]\n}", `{"service":{"a":{"command":["x","${sensitive(\"pw\")}"]}}}`, CodeSensitive, []string{"process list", "env"}},
	{"database url in command", "database \"m\" {}\nservice \"a\" {\n command = [\"psql\", database.m.url]\n}",
		`{"database":{"m":{}},"service":{"a":{"command":["psql","${database.m.url}"]}}}`, CodeSensitive, nil},
	{"unset environment", "service \"a\" {\n command = [\"x\"]\n env = { A = env(\"NOPE\") }\n}", `{"service":{"a":{"command":["x"],"env":{"A":"${env(\"NOPE\")}"}}}}`, CodeEnvironment, []string{"NOPE"}},
	{"unknown function", "locals {\n a = uper(\"x\")\n}", `{"locals":{"a":"${uper(\"x\")}"}}`, CodeFunction, []string{"upper"}},
	{"cycle of locals", "locals {\n a = local.b\n b = \"${local.a}x\"\n}", `{"locals":{"a":"${local.b}","b":"${local.a}x"}}`, CodeCycle, []string{"local.a → local.b → local.a"}},
	{"cycle of ports", "service \"a\" {\n command = [\"x\"]\n port = service.b.port + 1\n}\nservice \"b\" {\n command = [\"x\"]\n port = service.a.port + 1\n}",
		`{"service":{"a":{"command":["x"],"port":"${service.b.port + 1}"},"b":{"command":["x"],"port":"${service.a.port + 1}"}}}`, CodeCycle, []string{"service.a.port", "service.b.port"}},
	{"profile of a number", "service \"a\" {\n command = [\"x\"]\n profiles = [1]\n}", `{"service":{"a":{"command":["x"],"profiles":[1]}}}`, CodeType, []string{"profiles must be a list of strings", "a number"}},
	{"profile that is no list", "task \"a\" {\n command = [\"x\"]\n profiles = \"dev\"\n}", `{"task":{"a":{"command":["x"],"profiles":"dev"}}}`, CodeType, []string{"list of strings, not a string"}},
	{"profile without a name", "service \"a\" {\n command = [\"x\"]\n profiles = [\"a,b\"]\n}", `{"service":{"a":{"command":["x"],"profiles":["a,b"]}}}`, CodeName, []string{`"a,b" cannot name a profile`}},
	{"profile known later", "service \"a\" {\n command = [\"x\"]\n port = \"auto\"\n profiles = [self.url]\n}", `{"service":{"a":{"command":["x"],"port":"auto","profiles":["${self.url}"]}}}`, CodeUnknown, []string{"plan time"}},
	{"secret profile", "service \"a\" {\n command = [\"x\"]\n profiles = [sensitive(\"dev\")]\n}", `{"service":{"a":{"command":["x"],"profiles":["${sensitive(\"dev\")}"]}}}`, CodeSensitive, nil},
	{"profile of itself", "service \"a\" {\n command = [\"x\"]\n port = 1\n profiles = [service.b.host]\n}\nservice \"b\" {\n command = [\"x\"]\n port = 1\n host = service.a.host\n}",
		`{"service":{"a":{"command":["x"],"port":1,"profiles":["${service.b.host}"]},"b":{"command":["x"],"port":1,"host":"${service.a.host}"}}}`, CodeName, nil},
	{"inherits the engine's own", "service \"a\" {\n command = [\"x\"]\n inherit_env = [\"LISTEN_ADDR\"]\n}", `{"service":{"a":{"command":["x"],"inherit_env":["LISTEN_ADDR"]}}}`, CodePattern, []string{`write`, `LISTEN_ADDR`}},
	{"inherits a variable's value", "task \"a\" {\n command = [\"x\"]\n inherit_env = [\"SYNDICATE_VAR_x\"]\n}", `{"task":{"a":{"command":["x"],"inherit_env":["SYNDICATE_VAR_x"]}}}`, CodePattern, []string{"SYNDICATE_VAR_x belongs to syndicate"}},
	{"probe without a pause", "service \"a\" {\n command = [\"x\"]\n ready {\n  tcp = 80\n  interval = \"0s\"\n }\n}", `{"service":{"a":{"command":["x"],"ready":{"tcp":80,"interval":"0s"}}}}`, CodeRange, []string{"interval must be longer than 0s"}},
	{"again after nothing", "service \"a\" {\n command = [\"x\"]\n restart {\n  again_after = \"0s\"\n }\n}", `{"service":{"a":{"command":["x"],"restart":{"again_after":"0s"}}}}`, CodeRange, []string{"again_after must be longer than 0s"}},
	{"refers to itself", "service \"a\" {\n command = [\"x\", service.a.url]\n port = 80\n}", `{"service":{"a":{"command":["x","${service.a.url}"],"port":80}}}`, CodeSelf, []string{"self.url"}},
	{"undeclared variable", "service \"a\" {\n command = [var.x]\n}", `{"service":{"a":{"command":["${var.x}"]}}}`, CodeReference, nil},
	{"variable without value", `variable "x" {}`, `{"variable":{"x":{}}}`, CodeNoValue, []string{"--var x", "SYNDICATE_VAR_x"}},
	{"default of another type", "variable \"x\" {\n type = number\n default = \"y\"\n}", `{"variable":{"x":{"type":"number","default":"y"}}}`, CodeValue, nil},
	{"validation", "variable \"x\" {\n default = 1\n validation {\n condition = var.x > 1\n error_message = \"Too small.\"\n }\n}",
		`{"variable":{"x":{"default":1,"validation":{"condition":"${var.x > 1}","error_message":"Too small."}}}}`, CodeValidation, []string{"Too small."}},
	{"endpoint beyond loopback", "syndicate {\n http {\n  listen = \"0.0.0.0:7000\"\n }\n}", `{"syndicate":{"http":{"listen":"0.0.0.0:7000"}}}`, CodeCombine, []string{"tls block"}},
	{"endpoint without port", "syndicate {\n http {\n  listen = \"127.0.0.1:http\"\n }\n}", `{"syndicate":{"http":{"listen":"127.0.0.1:http"}}}`, CodeURL, []string{"HOST:PORT"}},
	{"short token", "syndicate {\n http {\n  listen = \"127.0.0.1:7000\"\n  token = \"secret\"\n }\n}", `{"syndicate":{"http":{"listen":"127.0.0.1:7000","token":"secret"}}}`, CodeRange, []string{"at least 16", "makes one"}},
	{"two probes", "service \"a\" {\n command = [\"x\"]\n port = 80\n ready {\n  http = \"/\"\n  tcp = 80\n }\n}",
		`{"service":{"a":{"command":["x"],"port":80,"ready":{"http":"/","tcp":80}}}}`, CodeProbe, []string{"http and tcp"}},
	{"no probe", "service \"a\" {\n command = [\"x\"]\n ready {\n }\n}", `{"service":{"a":{"command":["x"],"ready":{}}}}`, CodeProbe, nil},
	{"wrong pattern", "service \"a\" {\n command = [\"x\"]\n ready {\n  log = \"(\"\n }\n}", `{"service":{"a":{"command":["x"],"ready":{"log":"("}}}}`, CodePattern, nil},
	{"unknown signal", "service \"a\" {\n command = [\"x\"]\n stop {\n  signal = \"TERM\"\n }\n}", `{"service":{"a":{"command":["x"],"stop":{"signal":"TERM"}}}}`, CodeSignal, []string{"SIGTERM"}},
	{"missing directory", "service \"a\" {\n command = [\"x\"]\n dir = \"nowhere\"\n}", `{"service":{"a":{"command":["x"],"dir":"nowhere"}}}`, CodePath, []string{"nowhere"}},
	{"missing migrations", "database \"m\" {\n migrations {\n  path = \"nowhere\"\n }\n}", `{"database":{"m":{"migrations":{"path":"nowhere"}}}}`, CodePath, []string{"migrations"}},
	{"missing env_file", "service \"a\" {\n command = [\"x\"]\n env_file = [\"no.env\"]\n}", `{"service":{"a":{"command":["x"],"env_file":["no.env"]}}}`, CodeEnvFile, []string{"?no.env"}},
	{"empty url", "database \"m\" {\n url = \"\"\n}", `{"database":{"m":{"url":""}}}`, CodeSource, []string{"empty"}},
	{"null url", "database \"m\" {\n url = env(\"DATABASE_URL\", null)\n}", `{"database":{"m":{"url":"${env(\"DATABASE_URL\", null)}"}}}`, CodeSource, []string{"DATABASE_URL"}},
	{"critical needs non-critical", "service \"a\" {\n command = [\"x\"]\n critical = false\n}\nservice \"b\" {\n command = [\"x\"]\n depends_on = [service.a]\n}",
		`{"service":{"a":{"command":["x"],"critical":false},"b":{"command":["x"],"depends_on":["service.a"]}}}`, CodeCritical, []string{"after", "service.a"}},
	{"task on demand", "task \"t\" {\n command = [\"x\"]\n}\nservice \"b\" {\n command = [\"x\"]\n depends_on = [task.t]\n}",
		`{"task":{"t":{"command":["x"]}},"service":{"b":{"command":["x"],"depends_on":["task.t"]}}}`, CodeDemand, []string{`run`, `"up" in its block`}},
	{"disabled", "service \"a\" {\n command = [\"x\"]\n enabled = false\n port = 1\n}\nservice \"b\" {\n command = [\"x\", service.a.url]\n}",
		`{"service":{"a":{"command":["x"],"enabled":false,"port":1},"b":{"command":["x","${service.a.url}"]}}}`, CodeDisabled, []string{"disabled at"}},
	{"two orders", "service \"a\" {\n command = [\"x\"]\n}\nservice \"b\" {\n command = [\"x\"]\n depends_on = [service.a]\n after = [service.a]\n}",
		`{"service":{"a":{"command":["x"]},"b":{"command":["x"],"depends_on":["service.a"],"after":["service.a"]}}}`, CodeOrder, nil},
	{"structure known later", "service \"a\" {\n command = [\"x\"]\n port = \"auto\"\n}\nservice \"b\" {\n command = [\"x\"]\n port = service.a.port\n}",
		`{"service":{"a":{"command":["x"],"port":"auto"},"b":{"command":["x"],"port":"${service.a.port}"}}}`, CodeUnknown, []string{"service.a.port"}},
	{"for_each of a number", "service \"a\" {\n command = [\"x\"]\n for_each = 3\n}", `{"service":{"a":{"command":["x"],"for_each":3}}}`, CodeForEach, nil},
	{"each without for_each", "service \"a\" {\n command = [each.key]\n}", `{"service":{"a":{"command":["${each.key}"]}}}`, CodeReference, []string{"for_each"}},
	{"unknown instance", "service \"w\" {\n command = [\"x\"]\n for_each = [\"a\"]\n}\nservice \"b\" {\n command = [\"x\"]\n depends_on = [service.w[\"z\"]]\n}",
		`{"service":{"w":{"command":["x"],"for_each":["a"]},"b":{"command":["x"],"depends_on":["service.w[\"z\"]"]}}}`, CodeInstance, []string{"it has a"}},
	{"which instance", "service \"w\" {\n command = [\"x\"]\n for_each = [\"a\"]\n port = 80\n}\nservice \"b\" {\n command = [\"x\", service.w.url]\n}",
		`{"service":{"w":{"command":["x"],"for_each":["a"],"port":80},"b":{"command":["x","${service.w.url}"]}}}`, CodeInstance, []string{`service.w["a"].url`}},
	{"threshold of another unit", "threshold \"t\" {\n watch = host.memory_used\n warning {\n  above = \"5GB\"\n }\n}",
		`{"threshold":{"t":{"watch":"host.memory_used","warning":{"above":"5GB"}}}}`, CodeUnit, []string{"share"}},
	{"watch of all", "service \"w\" {\n command = [\"x\"]\n for_each = [\"a\"]\n}\nthreshold \"t\" {\n watch = service.w.memory\n warning {\n  above = \"5GB\"\n }\n}",
		`{"service":{"w":{"command":["x"],"for_each":["a"]}},"threshold":{"t":{"watch":"service.w.memory","warning":{"above":"5GB"}}}}`, CodeInstance, []string{`service.w["a"].memory`}},
	{"levels", "threshold \"t\" {\n watch = host.memory_used\n warning {\n  above = \"80%\"\n }\n critical {\n  above = \"70%\"\n }\n}",
		`{"threshold":{"t":{"watch":"host.memory_used","warning":{"above":"80%"},"critical":{"above":"70%"}}}}`, CodeLevels, nil},
	{"no action", "service \"a\" {\n command = [\"x\"]\n}\nthreshold \"t\" {\n watch = host.memory_used\n warning {\n  above = \"80%\"\n  do = [service.a]\n }\n}",
		`{"service":{"a":{"command":["x"]}},"threshold":{"t":{"watch":"host.memory_used","warning":{"above":"80%","do":["service.a"]}}}}`, CodeKind, []string{"restart"}},
	{"wrong action", "service \"a\" {\n command = [\"x\"]\n}\nthreshold \"t\" {\n watch = host.memory_used\n warning {\n  above = \"80%\"\n  do = [signal(service.a, \"HUP\")]\n }\n}",
		`{"service":{"a":{"command":["x"]}},"threshold":{"t":{"watch":"host.memory_used","warning":{"above":"80%","do":["signal(service.a, \"HUP\")"]}}}}`, CodeSignal, []string{"SIGHUP"}},
	{"memory", "service \"a\" {\n command = [\"x\"]\n memory {\n  warning = \"2GB\"\n  max = \"1GB\"\n }\n}",
		`{"service":{"a":{"command":["x"],"memory":{"warning":"2GB","max":"1GB"}}}}`, CodeMemoryOrder, nil},
	{"port clash", "service \"a\" {\n command = [\"x\"]\n port = 80\n}\nservice \"b\" {\n command = [\"x\"]\n port = 80\n}",
		`{"service":{"a":{"command":["x"],"port":80},"b":{"command":["x"],"port":80}}}`, CodePortClash, []string{"service.a"}},
	{"answers for a connection", "breaker \"b\" {\n target = \"tcp://localhost:1\"\n fallback {\n  status = 503\n }\n}\nservice \"a\" {\n command = [\"x\", breaker.b.url]\n}",
		`{"breaker":{"b":{"target":"tcp://localhost:1","fallback":{"status":503}}},"service":{"a":{"command":["x","${breaker.b.url}"]}}}`, CodeCombine, []string{"tcp://host:port"}},
	{"upstreams of two kinds", "breaker \"b\" {\n target = \"http://localhost:1\"\n fallback {\n  upstream = \"tcp://localhost:2\"\n }\n}\nservice \"a\" {\n command = [\"x\", breaker.b.url]\n}",
		`{"breaker":{"b":{"target":"http://localhost:1","fallback":{"upstream":"tcp://localhost:2"}}},"service":{"a":{"command":["x","${breaker.b.url}"]}}}`, CodeCombine, []string{"both tcp"}},
	{"a tcp target with a path", "breaker \"b\" {\n target = \"tcp://localhost:1/x\"\n}\nservice \"a\" {\n command = [\"x\", breaker.b.url]\n}",
		`{"breaker":{"b":{"target":"tcp://localhost:1/x"}},"service":{"a":{"command":["x","${breaker.b.url}"]}}}`, CodeCombine, []string{"a host and a port"}},
	{"breakers before one another", "breaker \"a\" {\n target = breaker.b.url\n listen = \"127.0.0.1:1\"\n}\nbreaker \"b\" {\n target = breaker.a.url\n listen = \"127.0.0.1:2\"\n}",
		`{"breaker":{"a":{"target":"${breaker.b.url}","listen":"127.0.0.1:1"},"b":{"target":"${breaker.a.url}","listen":"127.0.0.1:2"}}}`, CodeCycle, nil},
	{"unused breaker", "breaker \"b\" {\n target = \"http://localhost:1\"\n}", `{"breaker":{"b":{"target":"http://localhost:1"}}}`, CodeUnusedBreaker, nil},
	{"literal url", "service \"a\" {\n command = [\"x\"]\n port = 80\n}\nservice \"b\" {\n command = [\"x\"]\n env = { A_URL = \"http://localhost:80/x\" }\n}",
		`{"service":{"a":{"command":["x"],"port":80},"b":{"command":["x"],"env":{"A_URL":"http://localhost:80/x"}}}}`, CodeLiteralURL, []string{`A_URL`, "service.a.url"}},
	{"empty webhook", "notify \"n\" {\n webhook = env(\"W\", \"\")\n}", `{"notify":{"n":{"webhook":"${env(\"W\", \"\")}"}}}`, CodeWebhook, []string{"W"}},
	{"queries without gateway", "database \"m\" {}\nthreshold \"t\" {\n watch = database.m.query_time_avg\n warning {\n  above = \"1s\"\n }\n}",
		`{"database":{"m":{}},"threshold":{"t":{"watch":"database.m.query_time_avg","warning":{"above":"1s"}}}}`, CodeGateway, nil},
	{"boundaries", "boundary \"a\" {}\nboundary \"b\" {}", `{"boundary":{"a":{},"b":{}}}`, CodeSameBoundaries, nil},
	{"schedule", "task \"t\" {\n command = [\"x\"]\n schedule = \"* * * *\"\n}", `{"task":{"t":{"command":["x"],"schedule":"* * * *"}}}`, CodeSchedule, []string{"five"}},
	{"task of nothing", `task "t" {}`, `{"task":{"t":{}}}`, CodeCombine, nil},
	{"probe of no URL", "service \"a\" {\n command = [\"x\"]\n ready {\n  http = \"localhost:80/\"\n }\n}", `{"service":{"a":{"command":["x"],"ready":{"http":"localhost:80/"}}}}`, CodeType, []string{"begins with http:// or https://", `a path of the service's own such as "/healthz"`}},
	{"database of no URL", "database \"d\" {\n url = \"localhost:5432/x\"\n}", `{"database":{"d":{"url":"localhost:5432/x"}}}`, CodeType, []string{`"postgres://user@127.0.0.1:5432/name"`}},
	{"unknown user", "service \"a\" {\n command = [\"x\"]\n user = \"nobody-here\"\n}", `{"service":{"a":{"command":["x"],"user":"nobody-here"}}}`, CodeUser, nil},
	{"bad label", "service \"a b\" {\n command = [\"x\"]\n}", `{"service":{"a b":{"command":["x"]}}}`, CodeName, nil},
	{"same address", "service \"a\" {\n command = [\"x\"]\n}\nservice \"a\" {\n command = [\"x\"]\n}", `{"service":{"a":[{"command":["x"]},{"command":["x"]}]}}`, CodeDuplicateAddr, []string{"first stands at"}},
	{"empty host", "database \"d\" {\n host = \"\"\n}", `{"database":{"d":{"host":""}}}`, CodeSource, []string{"host of database.d is empty"}},
	{"word of other tools", "service \"a\" {\n command = [\"x\"]\n count = 2\n}", `{"service":{"a":{"command":["x"],"count":2}}}`, CodeArgument, []string{`did you mean "for_each"`}},
	{"address in a template", "service \"a\" {\n command = [\"x\"]\n depends_on = [\"${service.b}\"]\n}\nservice \"b\" {\n command = [\"x\"]\n}",
		`{"service":{"a":{"command":["x"],"depends_on":["${service.b}"]},"b":{"command":["x"]}}}`, CodeKind, []string{"write ", "service.b"}},
	{"value instead of an address", "variable \"v\" {}\nservice \"a\" {\n command = [\"x\"]\n depends_on = [var.v]\n}",
		`{"variable":{"v":{}},"service":{"a":{"command":["x"],"depends_on":["var.v"]}}}`, CodeKind, []string{"such as service.api", "var.v is a value"}},
	{"text instead of a list", "service \"a\" {\n command = [\"x\"]\n env_file = \"a.env\"\n}",
		`{"service":{"a":{"command":["x"],"env_file":"a.env"}}}`, CodeType, []string{`such as ["a.env"]`}},
	{"unknown argument in other letters", "service \"a\" {\n COMMAND = [\"x\"]\n}", `{"service":{"a":{"COMMAND":["x"]}}}`, CodeArgument, []string{`did you mean "command"`}},
	{"unknown argument, the right one set", "service \"a\" {\n command = [\"x\"]\n comand = [\"y\"]\n}", "{\"service\":{\"a\":{\n\"command\":[\"x\"],\"comand\":[\"y\"]}}}", CodeArgument, []string{`did you mean "command"? It is set already, on line 2.`}},
	{"unknown block in other letters", "SERVICE \"a\" {\n command = [\"x\"]\n}", `{"SERVICE":{"a":{"command":["x"]}}}`, "", []string{`did you mean "service"`}},
	{"unknown argument of a small block", "service \"a\" {\n command = [\"x\"]\n stop {\n  grace = \"1s\"\n }\n}", `{"service":{"a":{"command":["x"],"stop":{"grace":"1s"}}}}`, CodeArgument, []string{"stand here: signal, timeout."}},
	{"address in other letters", "service \"Api_Server\" {\n command = [\"x\"]\n port = 1\n}\nservice \"b\" {\n command = [\"x\", service.api_server.url]\n}",
		`{"service":{"Api_Server":{"command":["x"],"port":1},"b":{"command":["x","${service.api_server.url}"]}}}`, CodeReference, []string{`did you mean "service.Api_Server"`}},
	{"kind in other letters", "service \"api\" {\n command = [\"x\"]\n}\nservice \"b\" {\n command = [\"x\"]\n depends_on = [Service.api]\n}",
		`{"service":{"api":{"command":["x"]},"b":{"command":["x"],"depends_on":["Service.api"]}}}`, CodeReference, []string{`did you mean "service"`}},
	{"unknown address, nothing near", "database \"main\" {}\nservice \"a\" {\n command = [\"x\"]\n env = { A = database.production.url }\n}",
		`{"database":{"main":{}},"service":{"a":{"command":["x"],"env":{"A":"${database.production.url}"}}}}`, CodeReference, []string{"Declared are database.main."}},
	{"unknown address of a kind without blocks", "service \"a\" {\n command = [\"x\"]\n env = { A = database.production.url }\n}",
		`{"service":{"a":{"command":["x"],"env":{"A":"${database.production.url}"}}}}`, CodeReference, []string{"no block of the kind database."}},
	{"unknown address among many", "locals {\n x = service.zzzz.url\n}" + manyServices(9), "", CodeReference, []string{"Declared are service.s0, service.s1, service.s2, service.s3, service.s4 and 4 more."}},
	{"variable in other letters", "variable \"token\" {}\nlocals {\n a = var.TOKEN\n}", `{"variable":{"token":{}},"locals":{"a":"${var.TOKEN}"}}`, CodeReference, []string{`did you mean "var.token"`}},
	{"unknown variable, nothing near", "variable \"token\" {}\nlocals {\n a = var.port\n}", `{"variable":{"token":{}},"locals":{"a":"${var.port}"}}`, CodeReference, []string{"Declared are var.token. To declare it, write"}},
	{"unknown local, nothing near", "locals {\n a = 1\n b = local.port\n}", `{"locals":{"a":1,"b":"${local.port}"}}`, CodeReference, []string{"They have local.a, local.b."}},
	{"condition in other letters", "service \"api\" {\n command = [\"x\"]\n}\nservice \"b\" {\n command = [\"x\"]\n depends_on = [service.api.READY]\n}",
		`{"service":{"api":{"command":["x"]},"b":{"command":["x"],"depends_on":["service.api.READY"]}}}`, CodeMember, []string{`did you mean "service.api.ready"`}},
	{"function in other letters", "locals {\n a = UPPER(\"x\")\n}", `{"locals":{"a":"${UPPER(\"x\")}"}}`, CodeFunction, []string{`did you mean "upper"`}},
	{"unknown function, nothing near", "locals {\n a = timestamp()\n}", `{"locals":{"a":"${timestamp()}"}}`, CodeFunction, []string{"syndicate schema functions"}},
	{"port of letters", "service \"a\" {\n command = [\"x\"]\n port = \"x\"\n}", `{"service":{"a":{"command":["x"],"port":"x"}}}`, CodeType, []string{`port must be a number or "auto", not a string.`}},
	{"one address instead of a list", "service \"a\" {\n command = [\"x\"]\n}\nservice \"b\" {\n command = [\"x\"]\n depends_on = service.a\n}", "", CodeType, []string{"write [service.a], with brackets"}},
	{"one address instead of a list in JSON", "", `{"service":{"a":{"command":["x"]},"b":{"command":["x"],"depends_on":"service.a"}}}`, CodeType, []string{`write ["service.a"], with brackets`}},
	{"shell value in JSON", "", `{"variable":{"v":{"default":1}},"service":{"a":{"command":"run ${var.v}"}}}`, CodeShell, []string{`write "env": { "VALUE": "${var.v}" } and`, `["program", "${var.v}"]`}},
	{"block for an argument in JSON", "", `{"service":{"a":{}}}`, CodeArgument, []string{`write "command": ["program", "argument"].`}},
	{"critical needs non-critical in JSON", "", `{"service":{"a":{"command":["x"],"critical":false},"b":{"command":["x"],"depends_on":["service.a"]}}}`, CodeCritical, []string{`"after": ["service.a"]`}},
	{"missing file", "locals {\n a = file(\"nofile\")\n}", `{"locals":{"a":"${file(\"nofile\")}"}}`, CodePath, []string{"cannot read nofile: ", "file does not exist."}},
	{"engine's own name in env", "service \"a\" {\n command = [\"x\"]\n env = { SYNDICATE_RUN = 1 }\n}", `{"service":{"a":{"command":["x"],"env":{"SYNDICATE_RUN":1}}}}`, CodeName, []string{"SYNDICATE_RUN is set by syndicate"}},
	{"kept processes", "service \"a\" {\n command = [\"x\"]\n orphans = \"keep\"\n}", `{"service":{"a":{"command":["x"],"orphans":"keep"}}}`, CodeOrphans, []string{"service.a", "Remove orphans"}},
	{"a variable's value in the configuration", "port = 3000", "", CodeArgument, []string{"What may stand here: syndicate schema. Values of variables", "*.auto.vars.hcl"}},
	{"repeated key", "service \"a\" {\n command = [\"x\"]\n for_each = [\"a\", \"a\"]\n}", `{"service":{"a":{"command":["x"],"for_each":["a","a"]}}}`, CodeForEach, []string{`"a" stands twice`}},
	{"attribute that an object lacks", "locals {\n o = { name = \"x\", port = 1 }\n a = local.o.nme\n}", `{"locals":{"o":{"name":"x","port":1},"a":"${local.o.nme}"}}`, CodeEvaluate, []string{`no attribute "nme". did you mean "name"`}},
	{"key that an object lacks", "locals {\n o = { name = \"x\", port = 1 }\n a = local.o[\"zzz\"]\n}", `{"locals":{"o":{"name":"x","port":1},"a":"${local.o[\"zzz\"]}"}}`, CodeEvaluate, []string{`no attribute "zzz". It has name, port.`}},
	{"key that a map lacks", "variable \"m\" {\n type = map(string)\n default = { eu = 1, us = 2 }\n}\nlocals {\n k = \"ue\"\n a = var.m[local.k]\n}",
		`{"variable":{"m":{"type":"map(string)","default":{"eu":1,"us":2}}},"locals":{"k":"ue","a":"${var.m[local.k]}"}}`, CodeEvaluate, []string{`no attribute "ue". did you mean "eu"`}},
	{"attribute that an element lacks", "locals {\n o = [{ name = \"x\" }]\n a = [for x in local.o : x.nmae]\n}", `{"locals":{"o":[{"name":"x"}],"a":"${[for x in local.o : x.nmae]}"}}`, CodeEvaluate, []string{`no attribute "nmae". did you mean "name"`}},
	{"attribute that an element of a function's result lacks", "locals {\n o = { name = \"x\" }\n a = merge(local.o, {}).nmae\n}", `{"locals":{"o":{"name":"x"},"a":"${merge(local.o, {}).nmae}"}}`, CodeEvaluate, []string{`no attribute "nmae". did you mean "name"`}},
	{"letters in the wrong order", "database \"m\" {}\nservice \"a\" {\n command = [\"x\", database.m.ulr]\n}", `{"database":{"m":{}},"service":{"a":{"command":["x","${database.m.ulr}"]}}}`, CodeMember, []string{`did you mean "url"`}},
	{"literal that is computed", "syndicate {\n parallelism = 1 + 1\n}", `{"syndicate":{"parallelism":"${1 + 1}"}}`, CodeLiteral, []string{"nothing to compute"}},
	{"state_dir of nothing", "syndicate {\n state_dir = \"\"\n}", `{"syndicate":{"state_dir":""}}`, CodeEmpty, []string{"state_dir is empty. Where there is none, leave it out; null is the same."}},
	{"action without its e", "service \"a\" {\n command = [\"x\"]\n}\nthreshold \"t\" {\n watch = host.cpu\n warning {\n  above = \"1%\"\n  do = [service.a.rstart]\n }\n}", `{"service":{"a":{"command":["x"]}},"threshold":{"t":{"watch":"host.cpu","warning":{"above":"1%","do":["service.a.rstart"]}}}}`, CodeMember, []string{`Did you mean "service.a.restart"?`}},
	{"recovery that does nothing", "boundary \"b\" {\n recover {\n  do = []\n }\n}", `{"boundary":{"b":{"recover":{"do":[]}}}}`, CodeEmpty, []string{"do names no action", "service.api.restart"}},
	{"null for what is done", "boundary \"b\" {\n give_up {\n  do = null\n }\n}", `{"boundary":{"b":{"give_up":{"do":null}}}}`, CodeEmpty, []string{"do names no action"}},
	{"window of a probe", "service \"a\" {\n command = [\"x\"]\n ready {\n  tcp = \"localhost:1\"\n  within = \"5s\"\n }\n}", `{"service":{"a":{"command":["x"],"ready":{"tcp":"localhost:1","within":"5s"}}}}`, CodeArgument, []string{`Did you mean "deadline"?`}},
	{"limit of a service", "service \"a\" {\n command = [\"x\"]\n again_after = \"5s\"\n}", `{"service":{"a":{"command":["x"],"again_after":"5s"}}}`, CodeArgument, []string{"It belongs in service.restart."}},
	{"space in a name", "service \"a\" {\n command = [\"x\"]\n env = { \"A B\" = 1 }\n}", `{"service":{"a":{"command":["x"],"env":{"A B":1}}}}`, CodeName, []string{"it holds a space"}},
	{"user of nothing", "service \"a\" {\n command = [\"x\"]\n user = \"\"\n}", `{"service":{"a":{"command":["x"],"user":""}}}`, CodeEmpty, []string{"user is empty."}},
	{"version to come", "database \"d\" {\n managed {\n  version = 99\n }\n}", `{"database":{"d":{"managed":{"version":99}}}}`, CodeRange, []string{"at most 30"}},
	{"wrong unit of time", "service \"a\" {\n command = [\"x\"]\n live {\n  tcp = 80\n  interval = \"10us\"\n }\n}", `{"service":{"a":{"command":["x"],"live":{"tcp":80,"interval":"10us"}}}}`, CodeRange, []string{"at least 1ms"}},
	{"fallback of null", "breaker \"b\" {\n target = \"http://localhost:1\"\n fallback {\n  file = null\n }\n}\nservice \"a\" {\n command = [\"x\", breaker.b.url]\n}",
		`{"breaker":{"b":{"target":"http://localhost:1","fallback":{"file":null}}},"service":{"a":{"command":["x","${breaker.b.url}"]}}}`, CodeCombine, []string{"A fallback has one of"}},
	{"address of another kind", "queue \"q\" {}\nservice \"a\" {\n command = [\"x\"]\n}\ntask \"t\" {\n command = [\"x\"]\n queue = service.a\n}",
		`{"queue":{"q":{}},"service":{"a":{"command":["x"]}},"task":{"t":{"command":["x"],"queue":"service.a"}}}`, CodeKind, []string{"A queue is needed here, and service.a is none. Declared are queue.q."}},
	{"watch of null", "threshold \"t\" {\n watch = null\n warning {\n  above = 1\n }\n}", `{"threshold":{"t":{"watch":null,"warning":{"above":1}}}}`, CodeNull, []string{"needs a metric"}},
}

// manyServices declares n services.
func manyServices(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "\nservice \"s%d\" {\n command = [\"x\"]\n}", i)
	}
	return b.String()
}

// Every message is made of sentences: it begins with a capital, a name or
// something quoted, and ends once.
func TestMessagesAreSentences(t *testing.T) {
	for _, m := range mistakes {
		for name, text := range map[string]string{"c.hcl": m.native, "c.hcl.json": m.json} {
			if text == "" {
				continue
			}
			_, ds := load(t, files{name: text})
			for _, d := range ds {
				wrong := !strings.HasSuffix(d.Detail, ".") && !strings.HasSuffix(d.Detail, "?")
				for _, s := range []string{"..", "?.", " .", "  ", ". a ", ".:", ",,", "<nil>", "%!"} {
					wrong = wrong || strings.Contains(strings.ReplaceAll(d.Detail, "...", ""), s)
				}
				if wrong || strings.ContainsAny(d.Summary, ".:") {
					t.Errorf("%s: %s: %s", m.name, d.Summary, d.Detail)
				}
			}
		}
	}
}

// TestMistakes finds each mistake in both syntaxes, at a place, in a block.
func TestMistakes(t *testing.T) {
	for _, m := range mistakes {
		for name, text := range map[string]string{"c.hcl": m.native, "c.hcl.json": m.json} {
			if text == "" {
				continue // it cannot be made in this syntax
			}
			t.Run(m.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				_, ds := load(t, files{name: text})
				if len(ds) == 0 {
					t.Fatal("nothing found")
				}
				for _, d := range ds {
					if d.Code == m.code || m.code == "" {
						if found(d, m.words) {
							if d.Subject.Filename != name {
								t.Errorf("at %v", d.Subject)
							}
							return
						}
					}
				}
				t.Errorf("want %s with %q, got", m.code, m.words)
				for _, d := range ds {
					t.Errorf("  %s %s", d.Code, d.Error())
				}
			})
		}
	}
}

func found(d spec.Diagnostic, words []string) bool {
	for _, w := range words {
		if !strings.Contains(strings.ToLower(d.Error()), strings.ToLower(w)) {
			return false
		}
	}
	return true
}

// An argument that is only misspelt is one mistake: it is not missing as well.
func TestMisspeltIsNotMissing(t *testing.T) {
	for name, text := range map[string]string{
		"c.hcl":      "service \"a\" {\n comand = [\"x\"]\n}\nbreaker \"b\" {\n taget = \"http://x\"\n}",
		"c.hcl.json": `{"service":{"a":{"comand":["x"]}},"breaker":{"b":{"taget":"http://x"}}}`,
	} {
		_, ds := load(t, files{name: text})
		var said []string
		for _, d := range ds {
			if d.Severity == spec.Error {
				said = append(said, d.Summary)
			}
		}
		if len(said) != 2 || slices.Contains(said, "Missing required argument") {
			t.Errorf("%s: %v", name, ds)
		}
	}
	if _, ds := load(t, files{"c.hcl": "service \"a\" {\n image = \"x\"\n}"}); len(ds) != 2 {
		t.Errorf("what is neither written nor misspelt: %v", ds)
	}
}
