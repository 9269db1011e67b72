package decode

import (
	"slices"

	"github.com/syndicate/syndicate/spec"
)

// members are what an address of one kind has behind its name.
type members struct {
	attributes []string
	conditions []string          // the default one first
	metrics    map[string]string // name to unit
	actions    []string
	// bare is the action that the address alone names, empty without one.
	bare string
}

// The units of metrics.
const (
	unitShare    = "share"
	unitSize     = "size"
	unitDuration = "duration"
	unitRate     = "rate"
	unitCount    = "count"
)

// members returns what blocks of a kind offer. The answers are made once, when
// the loader is: thousands of references ask.
func (l *loader) members(kind spec.Kind) members { return l.offers[kind] }

// offers makes the answers of loader.members.
func offers() map[spec.Kind]members {
	out := map[spec.Kind]members{}
	for _, k := range append(slices.Clone(spec.Kinds), spec.KindHost, spec.KindSystem) {
		out[k] = membersOf(k)
	}
	return out
}

// membersOf returns what blocks of a kind offer.
func membersOf(kind spec.Kind) members {
	switch kind {
	case spec.KindService:
		return members{
			attributes: []string{"host", "port", "ports", "url"},
			conditions: []string{"ready", "started"},
			metrics: map[string]string{
				"memory": unitSize, "heap": unitSize, "memory_share": unitShare, "heap_share": unitShare,
				"cpu": unitShare, "restarts": unitCount, "uptime": unitDuration,
				"availability": unitShare, "error_rate": unitRate,
			},
			actions: []string{"start", "stop", "restart", "gc", "signal"},
		}
	case spec.KindTask:
		return members{
			conditions: []string{"completed"},
			metrics: map[string]string{
				"completion_rate": unitShare, "duration_avg": unitDuration,
				"running": unitCount, "failed": unitCount,
			},
			actions: []string{"run", "cancel"},
			bare:    "run",
		}
	case spec.KindDatabase:
		return members{
			attributes: []string{"url", "direct_url", "host", "port", "name", "user", "password"},
			conditions: []string{"migrated", "ready"},
			metrics: map[string]string{
				"query_time_avg": unitDuration, "query_time_p95": unitDuration, "pool_wait": unitDuration,
				"success_rate": unitShare, "connections": unitCount, "breaker_open": unitCount,
			},
			actions: []string{"check", "migrate", "restart", "trip", "reset"},
			bare:    "check",
		}
	case spec.KindBreaker:
		return members{
			attributes: []string{"url"},
			conditions: []string{"ready"},
			metrics: map[string]string{
				"failure_rate": unitShare, "success_rate": unitShare, "latency_p95": unitDuration,
				"calls": unitRate, "open": unitCount,
			},
			actions: []string{"trip", "reset"},
		}
	}
	return watcherMembers(kind)
}

// watcherMembers continues membersOf with the kinds that have no attributes
// to depend on, and the two built-in objects.
func watcherMembers(kind spec.Kind) members {
	switch kind {
	case spec.KindQueue:
		return members{
			conditions: []string{"ready"},
			metrics: map[string]string{
				"depth": unitCount, "running": unitCount, "refused": unitCount, "oldest": unitDuration,
				"memory": unitSize, "completion_rate": unitShare,
			},
			actions: []string{"suspend", "resume"},
		}
	case spec.KindThreshold:
		return members{metrics: map[string]string{"value": "", "level": unitCount}}
	case spec.KindBoundary:
		return members{
			metrics: map[string]string{"error_rate": unitRate, "recovery_rate": unitShare},
			actions: []string{"recover"},
		}
	case spec.KindNotify:
		return members{bare: "notify"}
	case spec.KindHost:
		return members{
			attributes: []string{"cpus", "memory_total", "hostname"},
			metrics: map[string]string{
				"memory_used": unitShare, "memory_pressure": unitShare, "cpu": unitShare, "disk_free": unitSize,
			},
		}
	case spec.KindSystem:
		return members{
			attributes: []string{"name"},
			metrics: map[string]string{
				"error_rate": unitRate, "recovery_rate": unitShare, "availability": unitShare,
				"fatal_errors": unitCount, "degraded": unitCount, "failed": unitCount,
			},
		}
	}
	return members{}
}

// what says what kind of member a name is: "a condition", or "" for none.
func (m members) what(name string) string {
	switch {
	case slices.Contains(m.attributes, name):
		return "an attribute"
	case slices.Contains(m.conditions, name):
		return "a condition"
	case m.metrics[name] != "" || name == "value" && m.metrics != nil && hasKey(m.metrics, name):
		return "a metric"
	case slices.Contains(m.actions, name):
		return "an action"
	}
	return ""
}

func hasKey(m map[string]string, k string) bool { _, ok := m[k]; return ok }
