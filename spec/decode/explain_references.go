package decode

// explainReferences covers addresses and what they stand for.
func explainReferences() []Explanation {
	return []Explanation{
		{CodeReference, "An address does not exist",
			`The address names a block that no file of the configuration declares. The message suggests the nearest one. Addresses are the kind and the name: service.api; variables are var.NAME and locals local.NAME.

Shell variables such as ${HOME} are not HCL's: write $${HOME}, or env("HOME").`,
			`service "api" {
  command    = ["./api"]
  depends_on = [service.cahce]
}

service "cache" {
  command = ["./cache"]
}`,
			`service "api" {
  command    = ["./api"]
  depends_on = [service.cache]
}

service "cache" {
  command = ["./cache"]
}`},
		{CodeMember, "A block has no such member",
			`Each kind of block has attributes (values, such as url), conditions (moments, such as ready), metrics (numbers that move) and actions (things to do). The address names none of this block's, or the block lacks what the attribute needs: a service without a port has no url.`,
			`service "api" {
  command = ["./api"]
  env     = { CACHE = service.cache.url }
}

service "cache" {
  command = ["./cache"]
}`,
			`service "api" {
  command = ["./api"]
  env     = { CACHE = service.cache.url }
}

service "cache" {
  command = ["./cache"]
  port    = 6379
}`},
		{CodeKind, "An address stands where another kind belongs",
			`The address exists, but this argument needs something else: a condition in depends_on and after, a metric in watch, an action in do, a queue in queue. The message says what belongs here and suggests it.`,
			`service "api" {
  command    = ["./api"]
  depends_on = [service.cache.memory]
}

service "cache" {
  command = ["./cache"]
}`,
			`service "api" {
  command    = ["./api"]
  depends_on = [service.cache.ready]
}

service "cache" {
  command = ["./cache"]
}`},
		{CodeCycle, "Values are made of one another",
			`Each of these values needs the next one, and the last needs the first, so none can be had. The places that make the circle are listed in order: take one of them away.`,
			`locals {
  a = local.b
  b = local.a
}

service "api" {
  command = [local.a]
}`,
			`locals {
  a = local.b
  b = "./api"
}

service "api" {
  command = [local.a]
}`},
		{CodeSelf, "A block refers to itself by its address",
			`Inside its own block a block says self: self.port, self.url. By its address it would wait for itself.`,
			`service "api" {
  command = ["./api"]
  port    = 8080
  env     = { URL = service.api.url }
}`,
			`service "api" {
  command = ["./api"]
  port    = 8080
  env     = { URL = self.url }
}`},
		{CodeDisabled, "A value of a disabled block is read",
			`A block with enabled = false does not exist, so it has no values. Uses of it in depends_on and the like vanish by themselves; a value cannot. Make the reader depend on the same switch, for instance with a conditional, or disable it as well. A service or task with profiles of which none is active is disabled, too: the message says which --profile brings it into being.`,
			`service "api" {
  command = ["./api"]
  env     = { CACHE = service.cache.url }
}

service "cache" {
  command = ["./cache"]
  port    = 6379
  enabled = false
}`,
			`service "api" {
  command = ["./api"]
}

service "cache" {
  command = ["./cache"]
  port    = 6379
  enabled = false
}`},
		{CodeOrder, "One block is named for two kinds of order",
			`depends_on waits for a block, after waits unless it failed, and no_wait does not wait at all. A block stands in at most one of them, since two would contradict each other.`,
			`service "api" {
  command    = ["./api"]
  depends_on = [service.cache]
  after      = [service.cache]
}

service "cache" {
  command = ["./cache"]
}`,
			`service "api" {
  command = ["./api"]
  after   = [service.cache]
}

service "cache" {
  command = ["./cache"]
}`},
		{CodeCritical, "Something critical depends on something that is not",
			`A non-critical block may fail without the system failing; a critical one that waits for it would fail with it all the same. Wait softly with after, which goes on when the other has failed, or make both critical, or neither.`,
			`service "api" {
  command    = ["./api"]
  depends_on = [service.cache]
}

service "cache" {
  command  = ["./cache"]
  critical = false
}`,
			`service "api" {
  command = ["./api"]
  after   = [service.cache]
}

service "cache" {
  command  = ["./cache"]
  critical = false
}`},
		{CodeDemand, "A task that is not part of start-up is waited for",
			`A task runs when it is asked to, and perhaps never, so nothing can wait for its completion. With run = "up" it is a step of every start and can be waited for.`,
			`task "seed" {
  command = ["./seed"]
}

service "api" {
  command    = ["./api"]
  depends_on = [task.seed]
}`,
			`task "seed" {
  command = ["./seed"]
  run     = "up"
}

service "api" {
  command    = ["./api"]
  depends_on = [task.seed]
}`},
		{CodeInstance, "An instance does not exist",
			`The block has for_each, and no element of it has that key; or it has none, and so no instances; or one instance is needed where all of them are named. The keys that exist are in the message.`,
			`service "worker" {
  for_each = toset(["a", "b"])
  command  = ["./worker"]
}

service "api" {
  command    = ["./api"]
  depends_on = [service.worker["c"]]
}`,
			`service "worker" {
  for_each = toset(["a", "b"])
  command  = ["./worker"]
}

service "api" {
  command    = ["./api"]
  depends_on = [service.worker["b"]]
}`},
	}
}
