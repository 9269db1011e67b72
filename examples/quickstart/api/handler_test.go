package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// memory is a store without a database.
type memory struct {
	nodes []node
	err   error
}

func (m *memory) ping(context.Context) error           { return m.err }
func (m *memory) list(context.Context) ([]node, error) { return m.nodes, m.err }

func (m *memory) find(_ context.Context, id string) (node, error) {
	for _, n := range m.nodes {
		if n.NodeID == id {
			return n, m.err
		}
	}
	return node{}, errNoNode
}

func (m *memory) add(_ context.Context, name string) (node, error) {
	n := node{NodeID: "N-1", Name: name}
	m.nodes = append(m.nodes, n)
	return n, m.err
}

func TestHandler(t *testing.T) {
	down := errors.New("connection refused by 127.0.0.1")
	site := []node{{NodeID: "N-7", Name: "Site"}}
	for _, c := range []struct {
		name, method, path, body string
		store                    *memory
		status                   int
		want                     string
	}{
		{"healthy", "GET", "/healthz", "", &memory{}, 200, `"ok"`},
		{"database gone", "GET", "/healthz", "", &memory{err: down}, 503, "does not answer"},
		{"list", "GET", "/nodes", "", &memory{nodes: site}, 200, `"N-7"`},
		{"one", "GET", "/nodes/N-7", "", &memory{nodes: site}, 200, `"Site"`},
		{"unknown", "GET", "/nodes/N-8", "", &memory{nodes: site}, 404, "no node"},
		{"add", "POST", "/nodes", `{"name":"Crane"}`, &memory{}, 201, `"Crane"`},
		{"add nothing", "POST", "/nodes", `{"name":" "}`, &memory{}, 400, "send"},
		{"add garbage", "POST", "/nodes", `]`, &memory{}, 400, "send"},
		{"add too much", "POST", "/nodes", `{"name":"` + strings.Repeat("x", 65<<10) + `"}`, &memory{}, 400, "send"},
		{"add, database gone", "POST", "/nodes", `{"name":"Crane"}`, &memory{err: down}, 500, "cannot be stored"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := httptest.NewRecorder()
			handler(c.store).ServeHTTP(got, httptest.NewRequest(c.method, c.path, strings.NewReader(c.body)))
			if got.Code != c.status || !strings.Contains(got.Body.String(), c.want) {
				t.Errorf("got %d %s, want %d and %q", got.Code, got.Body, c.status, c.want)
			}
			if strings.Contains(got.Body.String(), down.Error()) {
				t.Errorf("the client sees the inner error: %s", got.Body)
			}
		})
	}
}

func TestServeStopsWhenTold(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- serve(ctx, "127.0.0.1:0", http.NotFoundHandler()) }()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := serve(t.Context(), "256.0.0.1:0", nil); err == nil {
		t.Error("it listens on an address that cannot be")
	}
}
