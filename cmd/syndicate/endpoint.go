package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"

	"github.com/syndicate/syndicate/api/server"
	"github.com/syndicate/syndicate/spec"
)

// tokenFile is where the generated token of syndicate.http is kept.
const tokenFile = "token"

// httpEndpoint describes the endpoint over TCP that a system declares, nil
// without one.
func httpEndpoint(sys *spec.System) (*server.HTTP, error) {
	h := sys.HTTP
	if h == nil {
		return nil, nil
	}
	token, err := h.Token.Resolve(nil)
	if err != nil {
		return nil, err
	}
	cfg := &server.HTTP{
		Listen: h.Listen, Token: token.Reveal(), PublicMetrics: h.Metrics == "public",
		Cert: h.TLSCert, Key: h.TLSKey,
	}
	if cfg.Token == "" {
		if cfg.Token, err = ownToken(sys.StateDir); err != nil {
			return nil, err
		}
	}
	return cfg, nil
}

// ownToken reads the token of a state directory, or makes one.
func ownToken(stateDir string) (string, error) {
	path := filepath.Join(stateDir, tokenFile)
	text, err := os.ReadFile(path)
	switch {
	case err == nil:
		token := strings.TrimSpace(string(text))
		if len(token) < minToken {
			return "", fmt.Errorf("read the token: %s holds less than %d characters: remove it, and a new one is made", path, minToken)
		}
		// Whoever may read the directory is not to read this.
		return token, os.Chmod(path, 0o600)
	case !errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("read the token: %w", err)
	}
	token := rand.Text()
	if err := renameio.WriteFile(path, []byte(token+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("keep the token: %w", err)
	}
	return token, nil
}

// minToken is the length under which a token could be guessed.
const minToken = 16

// listen opens the endpoint that a system declares, if it does.
func (s *session) listen(control *server.Server, sys *spec.System) error {
	cfg, err := httpEndpoint(sys)
	if err == nil {
		err = control.Listen(cfg)
	}
	if err != nil && sys.HTTP != nil {
		return fmt.Errorf("syndicate.http at %s: %w", sys.HTTP.Range, err)
	}
	return err
}
