// Command api is the quickstart's HTTP service: it keeps the nodes of a
// construction project in PostgreSQL.
//
//	api         serves on 127.0.0.1:$PORT until SIGTERM
//	api seed    puts the first nodes into an empty table, and ends
//
// It knows nothing of syndicate. PORT and DATABASE_URL are in its
// environment, and when it is started, the database is there and migrated.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

func main() {
	log.SetFlags(0)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		log.Fatalln("api:", err)
	}
}

func run(ctx context.Context, args []string) error {
	pool, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		return fmt.Errorf("read DATABASE_URL: %w", err)
	}
	defer pool.Close()
	nodes := &table{pool}
	if len(args) == 1 && args[0] == "seed" {
		added, err := nodes.seed(ctx)
		log.Printf("added %d nodes", added)
		return err
	}
	return serve(ctx, net.JoinHostPort("127.0.0.1", os.Getenv("PORT")), handler(nodes))
}

// serve answers requests until ctx ends, and then finishes those under way.
func serve(ctx context.Context, addr string, h http.Handler) error {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	log.Printf("listening on http://%s", listener.Addr())
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	log.Print("stopping")
	last, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err = server.Shutdown(last)
	if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
