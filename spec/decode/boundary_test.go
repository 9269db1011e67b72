package decode

import "testing"

// What names only disabled blocks means none of them, and never all.
func TestBoundaryOfDisabledBlocks(t *testing.T) {
	const disabled = `
service "on" {
  command = ["x"]
}
service "off" {
  command = ["x"]
  enabled = false
}
service "none" {
  command  = ["x"]
  for_each = []
}
service "dev" {
  command  = ["x"]
  profiles = ["dev"]
}
breaker "off" {
  target  = "http://localhost:1"
  enabled = false
}
`
	for name, c := range map[string]struct {
		body string
		idle bool
	}{
		"all units":                   {"", false},
		"one unit":                    {"units = [service.on]", false},
		"one of two units":            {"units = [service.on, service.off]", false},
		"a disabled unit":             {"units = [service.off]", true},
		"no instances":                {"units = [service.none]", true},
		"no active profile":           {"units = [service.dev]", true},
		"a disabled breaker":          {"match {\nbreaker = [breaker.off]\n}", true},
		"a disabled breaker and more": {"match {\nexit_code = [1]\nbreaker = [breaker.off]\n}", true},
		"another match":               {"match {\nbreaker = [breaker.off]\n}\nmatch {\nexit_code = [1]\n}", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := good(t, files{"c.hcl": disabled + "boundary \"b\" {\n" + c.body + "\n}\n"})
			if got := s.Boundaries[0].Idle(); got != c.idle {
				t.Errorf("nothing belongs to it: %t, want %t", got, c.idle)
			}
		})
	}
}
