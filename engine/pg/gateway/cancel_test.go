package gateway

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/syndicate/syndicate/engine/pg/pgtest"
)

// Each cancel reaches the backend that it is meant for, and that one alone.
func TestCancel(t *testing.T) {
	to := pgtest.Database(t)
	x := open(t, serverURL(to), nil)
	const sessions, rounds = 8, 20
	bystander := x.dial(to)
	stop := make(chan struct{})
	stood := make(chan error, 1)
	go func() {
		for {
			select {
			case <-stop:
				stood <- nil
				return
			default:
			}
			if _, err := bystander.Exec(within(t), "select pg_sleep(0.001)"); err != nil {
				stood <- err
				return
			}
		}
	}()
	var all sync.WaitGroup
	for range sessions {
		all.Go(func() {
			cfg, err := pgx.ParseConfig(x.url(to))
			if err != nil {
				t.Error(err)
				return
			}
			began := make(chan struct{}, 1)
			cfg.OnNotice = func(*pgconn.PgConn, *pgconn.Notice) { began <- struct{}{} }
			conn, err := pgx.ConnectConfig(within(t), cfg)
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = conn.Close(context.Background()) }()
			for range rounds {
				failed := make(chan error, 1)
				go func() {
					_, err := conn.Exec(within(t), "do $$begin raise notice 'now'; perform pg_sleep(60); end$$")
					failed <- err
				}()
				<-began
				if err := conn.PgConn().CancelRequest(within(t)); err != nil {
					t.Error(err)
				}
				if err := <-failed; state(err) != "57014" {
					t.Errorf("got %v", err)
				}
			}
		})
	}
	all.Wait()
	close(stop)
	if err := <-stood; err != nil {
		t.Errorf("a session that nobody cancelled: %v", err)
	}
	if s := x.Snapshot(); s.Cancels != sessions*rounds || s.Lost != 0 {
		t.Errorf("%d cancels, %d lost", s.Cancels, s.Lost)
	}
}

// backend is a server that knows nothing but how to begin sessions, and
// counts the cancels of each key.
type backend struct {
	listener net.Listener
	keySize  int
	version  uint32 // answered by NegotiateProtocolVersion where the client wants more

	mu      sync.Mutex
	cancels map[string]int // guarded by mu
	served  sync.WaitGroup
}

func newBackend(t testing.TB, keySize int) *backend {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &backend{listener: l, keySize: keySize, cancels: map[string]int{}}
	b.served.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			b.served.Go(func() { b.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		b.served.Wait()
	})
	return b
}

func (b *backend) serve(conn net.Conn) {
	defer conn.Close()
	packet, _, err := readHello(conn)
	if err != nil {
		return
	}
	if binary.BigEndian.Uint32(packet[4:]) == codeCancel {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.cancels[string(packet[8:])]++
		return
	}
	var out []byte
	if v := binary.BigEndian.Uint32(packet[4:]); b.version != 0 && v > b.version {
		out, _ = (&pgproto3.NegotiateProtocolVersion{NewestMinorProtocol: b.version}).Encode(out)
	}
	out, _ = (&pgproto3.AuthenticationOk{}).Encode(out)
	key := make([]byte, b.keySize)
	for i := range key {
		key[i] = byte(rand.Uint32())
	}
	out, _ = (&pgproto3.BackendKeyData{ProcessID: rand.Uint32(), SecretKey: key}).Encode(out)
	out, _ = (&pgproto3.ReadyForQuery{TxStatus: 'I'}).Encode(out)
	if _, err := conn.Write(out); err == nil {
		_, _ = io.Copy(io.Discard, conn)
	}
}

// A thousand cancels at once, with keys of every length: none is lost, and
// none is taken for another's.
func TestCancelStorm(t *testing.T) {
	for size, each := range map[int]int{4: 50, 32: 10, 256: 10} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			b := newBackend(t, size)
			x := open(t, "postgres://app@"+b.listener.Addr().String()+"/app?sslmode=disable", nil)
			const sessions = 20
			var keys [][]byte
			for range sessions {
				conn, err := net.Dial("tcp", x.addr.String())
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				_, _ = conn.Write(startup{version: 3<<16 | 2, params: []param{{"user", "app"}}}.encode())
				r := bufio.NewReader(conn)
				for {
					kind, body, err := readMessage(r)
					if err != nil {
						t.Fatal(err)
					}
					if kind == 'K' {
						keys = append(keys, body)
					}
					if kind == 'Z' {
						break
					}
				}
			}
			slots := make(chan struct{}, 200) // descriptors of this test
			var all sync.WaitGroup
			for n := range sessions * each {
				slots <- struct{}{}
				all.Go(func() {
					defer func() { <-slots }()
					conn, err := net.Dial("tcp", x.addr.String())
					if err != nil {
						t.Error(err)
						return
					}
					defer conn.Close()
					if err := exchange(within(t), conn, cancelPacket(string(keys[n%sessions]))); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			b.mu.Lock()
			defer b.mu.Unlock()
			for _, key := range keys {
				if n := b.cancels[string(key)]; n != each {
					t.Errorf("%d cancels of a session, want %d", n, each)
				}
			}
		})
	}
}

// A key that nobody has, or that cannot be one, is answered as the server
// answers: not at all.
func TestUnknownCancel(t *testing.T) {
	b := newBackend(t, 4)
	x := open(t, "postgres://app@"+b.listener.Addr().String()+"/app?sslmode=disable", nil)
	for _, key := range []string{"12345678", "1234", string(make([]byte, 261))} {
		conn, err := net.Dial("tcp", x.addr.String())
		if err != nil {
			t.Fatal(err)
		}
		if err := exchange(within(t), conn, cancelPacket(key)); err != nil {
			t.Error(err)
		}
		_ = conn.Close()
	}
	eventually(t, "they are counted", func() bool { return x.Snapshot().Lost == 3 })
	if len(b.cancels) > 0 {
		t.Error("the server was asked")
	}
}

// The server says which version it speaks, and the gateway does not mind.
func TestProtocolVersions(t *testing.T) {
	b := newBackend(t, 32)
	b.version = 3 << 16
	x := open(t, "postgres://app@"+b.listener.Addr().String()+"/app?sslmode=disable", nil)
	for version, want := range map[uint32]byte{3 << 16: 'R', 3<<16 | 2: 'v', 3<<16 | 9999: 'v', 2 << 16: 'E', 4 << 16: 'E'} {
		conn, err := net.Dial("tcp", x.addr.String())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Write(startup{version: version, params: []param{{"user", "app"}}}.encode())
		if kind, body, err := readMessage(conn); kind != want || err != nil {
			t.Errorf("%x: %q %q, %v, want %q", version, kind, body, err, want)
		}
		_ = conn.Close()
	}
}
