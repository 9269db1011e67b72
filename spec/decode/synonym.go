package decode

import (
	"slices"
	"strings"
)

// synonyms are words that other tools have for what is called otherwise here,
// where no letters give it away.
var synonyms = [][]string{
	{"path", "dir", "directory", "folder"},
	{"dir", "cwd", "workdir", "working_dir", "working_directory", "directory"},
	{"command", "cmd", "exec", "run", "entrypoint", "program"},
	{"env", "environment"},
	{"url", "uri", "dsn", "connection_string"},
	{"ready", "healthcheck", "health_check", "readiness_probe", "probe"},
	{"live", "liveness_probe"},
	{"depends_on", "requires", "needs", "dependencies"},
	{"on", "policy"},
	{"deadline", "within"},
	{"for_each", "count", "replicas", "instances"},
	{"watch", "metric"},
	{"warning", "warn"},
	{"user", "username"},
	{"max_conn", "pool_size", "max_connections"},
}

// synonym returns what a word of other tools is called in this block, or
// nothing.
func (st *Structure) synonym(word string) string {
	for _, words := range synonyms {
		_, attr := st.attrs[words[0]]
		_, block := st.blocks[words[0]]
		if (attr || block) && slices.Contains(words[1:], strings.ToLower(word)) {
			return words[0]
		}
	}
	return ""
}

// unexpected returns the name that stands where HCL knows none such, as HCL
// says so.
func unexpected(detail string) string {
	for _, words := range []string{"An argument named ", "Blocks of type ", "block type is named "} {
		if name, ok := quotedIn(detail, words); ok {
			return name
		}
	}
	return ""
}
