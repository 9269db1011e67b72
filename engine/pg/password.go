package pg

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/syndicate/syndicate/spec"
)

// passwordFile is where the password of one role is kept, readable by this
// process's user alone.
func (s *Server) passwordFile(role string) string {
	name, suffix := s.cfg.Name, ".password"
	if role == adminRole {
		name, suffix = cmp.Or(s.cfg.Host, name), ".admin-password"
	}
	return filepath.Join(s.cfg.StateDir, "pg", name+suffix)
}

// passwords reads both roles' passwords, or chooses those that are missing,
// and makes the endpoints. A new one is kept in a file only by
// adoptPasswords, once the server knows it.
func (s *Server) passwords() error {
	for _, to := range []struct {
		endpoint       *Endpoint
		role, database string
	}{
		{&s.endpoint, s.cfg.User, s.cfg.Database},
		{&s.admin, adminRole, "postgres"},
	} {
		pw, err := readPassword(s.passwordFile(to.role))
		if err != nil {
			return err
		}
		if pw == "" {
			// A second Prepare in this process keeps what the first chose.
			if pw = to.endpoint.Password.Reveal(); pw == "" {
				pw = newPassword()
			}
		}
		*to.endpoint = s.endpointOf(to.role, to.database, pw)
	}
	return nil
}

// endpointOf returns how one role reaches one database of this server.
func (s *Server) endpointOf(role, database, password string) Endpoint {
	p := Parts{
		Host: "127.0.0.1", Port: s.cfg.Port, Database: database, User: role, Password: spec.Sensitive(password),
	}
	return Endpoint{
		Host: p.Host, Port: p.Port, Database: p.Database, User: p.User, Password: p.Password,
		url: buildURL(p, url.Values{"sslmode": {"disable"}}),
	}
}

// newPassword returns 192 random bits that need no escaping in a URL.
func newPassword() string {
	raw := make([]byte, 24)
	_, _ = rand.Read(raw) // never fails, by its documentation
	return base64.RawURLEncoding.EncodeToString(raw)
}

// readPassword returns what a file holds, and "" where there is no file.
func readPassword(path string) (string, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the database's password: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// adoptPasswords writes passwords that are not in their files yet. Where the
// data directory was there before them (the state directory was removed, the
// data were kept) the server learns the superuser's new password first; that
// of the application it learns in Ready.
func (s *Server) adoptPasswords(ctx context.Context) error {
	for _, to := range []Endpoint{s.admin, s.endpoint} {
		path := s.passwordFile(to.User)
		if _, err := os.Stat(path); err == nil {
			continue
		}
		if to.User == adminRole && !s.fresh {
			if err := s.resetAdmin(ctx); err != nil {
				return err
			}
		}
		if err := writePassword(path, to.Password.Reveal()); err != nil {
			return fmt.Errorf("keep the database's password: %w", err)
		}
	}
	return nil
}

// writePassword writes a file that holds all of the password or does not
// exist.
func writePassword(path, password string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".password-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.WriteString(password + "\n")
	if err := errors.Join(err, f.Chmod(0o600), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// resetAdmin tells a stopped server the superuser's password, in single-user
// mode, which asks for none. The statement contains a verifier, not the
// password.
func (s *Server) resetAdmin(ctx context.Context) error {
	op := "give " + s.dataDir + " a new password"
	s.cfg.Note("the password of " + s.dataDir + " is not in the state directory; setting a new one")
	verifier, err := scramVerifier(s.admin.Password.Reveal())
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	// One line is one statement in this mode.
	script := fmt.Sprintf("DO $$BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '%s') THEN CREATE ROLE %s; END IF; END$$;\n"+
		"ALTER ROLE %s LOGIN SUPERUSER PASSWORD '%s';\n", adminRole, adminRole, adminRole, verifier)
	file := fmt.Sprintf("%s.pw-%d", s.dataDir, os.Getpid())
	if err := s.privateFile(file, script); err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	defer func() { _ = os.Remove(file) }()
	out, err := s.cfg.Runner.Run(ctx, Command{
		Argv: []string{
			"/bin/sh", "-c", `exec "$0" --single -j -D "$1" template1 <"$2"`,
			s.bin.Path("postgres"), s.dataDir, file,
		},
		Dir: s.dataDir, Env: serverEnv(), User: s.account.name,
	})
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", op, context.Cause(ctx))
	}
	if err == nil && strings.Contains(string(out), "ERROR:") {
		err = errors.New("the server refused it")
	}
	if err != nil {
		return s.programError(op, "postgres --single", out, err)
	}
	return nil
}

// scramVerifier returns what PostgreSQL keeps of a password: enough to check
// it, not enough to use it (RFC 5803). Sent instead of the password it keeps
// that out of the server's log. The password must be ASCII.
func scramVerifier(password string) (string, error) {
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails, by its documentation
	const rounds = 4096
	salted, err := pbkdf2.Key(sha256.New, password, salt, rounds, sha256.Size)
	if err != nil {
		return "", err
	}
	sign := func(text string) []byte {
		h := hmac.New(sha256.New, salted)
		h.Write([]byte(text))
		return h.Sum(nil)
	}
	stored := sha256.Sum256(sign("Client Key"))
	b64 := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", rounds, b64(salt), b64(stored[:]), b64(sign("Server Key"))), nil
}
