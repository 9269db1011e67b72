package gateway

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/syndicate/syndicate/engine/pg"
)

// dialTimeout bounds connecting to the server, TLS included, where its URL
// has no connect_timeout. It bounds each of its answers while a session
// starts as well.
const dialTimeout = 10 * time.Second

// upstream is where the server is: one address or, for a URL of several
// hosts, several.
type upstream struct {
	targets []target
	direct  bool // TLS without asking: sslnegotiation=direct
	timeout time.Duration
	alive   pg.Liveness
	chooser *chooser     // where the URL asks for a kind of server; nil: any will do
	login   *login       // of the URL's user; nil: its password is not known
	good    atomic.Int32 // the target that answered last
}

// target is one address, and the encryption that the URL's sslmode asks for.
type target struct {
	network, address string
	tls              *tls.Config // nil: none
	plain            bool        // where the server has no TLS, without it
}

// newUpstream reads the URL of the server.
func newUpstream(url string) (*upstream, error) {
	cfg, err := pgconn.ParseConfig(url)
	if err != nil {
		return nil, errors.New("read the server's url: PostgreSQL's rules do not allow it")
	}
	u := &upstream{direct: cfg.SSLNegotiation == "direct", timeout: cmp.Or(cfg.ConnectTimeout, dialTimeout)}
	if u.alive, err = pg.TakeLiveness(cfg.RuntimeParams); err != nil {
		return nil, fmt.Errorf("read the server's url: %w", err)
	}
	u.add(cfg.Host, cfg.Port, cfg.TLSConfig)
	for _, f := range cfg.Fallbacks {
		u.add(f.Host, f.Port, f.TLSConfig)
	}
	u.chooser, u.login = newChooser(cfg, u), newLogin(cfg)
	return u, nil
}

// add adds what libpq would try next. Of one address with TLS and then
// without, it makes one target: the server's answer decides.
func (u *upstream) add(host string, port uint16, encryption *tls.Config) {
	network, address := pgconn.NetworkAddress(host, port)
	if encryption != nil {
		encryption = encryption.Clone()
		encryption.NextProtos = []string{alpn}
	}
	if n := len(u.targets); n > 0 && u.targets[n-1].address == address {
		if last := &u.targets[n-1]; last.tls != nil && encryption == nil {
			last.plain = true
		}
		return // sslmode=allow: the server is reached without
	}
	u.targets = append(u.targets, target{network: network, address: address, tls: encryption})
}

// dial connects to the server that the URL asks for, or to the first that
// answers, the one of last time first.
func (u *upstream) dial(ctx context.Context) (net.Conn, target, choice, error) {
	if u.chooser == nil {
		conn, t, err := u.dialAny(ctx)
		return conn, t, choice{}, err
	}
	for last := false; ; last = true {
		c, err := u.chooser.choose(ctx)
		if err != nil {
			return nil, target{}, c, err
		}
		t := u.targets[c.target]
		conn, err := u.connect(ctx, t)
		if err == nil {
			return conn, t, c, nil
		}
		u.chooser.forget()
		if last || ctx.Err() != nil {
			return nil, t, c, err
		}
	}
}

func (u *upstream) dialAny(ctx context.Context) (net.Conn, target, error) {
	var errs error
	first := int(u.good.Load())
	for i := range u.targets {
		i = (first + i) % len(u.targets)
		conn, err := u.connect(ctx, u.targets[i])
		if err == nil {
			u.good.Store(int32(i))
			return conn, u.targets[i], nil
		}
		errs = errors.Join(errs, err)
	}
	return nil, target{}, errs
}

// connect connects to one target.
func (u *upstream) connect(ctx context.Context, t target) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, u.timeout)
	defer cancel()
	conn, err := u.alive.Dialer().DialContext(ctx, t.network, t.address)
	if err != nil {
		return nil, err
	}
	if t.tls == nil {
		return conn, nil
	}
	encrypted, err := t.encrypt(ctx, conn, u.direct)
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("TLS with %s: %w", t.address, err)
	}
	return encrypted, nil
}

// encrypt asks the server for TLS, and begins it.
func (t target) encrypt(ctx context.Context, conn net.Conn, direct bool) (net.Conn, error) {
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return nil, err
	}
	if !direct {
		ask := binary.BigEndian.AppendUint32([]byte{0, 0, 0, 8}, codeSSL)
		if _, err := conn.Write(ask); err != nil {
			return nil, err
		}
		var answer [1]byte
		if _, err := io.ReadFull(conn, answer[:]); err != nil {
			return nil, err
		}
		switch {
		case answer[0] == 'N' && t.plain:
			return conn, conn.SetDeadline(time.Time{})
		case answer[0] == 'N':
			return nil, errors.New("the server has no TLS, and its url asks for it")
		case answer[0] != 'S':
			return nil, errors.New("the server does not speak PostgreSQL's protocol")
		}
	}
	encrypted := tls.Client(conn, t.tls)
	if err := encrypted.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	return encrypted, conn.SetDeadline(time.Time{})
}

// keepAlive finds out within about a minute that a client is gone.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 10 * time.Second, Count: 3}

// encrypted reports whether a connection is one of TLS.
func encrypted(conn net.Conn) bool {
	_, ok := conn.(*tls.Conn)
	return ok
}

// closeWrite says that nothing more comes, and leaves the other direction
// open.
func closeWrite(conn net.Conn) {
	if c, ok := conn.(interface{ CloseWrite() error }); ok {
		_ = c.CloseWrite()
	}
}
