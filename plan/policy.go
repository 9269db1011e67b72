package plan

// isPolicy reports whether a field of package spec, by type and name, says
// how a unit is looked after and not what its process is: such a field
// changes in place. All others are part of the run digest. A field under a
// policy is policy too. Decide here when spec gains a field; a test asks.
//
// Probes are policy: ready counts from the next start, and live is exchanged
// under the running process.
func isPolicy(field string) bool {
	switch field {
	case "Block.Critical",
		"Command.InheritEnv",                                  // what it matched counts: Inherited
		"EnvFile.Path", "EnvFile.Optional", "EnvFile.Missing": // its Vars count
		return true
	case "Service.Ready", "Service.Live", "Service.Start", "Service.Restart", "Service.Stop",
		"Service.Log", "Service.Memory", "Service.OnDependencyRestart", "Service.Orphans":
		return true
	case "Task.Run", "Task.Queue", "Task.Priority", "Task.Timeout", "Task.MaxMemory", "Task.Concurrency",
		"Task.Schedule", "Task.Timezone", "Task.Missed", "Task.Needs", "Task.Retry", "Task.Stop", "Task.Log":
		return true
	case "Database.Retry", "Database.Health", "Database.Pool", "Database.QueryTimeout", "Database.Breaker", "Database.Schema",
		"Database.Stop", "Database.Log", "Migrations.OnUp", "Migrations.LockTimeout":
		return true
	case "Gateway.MaxConn", "Gateway.MaxWaiting", "Gateway.AcquireTimeout", "Gateway.SlowQuery":
		return true
	case "Breaker.BreakerPolicy", "Breaker.CallRules", "Breaker.Routes", "Breaker.ConnectTimeout", "Breaker.TLS", "Breaker.PreserveHost",
		"Breaker.MaxCalls", "Breaker.MaxWaiting", "Breaker.QueueTimeout", "Breaker.Share", "Breaker.OnOpen", "Breaker.Probe",
		"Breaker.Target": // but for its scheme: see digester.of
		return true
	case "Queue.Workers", "Queue.MaxDepth", "Queue.MaxMemory", "Queue.SuspendOn":
		return true
	}
	return false
}
