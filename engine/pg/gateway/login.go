package gateway

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/xdg-go/scram"
)

// scramPlain is the mechanism without a binding.
const scramPlain = "SCRAM-SHA-256"

// iterations are PostgreSQL's own (scram_iterations).
const iterations = 4096

// wrongPassword is SQLSTATE invalid_password.
const wrongPassword = "28P01"

// login is the user of the server's URL, whose password the gateway knows.
// Where a client's login cannot pass, since it is bound to another connection
// than the server's, the gateway takes part in it: the client proves to the
// gateway that it knows the password, and the gateway proves that to the
// server, each bound to its own connection (RFC 5802).
type login struct {
	user   string
	prover *scram.Client
	// creds check a client's proof. They are made once: that takes a
	// millisecond.
	creds func() (scram.StoredCredentials, error)
}

// newLogin returns nil where the URL has no password.
func newLogin(cfg *pgconn.Config) *login {
	if cfg.Password == "" {
		return nil
	}
	prover, err := scram.SHA256.NewClient(cfg.User, cfg.Password, "")
	if err != nil { // what SASLprep does not take goes as it is, as with libpq
		if prover, err = scram.SHA256.NewClientUnprepped(cfg.User, cfg.Password, ""); err != nil {
			return nil
		}
	}
	return &login{
		user: cfg.User, prover: prover.WithMinIterations(1),
		creds: sync.OnceValues(func() (scram.StoredCredentials, error) {
			return prover.GetStoredCredentialsWithError(scram.KeyFactors{Salt: rand.Text(), Iters: iterations})
		}),
	}
}

// relogin logs a client in at the gateway, and the gateway in at the server.
// offered are the server's mechanisms.
func (st *starting) relogin(l *login, offered []string) error {
	if err := st.letIn(l); err != nil {
		return err
	}
	return st.getIn(l, offered)
}

// letIn has the client prove that it knows the password.
func (st *starting) letIn(l *login) error {
	creds, err := l.creds()
	if err != nil {
		return err
	}
	server, err := scram.SHA256.NewServer(func(string) (scram.StoredCredentials, error) { return creds, nil })
	if err != nil {
		return err
	}
	offer := pgproto3.AuthenticationSASL{AuthMechanisms: []string{scramPlain}}
	talk := server.NewConversation()
	if binding, err := endpointBinding(st.g.cfg.TLS.Leaf); err == nil {
		offer.AuthMechanisms = []string{scramPlus, scramPlain}
		talk = server.NewConversationWithChannelBinding(binding)
	}
	var first pgproto3.SASLInitialResponse
	if err := st.ask(&offer, &first); err != nil {
		return err
	}
	st.clients = true
	if bound := strings.HasPrefix(string(first.Data), "p="); !slices.Contains(offer.AuthMechanisms, first.AuthMechanism) || bound != (first.AuthMechanism == scramPlus) {
		return &refusal{protocolViolation, "the client's login is none of the mechanisms that it was offered", ""}
	}
	challenge, err := talk.Step(string(first.Data))
	if err != nil {
		return &refusal{wrongBinding, "the client's login is not valid, or is bound to another connection than its own", ""}
	}
	var proof pgproto3.SASLResponse
	if err := st.ask(&pgproto3.AuthenticationSASLContinue{Data: []byte(challenge)}, &proof); err != nil {
		return err
	}
	st.clients = true
	verifier, err := talk.Step(string(proof.Data))
	if err != nil || !talk.Valid() {
		return &refusal{wrongPassword, fmt.Sprintf("password authentication failed for user %q", l.user), ""}
	}
	st.clients = false
	return st.say(&pgproto3.AuthenticationSASLFinal{Data: []byte(verifier)})
}

// getIn proves to the server that the gateway knows the password.
func (st *starting) getIn(l *login, offered []string) error {
	mechanism, talk := scramPlain, l.prover.NewConversation()
	if state := st.server.(*tls.Conn).ConnectionState(); slices.Contains(offered, scramPlus) {
		if binding, err := scram.NewTLSServerEndpointBinding(&state); err == nil {
			mechanism, talk = scramPlus, l.prover.NewConversationWithChannelBinding(binding)
		}
	}
	first, err := talk.Step("")
	if err != nil {
		return err
	}
	if err := st.tell(&pgproto3.SASLInitialResponse{AuthMechanism: mechanism, Data: []byte(first)}); err != nil {
		return err
	}
	for !talk.Done() {
		kind, body, err := st.receive()
		switch {
		case err != nil:
			return err
		case kind == 'E':
			st.refusal(body)
			st.add(kind, body)
			return errors.Join(errRefused, st.flush())
		case kind != 'R' || len(body) < 4:
			return fmt.Errorf("the server answered a login with a message %q", kind)
		}
		answer, err := talk.Step(string(body[4:]))
		if err != nil {
			return fmt.Errorf("log in at the server: %w", err)
		}
		if talk.Done() {
			break
		}
		if err := st.tell(&pgproto3.SASLResponse{Data: []byte(answer)}); err != nil {
			return err
		}
	}
	return nil
}

// say puts a message into what the client is about to get.
func (st *starting) say(m pgproto3.BackendMessage) error {
	b, err := m.Encode(nil)
	st.out = append(st.out, b...)
	return err
}

// ask says something to the client, and reads its answer.
func (st *starting) ask(m pgproto3.BackendMessage, answer pgproto3.FrontendMessage) error {
	if err := st.say(m); err != nil {
		return err
	}
	kind, body, err := st.hear()
	if err != nil {
		return err
	}
	if kind != 'p' {
		st.clients = true
		return &refusal{protocolViolation, fmt.Sprintf("the client answered a login with a message %q", kind), ""}
	}
	if err := answer.Decode(body); err != nil {
		st.clients = true
		return &refusal{protocolViolation, "the client's login is not readable", ""}
	}
	return nil
}

// tell sends a message to the server.
func (st *starting) tell(m pgproto3.FrontendMessage) error {
	b, err := m.Encode(nil)
	if err != nil {
		return err
	}
	return st.send(b)
}

// endpointBinding is the binding to a server that shows a certificate, also
// for that server itself.
func endpointBinding(leaf *x509.Certificate) (scram.ChannelBinding, error) {
	if leaf == nil {
		return scram.ChannelBinding{}, errors.New("no certificate")
	}
	return scram.NewTLSServerEndpointBinding(&tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}})
}

// hasCertificateOf reports whether clients are shown the certificate that the
// server of a connection has shown.
func (g *Gateway) hasCertificateOf(server *tls.Conn) bool {
	theirs := server.ConnectionState().PeerCertificates
	return g.cfg.TLS != nil && len(theirs) > 0 && bytes.Equal(theirs[0].Raw, g.cfg.TLS.Certificate[0])
}
