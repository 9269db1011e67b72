//go:build !linux

package pg

// processesIn cannot look at other processes' working directories here.
// PostgreSQL itself refuses to start beside a server or backends that hold
// the data directory, and Diagnose says what to do then.
func processesIn(string) (pids []int, known bool) { return nil, false }
