// Command worker is the quickstart's background service: it watches the
// table of nodes and says when their number changes. It tells whoever
// started it that it is ready as systemd's services do, with a datagram to
// $NOTIFY_SOCKET.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

func main() {
	log.SetFlags(0)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil && !errors.Is(err, context.Canceled) {
		log.Fatalln("worker:", err)
	}
	log.Print("stopping")
}

func run(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close(context.Background())
	if err := sayReady(os.Getenv("NOTIFY_SOCKET")); err != nil {
		return err
	}
	count := func(ctx context.Context) (n int, err error) {
		err = conn.QueryRow(ctx, "SELECT count(*) FROM nodes").Scan(&n)
		return n, err
	}
	look := time.NewTicker(500 * time.Millisecond)
	defer look.Stop()
	return watch(ctx, look.C, count, func(n int) { log.Printf("the project has %d nodes", n) })
}

// watch counts at every tick, and tells when the number is another one.
func watch(ctx context.Context, tick <-chan time.Time, count func(context.Context) (int, error), tell func(int)) error {
	told := -1
	for {
		n, err := count(ctx)
		if err != nil {
			return fmt.Errorf("count nodes: %w", err)
		}
		if n != told {
			tell(n)
			told = n
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick:
		}
	}
}

// sayReady sends READY=1 as sd_notify(3) describes it. Without a socket
// nobody wants to know.
func sayReady(socket string) error {
	if socket == "" {
		return nil
	}
	if name, abstract := strings.CutPrefix(socket, "@"); abstract {
		socket = "\x00" + name
	}
	conn, err := net.Dial("unixgram", socket)
	if err != nil {
		return fmt.Errorf("say ready: %w", err)
	}
	defer conn.Close()
	_, err = conn.Write([]byte("READY=1"))
	return err
}
