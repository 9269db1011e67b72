// Package architecture holds no code: its tests read the whole module and
// keep what docs/architecture.md promises, so that a change which breaks the
// shape of the project fails like a change which breaks its behaviour.
//
// The import rules are checked over `go list -deps`, for every system the
// project is built for; the rules of style over the files themselves.
package architecture
