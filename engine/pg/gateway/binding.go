package gateway

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
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

// offer hands the server's offer of mechanisms to the client. Those that bind
// to the server's certificate cannot pass where the client sees another, or
// none: there the gateway logs in itself if it can, and else takes the offer
// out.
func (st *starting) offer(body []byte) error {
	server, ok := st.server.(*tls.Conn)
	if !ok || encrypted(st.client) && st.g.hasCertificateOf(server) {
		return st.pass(body)
	}
	var offer pgproto3.AuthenticationSASL
	if err := offer.Decode(body); err != nil {
		return err
	}
	if !slices.Contains(offer.AuthMechanisms, scramPlus) {
		return st.pass(body)
	}
	if l := st.g.server.login; encrypted(st.client) && l != nil && l.user == st.user {
		return st.relogin(l, offer.AuthMechanisms)
	}
	offer.AuthMechanisms = slices.DeleteFunc(offer.AuthMechanisms, func(m string) bool { return m == scramPlus })
	if len(offer.AuthMechanisms) == 0 {
		st.clients = true
		return &refusal{
			notSupported, "the server offers nothing but " + scramPlus + ", which binds to the encryption of its own connection and cannot pass a gateway",
			"Connect to the server directly.",
		}
	}
	st.unbound = encrypted(st.client)
	b, err := offer.Encode(nil)
	if err != nil {
		return err
	}
	return st.pass(b[headSize:])
}

// pass takes a message of authentication to the client, and what it answers
// to the server.
func (st *starting) pass(body []byte) error {
	st.add('R', body)
	return st.answer()
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

// isOffer reports whether a message of authentication offers mechanisms.
func isOffer(body []byte) bool {
	return len(body) >= 4 && binary.BigEndian.Uint32(body) == saslBegin
}
