package plan

import (
	"strconv"

	"github.com/syndicate/syndicate/spec"
)

// Settings returns what a system declares for itself as a whole, as a later
// plan compares it. A token that is written out tells only whether it is the
// same, and that only with the key of the digests.
func Settings(sys *spec.System, key []byte) []Value {
	parallelism := "unlimited"
	if sys.Parallelism > 0 {
		parallelism = strconv.Itoa(sys.Parallelism)
	}
	list := []Value{
		{Name: "parallelism", Text: parallelism},
		{Name: "degraded", Text: sys.Degraded},
		{Name: "on_failure", Text: sys.OnFailure},
	}
	h := sys.HTTP
	if h == nil {
		return list
	}
	w := writer{step: &Step{Values: list}, dir: sys.Dir, digest: newDigester(sys.Dir, key)}
	w.value("http.listen", h.Listen)
	if h.Token.IsSet() {
		w.add(exprValue(w, "http.token", h.Token))
	}
	w.value("http.metrics", h.Metrics)
	w.value("http.tls.cert", h.TLSCert)
	w.value("http.tls.key", h.TLSKey)
	return w.step.Values
}
