package decode

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/syndicate/syndicate/spec"
)

// odd are values that a newcomer may write anywhere: nothing, too little, too
// much, and what is of another type.
var odd = strings.Fields(`null "" "\t" "x" true 0 -1 1 1.5 99 1000000 1e300 "0s" "1ns" "0B" "1B" "0%" "5%" "500%" ` +
	`[] [""] [0] [-1] ["x"] {} {a=""} {a=0} {""="x"} sensitive("x") service.auto.url`)

// texts are the odd values that may be a text: numbers and bools are texts as
// well, as everywhere in HCL.
const (
	literalTexts = ` "x" "0s" "1ns" "0B" "1B" "0%" "5%" "500%" `
	texts        = literalTexts + ` true 0 -1 1 1.5 99 1000000 1e300 `
	addressLists = ` null [] `
)

// plausible says by type which odd values are accepted.
var plausible = map[string]string{
	"bool":                           `null true`,
	"string":                         `null` + texts,
	"path":                           `null` + texts,
	"regexp":                         `null` + texts,
	"signal":                         `null`,
	"cron":                           `null`,
	"host:port":                      `null`,
	"duration":                       `null`,
	"size":                           `null "1B"`,
	"size rate":                      `null`,
	"share":                          `null "0%" "5%"`,
	"int":                            `null 1 99 1000000`,
	"number":                         `null 1 1.5 99`,
	"port":                           `null 1 99`,
	"map(port)":                      `null {}`,
	"map(string)":                    `null {} {a=""} {a=0}`,
	"list(string)":                   `null [] [0] [-1] ["x"]`,
	"list(regexp)":                   `null [] [0] [-1] ["x"]`,
	"list(path)":                     `null []`,
	"list(int)":                      `null []`,
	"list(signal)":                   `null []`,
	"metric":                         ``,
	"metric value":                   `null "0B" "1B"`,
	"command":                        literalTexts + `[0] [-1] ["x"]`,
	"any":                            `null ""` + literalTexts + `"\t" true 0 -1 1 1.5 99 1000000 1e300 [] [""] [0] [-1] ["x"] {} {a=""} {a=0} {""="x"}`,
	"type":                           ``,
	"name":                           `null "x"`,
	"map, or set or list of strings": `[] ["x"] {} {a=""} {a=0}`,
	"port or host:port":              `null 1 99 service.auto.url`,
	"address of a database":          `null`,
	"address of a queue":             `null`,
}

// plausibleOf says the same of attributes that are more or less particular
// than their type, by the end of their paths.
var plausibleOf = map[string]string{
	// The syndicate block and what describes a variable take literals of the
	// very type.
	"syndicate.state_dir":   `null` + literalTexts,
	"syndicate.parallelism": `null 0 1 99 1000000`,
	"syndicate.http.listen": ``,
	"syndicate.http.token":  `null`, // what may be a token has 16 characters
	"http.tls.cert":         literalTexts,
	"http.tls.key":          literalTexts,
	"variable.description":  `null "" "\t"` + literalTexts,

	// No wait and no time to be asked in are well meant.
	".delay":       `null "0s" "1ns"`,
	".hold":        `null "0s" "1ns"`,
	"stop.timeout": `null "0s" "1ns"`,

	// Where they must be there.
	"database.migrations.path": ``,
	"breaker.target":           `service.auto.url`,
	"gateway.tls.cert":         texts,
	"gateway.tls.key":          texts,
	"smtp.server":              ``,
	"smtp.from":                texts,
	"smtp.to":                  `[0] [-1] ["x"]`,
	"recover.do":               ``,
	"give_up.do":               ``,

	// Where nothing is as good.
	"restart.limit":        `null 0 1 99 1000000`,
	"log.keep":             `null 0 1 99 1000000`,
	"gateway.max_waiting":  `null 0 1 99 1000000`,
	"retry.min_per_second": `null 0 1 99 1000000`,
	"retry.max_body":       `null "0B" "1B"`,
	"pool.min":             `null 0 1 99`,
	"probe.send":           `null "" "\t"` + texts,
	"probe.expect":         `"\t"` + texts,
	"smtp.user":            `null "" "\t"` + texts,
	"smtp.password":        `null "" "\t" sensitive("x") service.auto.url` + texts,
	"notify.webhook":       `null "" service.auto.url`, // it disables the block
	"table.columns":        `null {} {a=0}`,

	// Where too much is less.
	"managed.version":              `null`,
	"pool.max":                     `null 1 99`,
	"gateway.max_conn":             `null 1 99`,
	"breaker.retry.attempts":       `null 1 99`,
	"breaker.route.retry.attempts": `null 1 99`,
	"breaker.rate":                 `null "5%"`,
	"breaker.of":                   `null 99 1000000`, // not fewer than failures

	// What needs something beside it that the test does not write.
	"breaker.max_waiting":   `null`,
	"breaker.queue_timeout": `null`,
	"breaker.over":          `null`,
	"breaker.min_calls":     `null`,
	"breaker.tls.cert":      ``,
	"breaker.tls.key":       ``,
	"fallback.body":         `null`,
	"task.critical":         `null`,
	"database.port":         `null`,
	"database.password":     `null`,

	// Texts of a form.
	".profiles":            `null [] ["x"]`,
	"task.command":         `null [0] [-1] ["x"]` + literalTexts,
	"service.dir":          `null`, // there is no such directory
	"task.dir":             `null`,
	"ready.http":           `null service.auto.url`,
	"live.http":            `null service.auto.url`,
	"task.http":            `null service.auto.url`,
	"task.timezone":        `null`,
	"database.url":         `service.auto.url`,
	"database.host":        `service.auto.url` + texts,
	"database.name":        `null service.auto.url` + texts,
	"database.user":        `null service.auto.url` + texts,
	"fallback.upstream":    `null service.auto.url`,
	"fallback.status":      `null`,
	"failure_status":       `null []`,
	"neutral_status":       `null []`,
	"failure_grpc":         `null []`,
	"retry.methods":        `null []`,
	"breaker.retry.status": `null []`,
	"route.retry.status":   `null []`,
	"retry.grpc":           `null []`,
	"fallback.command":     `null [0] [-1] ["x"]`,
	"notify.command":       `null [0] [-1] ["x"]`,
	".exec":                `null [0] [-1] ["x"]`,

	// Where a list of nothing could be all and none.
	"boundary.units":  `null`,
	"match.breaker":   `null`,
	"match.log":       `null [0] [-1] ["x"]`,
	"match.exception": `null [0] [-1] ["x"]`,
	"match.signal":    `null`,
	"match.sqlstate":  `null`,
	"match.exit_code": `null [0]`,
}

// TestPlausibleValues puts the odd values in every attribute of the language.
// What has no meaning there is a mistake in its very line.
func TestPlausibleValues(t *testing.T) {
	types := new(structures)
	for _, p := range attributePaths() {
		if p.blocks[len(p.blocks)-1].Name == "validation" {
			continue // its attributes are computed, and only once there is a value
		}
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			want := strings.Fields(p.plausible(t))
			slices.Sort(want)
			if got := accepted(t, types, p); !slices.Equal(got, want) {
				t.Errorf("accepted are\n%v, not\n%v", got, want)
			}
		})
	}
}

// plausible returns the odd values that an attribute should take.
func (p attributePath) plausible(t *testing.T) string {
	best := ""
	for end := range plausibleOf {
		if strings.HasSuffix(p.String(), end) && len(end) > len(best) {
			best = end
		}
	}
	switch typ := p.attr.Type; {
	case best != "":
		return plausibleOf[best]
	case len(p.attr.Enum) > 0:
		return `null`
	case strings.HasPrefix(typ, "list of "):
		return addressLists
	default:
		values, ok := plausible[typ]
		if !ok {
			t.Fatalf("nothing is said of the type %q", typ)
		}
		return values
	}
}

// accepted returns those of the odd values that an attribute takes: no error
// stands in its line.
func accepted(t *testing.T, types *structures, p attributePath) []string {
	t.Helper()
	batches := [][]string{odd}
	if p.blocks[0].Label == "" {
		batches = nil
		for _, v := range odd {
			batches = append(batches, []string{v})
		}
	}
	var out []string
	for _, batch := range batches {
		var text strings.Builder
		lines := map[int]string{} // where each value stands
		for i, v := range batch {
			before := strings.Count(text.String(), "\n") + 1
			block := p.native(fmt.Sprintf("x%d", i), v)
			for n, line := range strings.Split(block, "\n") {
				if line == p.attr.Name+" = "+v {
					lines[before+n] = v
				}
			}
			text.WriteString(block)
		}
		_, ds := load(t, files{"w.hcl": world, "x.hcl": text.String()}, func(o *Options) {
			o.types, o.RequireVariables = types, false
			o.LookupUser = func(string) error { return nil }
			o.LookupGroup = o.LookupUser
		})
		wrong := map[string]bool{}
		for _, d := range ds {
			if d.Severity == spec.Error && d.Subject.Filename == "x.hcl" {
				wrong[lines[d.Subject.Start.Line]] = true
			}
		}
		for _, v := range batch {
			if !wrong[v] {
				out = append(out, v)
			}
		}
	}
	slices.Sort(out)
	return out
}
