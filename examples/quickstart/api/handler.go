package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"strings"
)

// store is what the handlers need of the database.
type store interface {
	ping(ctx context.Context) error
	list(ctx context.Context) ([]node, error)
	find(ctx context.Context, nodeID string) (node, error)
	add(ctx context.Context, name string) (node, error)
}

// errNoNode says that there is no node with that node_id.
var errNoNode = errors.New("no such node")

func handler(s store) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		if err := s.ping(r.Context()); err != nil {
			refuse(w, http.StatusServiceUnavailable, "the database does not answer", err)
			return
		}
		answer(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /nodes", func(w http.ResponseWriter, r *http.Request) {
		nodes, err := s.list(r.Context())
		if err != nil {
			refuse(w, http.StatusInternalServerError, "the nodes cannot be read", err)
			return
		}
		answer(w, http.StatusOK, nodes)
	})
	mux.HandleFunc("GET /nodes/{id}", func(w http.ResponseWriter, r *http.Request) {
		n, err := s.find(r.Context(), r.PathValue("id"))
		switch {
		case errors.Is(err, errNoNode):
			refuse(w, http.StatusNotFound, "no node has this node_id", nil)
		case err != nil:
			refuse(w, http.StatusInternalServerError, "the node cannot be read", err)
		default:
			answer(w, http.StatusOK, n)
		}
	})
	mux.HandleFunc("POST /nodes", func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Name string }
		err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&in)
		if err != nil || strings.TrimSpace(in.Name) == "" {
			refuse(w, http.StatusBadRequest, `send {"name": "..."}`, nil)
			return
		}
		n, err := s.add(r.Context(), in.Name)
		if err != nil {
			refuse(w, http.StatusInternalServerError, "the node cannot be stored", err)
			return
		}
		log.Printf("added node %s %q", n.NodeID, n.Name)
		answer(w, http.StatusCreated, n)
	})
	return mux
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		log.Print("write the answer: ", err)
	}
}

// refuse tells the client what went wrong, and the log why.
func refuse(w http.ResponseWriter, status int, what string, why error) {
	if why != nil {
		log.Printf("%s: %v", what, why)
	}
	answer(w, status, map[string]string{"error": what})
}
