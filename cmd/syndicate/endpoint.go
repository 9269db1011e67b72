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
func (h *home) httpEndpoint(sys *spec.System) (*server.HTTP, error) {
	declared := sys.HTTP
	if declared == nil {
		return nil, nil
	}
	token, err := declared.Token.Resolve(nil)
	if err != nil {
		return nil, err
	}
	cfg := &server.HTTP{
		Listen: declared.Listen, Token: token.Reveal(), PublicMetrics: declared.Metrics == "public",
		Cert: declared.TLSCert, Key: declared.TLSKey,
	}
	if cfg.Token == "" {
		if cfg.Token, err = h.ownToken(); err != nil {
			return nil, err
		}
	}
	return cfg, nil
}

// ownToken reads the token of the state directory, or makes one.
func (h *home) ownToken() (string, error) {
	token, err := readToken(h.lock.Dir())
	if token == "" && err == nil {
		token = rand.Text()
		err = keepToken(h.lock.Dir(), token)
	}
	h.choosing.Lock()
	defer h.choosing.Unlock()
	h.token = token
	return token, err
}

// readToken reads the token of a state directory, empty where there is none.
func readToken(stateDir string) (string, error) {
	path := filepath.Join(stateDir, tokenFile)
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("read the token: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if len(token) < minToken {
		return "", fmt.Errorf("read the token: %s holds less than %d characters: remove it, and a new one is made", path, minToken)
	}
	// Whoever may read the directory is not to read this.
	return token, os.Chmod(path, 0o600)
}

// keepToken writes the token, for the owner's eyes.
func keepToken(stateDir, token string) error {
	if err := renameio.WriteFile(filepath.Join(stateDir, tokenFile), []byte(token+"\n"), 0o600); err != nil {
		return fmt.Errorf("keep the token: %w", err)
	}
	return nil
}

// minToken is the length under which a token could be guessed.
const minToken = 16

// listen opens the endpoint that a system declares, if it does.
func (h *home) listen(control *server.Server, sys *spec.System) error {
	cfg, err := h.httpEndpoint(sys)
	if err == nil {
		err = control.Listen(cfg)
	}
	if err != nil && sys.HTTP != nil {
		return fmt.Errorf("syndicate.http at %s: %w", sys.HTTP.Range, err)
	}
	return err
}
