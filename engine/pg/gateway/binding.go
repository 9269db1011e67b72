package gateway

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"net"
	"slices"

	"github.com/jackc/pgx/v5/pgproto3"
)

// scramPlus is the mechanism that binds a login to the encryption of its
// connection, by the server's certificate (RFC 5802, 6; the type of binding
// is tls-server-end-point, RFC 5929, 4).
const scramPlus = "SCRAM-SHA-256-PLUS"

// wrongBinding is SQLSTATE invalid_authorization_specification, which servers
// answer a wrong channel binding with.
const wrongBinding = "28000"

// authentication takes the offer of a mechanism out that cannot work: it
// binds to the certificate of a connection that is not the client's. Where
// the gateway has the server's own certificate the two are one.
func (st *starting) authentication(body []byte) ([]byte, error) {
	if len(body) < 4 || binary.BigEndian.Uint32(body) != saslBegin || !encrypted(st.server) {
		return body, nil
	}
	if encrypted(st.client) && st.g.hasCertificateOf(st.server) {
		return body, nil
	}
	var offer pgproto3.AuthenticationSASL
	if err := offer.Decode(body); err != nil {
		return nil, err
	}
	offered := len(offer.AuthMechanisms)
	offer.AuthMechanisms = slices.DeleteFunc(offer.AuthMechanisms, func(m string) bool { return m == scramPlus })
	if len(offer.AuthMechanisms) == 0 {
		st.clients = true
		return nil, &refusal{
			notSupported, "the server offers nothing but " + scramPlus + ", which binds to the encryption of its own connection and cannot pass a gateway",
			"Connect to the server directly.",
		}
	}
	st.unbound = len(offer.AuthMechanisms) < offered && encrypted(st.client)
	b, err := offer.Encode(nil)
	if err != nil {
		return nil, err
	}
	return b[headSize:], nil
}

// hasCertificateOf reports whether clients are shown the certificate that the
// server of a connection has shown.
func (g *Gateway) hasCertificateOf(server net.Conn) bool {
	t, ok := server.(*tls.Conn)
	if !ok || g.cfg.TLS == nil {
		return false
	}
	theirs := t.ConnectionState().PeerCertificates
	return len(theirs) > 0 && bytes.Equal(theirs[0].Raw, g.cfg.TLS.Certificate[0])
}

// refuseBinding answers a client that would have bound its login, and says so
// in it: the server, which has offered that, takes the login for an attack.
// body is a SASLInitialResponse: the mechanism, a length, and what begins with
// n, y or p (RFC 5802, 7, gs2-cbind-flag).
func refuseBinding(body []byte) error {
	_, rest, ok := bytes.Cut(body, []byte{0})
	if !ok || len(rest) < 5 || rest[4] != 'y' {
		return nil
	}
	return &refusal{
		wrongBinding, "the client would bind its login to the encryption of its connection, and the gateway's certificate is not the server's",
		"Connect with channel_binding=disable, or give the gateway the server's certificate.",
	}
}
