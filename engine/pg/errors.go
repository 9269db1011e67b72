package pg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"strings"
	"sync"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/syndicate/syndicate/spec"
)

// Error is a failure that a person can do something about.
type Error struct {
	Op        string // verb and object: connect to 127.0.0.1:5432
	Reason    string // what went wrong, without secrets
	Remedy    string // what would be right, may be empty
	SQLState  string // PostgreSQL's code, empty where it said nothing
	Temporary bool   // trying again may help
	lasting   bool   // trying again cannot help
	outside   bool   // trying again helps once a person has made room
	cause     error
}

// Lasting reports whether a server that is started again as it is declared
// certainly ends in the same way.
func (e *Error) Lasting() bool { return e.lasting }

// Outside reports whether a server that is started again ends in the same way
// until somebody has given what it lacks, such as room on a disk.
func (e *Error) Outside() bool { return e.outside }

// Error returns the operation, the reason and the remedy in one line.
func (e *Error) Error() string {
	text := e.Reason
	if e.Op != "" {
		text = e.Op + ": " + text
	}
	if e.SQLState != "" {
		text += " (SQLSTATE " + e.SQLState + ")"
	}
	if e.Remedy != "" {
		text += "; " + e.Remedy
	}
	return text
}

// Unwrap returns what the failure was made of. Its text may be less careful
// than that of e: show e.
func (e *Error) Unwrap() error { return e.cause }

// IsTemporary reports whether err is a failure of the connection rather than
// of what was asked, so that trying again may help.
func IsTemporary(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Temporary
}

// ConnectError says what a failed attempt to connect to, or to ask, a
// database means.
func ConnectError(op string, to Endpoint, err error) error {
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s: %w", op, context.Canceled)
	}
	e := &Error{Op: op, cause: err}
	if pe, ok := errors.AsType[*pgconn.PgError](err); ok {
		e.Reason, e.SQLState = pe.Message, pe.Code
		e.Temporary = TemporaryState(pe.Code)
		e.Remedy = connectRemedy(pe, to)
		return scrub(e, to)
	}
	e.Temporary = true
	dns, isDNS := errors.AsType[*net.DNSError](err)
	switch {
	case isDNS && dns.IsNotFound:
		e.Reason = fmt.Sprintf("the host %q is not known", to.Host)
		e.Remedy = "check its spelling, or that the name server knows it yet"
	case errors.Is(err, syscall.ECONNREFUSED):
		e.Reason = "connection refused"
		e.Remedy = "nothing listens there: is the server running, and is this its port?"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		e.Reason = "no answer in time"
		e.Remedy = "is the host reachable from here, or does a firewall drop the packets?"
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		e.Reason = "the connection was closed by the other side"
		e.Remedy = "is it PostgreSQL that listens there?"
	case strings.Contains(err.Error(), "invalid body length"), strings.Contains(err.Error(), "unexpected message"):
		e.Temporary = false
		e.Reason = "what listens there does not speak PostgreSQL's protocol"
		e.Remedy = "check the host and the port"
	case strings.Contains(err.Error(), "tls"), strings.Contains(err.Error(), "x509"), strings.Contains(err.Error(), "TLS"):
		e.Temporary = false
		e.Reason, e.Remedy = encryptionTrouble(LastPart(err))
	default:
		e.Reason = LastPart(err)
	}
	return scrub(e, to)
}

// LastPart returns the innermost text of err, which names the cause without
// the connection string around it.
func LastPart(err error) string {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err.Error()
		}
		err = next
	}
}

// TemporaryState reports whether a code is one of the connection's: the
// server starts, stops, is full or lost the connection.
func TemporaryState(code string) bool {
	switch code {
	case "57P01", "57P02", "57P03", "53300", "55006":
		return true
	}
	return strings.HasPrefix(code, "08")
}

// encryptionTrouble says what a failed start of TLS means.
func encryptionTrouble(text string) (reason, remedy string) {
	if _, last, ok := strings.Cut(text, "failed to verify certificate: "); ok {
		return "TLS: the server's certificate is not trusted: " + strings.TrimPrefix(last, "x509: "),
			"name the file of its authority in the url (sslrootcert=PATH) and the host as the certificate does, or write sslmode=require, which encrypts and trusts any certificate"
	}
	if strings.Contains(text, "server refused TLS connection") {
		return "TLS: the server does not offer it, and sslmode asks for it",
			"turn it on there (ssl = on), or write sslmode=disable where nobody else can listen in"
	}
	return "TLS: " + text, "check sslmode, sslrootcert, sslcert and sslkey in the url"
}

// connectRemedy says what to do about a refusal that trying again does not
// mend.
func connectRemedy(pe *pgconn.PgError, to Endpoint) string {
	switch pe.Code {
	case "28P01":
		return fmt.Sprintf("check the password of the role %q, and that there is such a role: the server says the same of both", to.User)
	case "28000":
		if strings.HasSuffix(pe.Message, "no encryption") {
			return "the server may want TLS: write sslmode=require in the url; else its pg_hba.conf lacks a line for this role, database and address"
		}
		return fmt.Sprintf("the server's pg_hba.conf does not let the role %q in from here, or the role does not exist", to.User)
	case "3D000":
		return fmt.Sprintf("create it: createdb -h %s -p %d -O %s %s", to.Host, to.Port, to.User, to.Database)
	case "42501":
		return rightRemedy(pe.Message, to)
	case "25006":
		return "the server is a standby, or default_transaction_read_only is set: go to one that takes writes"
	case "53100":
		return "the server's disk is full: free some space there"
	case "53300":
		return "all connections of the server are taken: raise max_connections, or close idle ones"
	}
	return ""
}

// deniedRE finds what a role may not use.
var deniedRE = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^permission denied for (database|schema) (\S+)`)
})

// rightRemedy names the right that is missing.
func rightRemedy(message string, to Endpoint) string {
	if m := deniedRE().FindStringSubmatch(message); m != nil && m[1] == "schema" {
		return fmt.Sprintf("grant it: GRANT USAGE, CREATE ON SCHEMA %s TO %s (of public PostgreSQL 15 and later let only the database's owner create in it)",
			quoteIdent(m[2]), quoteIdent(to.User))
	} else if m != nil {
		return fmt.Sprintf("grant it: GRANT CONNECT ON DATABASE %s TO %s", quoteIdent(to.Database), quoteIdent(to.User))
	}
	return fmt.Sprintf("grant it to %s, or use the role that owns it", quoteIdent(to.User))
}

// scrub takes the password out of every text of e, should a driver or a
// server have put it there.
func scrub(e *Error, to Endpoint) error {
	for _, secret := range to.secrets() {
		e.Op = strings.ReplaceAll(e.Op, secret, spec.Hidden)
		e.Reason = strings.ReplaceAll(e.Reason, secret, spec.Hidden)
		e.Remedy = strings.ReplaceAll(e.Remedy, secret, spec.Hidden)
	}
	return e
}

// quoteIdent writes a name as SQL does.
func quoteIdent(name string) string {
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// quoteLiteral writes a string as SQL does. It contains no backslash
// escapes: standard_conforming_strings is on wherever it is used.
func quoteLiteral(s string) string {
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}
