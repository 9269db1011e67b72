// Package process starts, signals and reaps operating system processes and
// holds their trees together: nothing that descends from a service outlives
// its Stop.
package process
