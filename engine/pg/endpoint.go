package pg

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/syndicate/syndicate/spec"
)

// Endpoint is where a database is and how to get in. It is made by
// [ParseURL], [Parts.Endpoint] or [Server.Endpoint] and not changed after.
type Endpoint struct {
	Host     string
	Port     int
	Database string
	User     string
	Password spec.Text
	url      string // complete, with the password
}

// Parts are an endpoint as the attributes of a database block give it.
type Parts struct {
	Host     string
	Port     int // 0: 5432
	Database string
	User     string
	Password spec.Text
	SSL      string // sslmode; "" is prefer
}

// Endpoint returns the endpoint that the parts name.
func (p Parts) Endpoint() (Endpoint, error) {
	if p.Port == 0 {
		p.Port = 5432
	}
	for _, f := range []struct{ name, value string }{
		{"host", p.Host}, {"name", p.Database}, {"user", p.User},
	} {
		if f.value == "" {
			return Endpoint{}, &Error{
				Op: "read the database's parts", Reason: f.name + " is empty",
				Remedy: fmt.Sprintf("write %s = \"…\", or a url instead of the parts", f.name),
			}
		}
	}
	query := url.Values{}
	if p.SSL != "" {
		query.Set("sslmode", p.SSL)
	}
	return ParseURL(spec.Sensitive(buildURL(p, query)))
}

// buildURL writes the parts as a URL. A host that is a directory, for a Unix
// socket, stands in the query, as libpq wants it.
func buildURL(p Parts, query url.Values) string {
	u := url.URL{Scheme: "postgres", Path: "/" + p.Database}
	u.User = url.User(p.User)
	if pw := p.Password.Reveal(); pw != "" {
		u.User = url.UserPassword(p.User, pw)
	}
	if strings.HasPrefix(p.Host, "/") {
		query.Set("host", p.Host)
		query.Set("port", strconv.Itoa(p.Port))
	} else {
		u.Host = net.JoinHostPort(p.Host, strconv.Itoa(p.Port))
	}
	u.RawQuery = query.Encode()
	return u.String()
}

// ParseURL reads a postgres:// or postgresql:// URL. What it leaves out is
// taken from libpq's environment variables (PGHOST, PGUSER, …), then from
// libpq's defaults. Its errors never quote the URL.
func ParseURL(text spec.Text) (Endpoint, error) {
	const op = "read the database's url"
	raw := text.Reveal()
	bad := func(reason, remedy string) (Endpoint, error) {
		return Endpoint{}, &Error{Op: op, Reason: reason, Remedy: remedy}
	}
	const shape = "write it as postgres://USER:PASSWORD@HOST:PORT/NAME"
	if strings.TrimSpace(raw) == "" {
		return bad("it is empty", shape)
	}
	if !strings.HasPrefix(raw, "postgres://") && !strings.HasPrefix(raw, "postgresql://") {
		return bad("it does not begin with postgres://", shape)
	}
	if _, err := url.Parse(raw); err != nil {
		return bad("it is not a URL", shape+"; characters such as @ / % # ? in the password are written %40 %2F %25 %23 %3F")
	}
	cfg, err := pgx.ParseConfig(raw)
	if err != nil {
		return bad("PostgreSQL's rules do not allow it: a port, sslmode or another parameter has a wrong value", shape)
	}
	if err := watchful(cfg); err != nil {
		return bad(err.Error(), "write it as libpq does: seconds, and milliseconds for tcp_user_timeout")
	}
	return Endpoint{
		Host: cfg.Host, Port: int(cfg.Port), Database: cfg.Database, User: cfg.User,
		Password: spec.Sensitive(cfg.Password), url: raw,
	}, nil
}

// URL returns the whole URL, with the password, as services get it.
func (e Endpoint) URL() spec.Text { return spec.Sensitive(e.url) }

// WithoutPassword returns the URL as it may stand on a command line, for
// programs that get the password in another way. It has none either where the
// password stood among the parameters.
func (e Endpoint) WithoutPassword() (string, error) {
	u, err := url.Parse(e.url)
	if err != nil {
		return "", &Error{Op: "read the database's url", Reason: "it is not a URL"}
	}
	if u.User != nil {
		u.User = url.User(u.User.Username())
	}
	query := u.Query()
	query.Del("password")
	query.Del("sslpassword")
	// libpq reads + as it stands, not as a space.
	u.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20")
	return u.String(), nil
}

// Address returns host:port, or the socket directory and port.
func (e Endpoint) Address() string { return net.JoinHostPort(e.Host, strconv.Itoa(e.Port)) }

// ends are the parameters of a URL that say how to reach a server, and not
// what a session is to be like.
var ends = []string{
	"host", "hostaddr", "port", "sslmode", "sslnegotiation", "sslrootcert", "sslcert", "sslkey", "sslpassword", "sslsni", "sslcrl",
	"sslcrldir", "sslcertmode", "ssl_min_protocol_version", "ssl_max_protocol_version", "gssencmode", "channel_binding",
	"target_session_attrs", "load_balance_hosts",
}

// Through returns the endpoint of the same database where something that
// relays to it listens: at host and port, which a URL of several hosts is left
// with one of. With encryption a client must ask for it, and must not want to
// bind SCRAM to it: the server has another channel.
func (e Endpoint) Through(host string, port int, encryption bool) (Endpoint, error) {
	// The hosts of a URL with several are none that net/url takes.
	u := url.URL{Scheme: "postgres", Path: "/" + e.Database, Host: net.JoinHostPort(host, strconv.Itoa(port)), User: url.User(e.User)}
	if pw := e.Password.Reveal(); pw != "" {
		u.User = url.UserPassword(e.User, pw)
	}
	_, query, _ := strings.Cut(e.url, "?")
	params, err := url.ParseQuery(query)
	if err != nil {
		return Endpoint{}, &Error{Op: "read the database's url", Reason: "its parameters are not written as a URL's"}
	}
	for _, name := range slices.Concat([]string{"user", "password", "dbname"}, ends, liveness) {
		params.Del(name)
	}
	params.Set("sslmode", "disable")
	if encryption {
		params.Set("sslmode", "require")
	}
	u.RawQuery = strings.ReplaceAll(params.Encode(), "+", "%20")
	return ParseURL(spec.Sensitive(u.String()))
}

// String names the endpoint without its password.
func (e Endpoint) String() string {
	return fmt.Sprintf("%s on %s as %s", e.Database, e.Address(), e.User)
}

// GoString keeps %#v from showing the password.
func (e Endpoint) GoString() string { return e.String() }

// Format keeps every other verb from showing it.
func (e Endpoint) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, e.String()) }

// Attribute returns the value of a database block's attribute, and whether
// there is one of that name.
func (e Endpoint) Attribute(name string) (any, bool) {
	switch name {
	case "url", "direct_url":
		return e.URL(), true
	case "host":
		return e.Host, true
	case "port":
		return e.Port, true
	case "name":
		return e.Database, true
	case "user":
		return e.User, true
	case "password":
		return e.Password, true
	}
	return nil, false
}

// secrets returns every spelling of the password that a text might contain. A
// password that is also the user's, the database's or the host's name is no
// secret in a text that names those.
func (e Endpoint) secrets() []string {
	pw := e.Password.Reveal()
	if len(pw) < 4 || pw == e.User || pw == e.Database || pw == e.Host {
		return nil
	}
	all := []string{e.url, pw, url.QueryEscape(pw), url.PathEscape(pw)}
	if _, after, ok := strings.Cut(url.UserPassword("u", pw).String(), ":"); ok {
		all = append(all, after)
	}
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) })
	return slices.Compact(all)
}

// Config returns how to connect, under the name that pg_stat_activity shows.
func (e Endpoint) Config() (*pgx.ConnConfig, error) {
	cfg, err := pgx.ParseConfig(e.url)
	if err != nil {
		return nil, &Error{Op: "read the database's url", Reason: "PostgreSQL's rules do not allow it"}
	}
	if cfg.RuntimeParams["application_name"] == "" {
		cfg.RuntimeParams["application_name"] = applicationName()
	}
	return cfg, watchful(cfg)
}

// applicationName says who waits or holds a lock, for people who look at
// pg_stat_activity on the server.
func applicationName() string {
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "unknown host"
	}
	name := fmt.Sprintf("syndicate %s/%d", host, os.Getpid())
	return name[:min(len(name), 63)]
}

// InDatabase returns the way into another database of the same server, as the
// same role.
func (e Endpoint) InDatabase(name string) (Endpoint, error) {
	u, err := url.Parse(e.url)
	if err != nil {
		return Endpoint{}, &Error{Op: "read the database's url", Reason: "it is not a URL"}
	}
	u.Path, u.RawPath = "/"+name, ""
	return ParseURL(spec.Sensitive(u.String()))
}
