package conformance

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/syndicate/syndicate/engine/breaker/proxy"
)

// conversation is what a client says at once, and the code that the server
// closes with in the end: 1005 is none.
type conversation struct {
	name    string
	said    []byte
	code    uint16
	pieces  []int    // written in pieces of these sizes; nil: at once, and byte by byte
	offered []string // extensions
}

// wholly echoes each message in one frame, so that the same is always
// answered with the same bytes.
func wholly(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{CompressionMode: websocket.CompressionContextTakeover})
	if err != nil {
		return
	}
	defer func() { _ = c.CloseNow() }()
	c.SetReadLimit(-1)
	for {
		kind, message, err := c.Read(r.Context())
		if err != nil {
			return
		}
		if err := c.Write(r.Context(), kind, message); err != nil {
			return
		}
	}
}

// Each byte of a server's side of a conversation is the same through a breaker
// as directly. The subjects are those of the Autobahn test suite: framing,
// pings, reserved bits and opcodes, fragmentation, UTF-8, closing, limits and
// compression.
func TestWebSocketConversations(t *testing.T) {
	up := httptest.NewServer(http.HandlerFunc(wholly))
	defer up.Close()
	through, guard := through(t, up.URL, proxy.Policy{})
	n := uint64(0)
	for _, c := range conversations(t) {
		t.Run(c.name, func(t *testing.T) {
			pieces := c.pieces
			if pieces == nil {
				pieces = []int{0, 1}
			}
			direct := c.with(t, up.Listener.Addr().String(), 0)
			if code := closedWith(direct.bytes); code != c.code || direct.end != "closed" {
				t.Errorf("the server closed with %d and then %s", code, direct.end)
			}
			for _, size := range pieces {
				n++
				same(t, fmt.Sprintf("in pieces of %d, the server", size), direct, c.with(t, through, size))
			}
		})
	}
	if got := guard.Snapshot().Numbers; got.Failures != 0 || got.Successes != n {
		t.Errorf("the guard counted %+v of %d", got, n)
	}
}

func (c conversation) with(t *testing.T, addr string, size int) said {
	t.Helper()
	conn := upgrade(t, addr, c.offered, nil)
	defer func() { _ = conn.Close() }()
	sent := make(chan error, 1)
	go func() { sent <- inPieces(conn, c.said, size) }()
	s := conn.hear()
	if err := <-sent; err != nil {
		t.Error(err)
	}
	return s
}

// closedWith is the code in the close frame that all ends with; 0: there is none.
func closedWith(all []byte) uint16 {
	for len(all) >= 2 {
		length, rest := uint64(all[1]), all[2:]
		switch {
		case length == 126 && len(rest) >= 2:
			length, rest = uint64(binary.BigEndian.Uint16(rest)), rest[2:]
		case length == 127 && len(rest) >= 8:
			length, rest = binary.BigEndian.Uint64(rest), rest[8:]
		}
		if uint64(len(rest)) < length {
			return 0
		}
		if all[0] == fin|closing && uint64(len(rest)) == length {
			if length < 2 {
				return 1005
			}
			return binary.BigEndian.Uint16(rest)
		}
		all = rest[length:]
	}
	return 0
}

func conversations(t *testing.T) []conversation {
	t.Helper()
	var all []conversation
	goodbye := ends(1000, "")
	// good ones are ended by the client, wrong ones by the server.
	good := func(name string, parts ...[]byte) *conversation {
		all = append(all, conversation{name: name, said: slices.Concat(append(parts, goodbye)...), code: 1000})
		return &all[len(all)-1]
	}
	wrong := func(name string, parts ...[]byte) {
		all = append(all, conversation{name: name, said: slices.Concat(parts...), code: 1002})
	}
	hello := frame(fin|text, "Hello, world!")

	for _, op := range []byte{text, binaryOp} {
		for _, size := range []int{0, 1, 125, 126, 127, 128, 65535, 65536} {
			good(fmt.Sprintf("framing/%d of %d", op, size), frame(fin|op, strings.Repeat("*", size))).pieces = []int{0, 997}
		}
	}

	good("pings/empty", frame(fin|ping, ""))
	good("pings/any bytes", frame(fin|ping, "\x00\xff\xfe\xfd\xfc\xfb\x00\xff"))
	good("pings/longest", frame(fin|ping, strings.Repeat("\xfe", 125)))
	good("pings/pong unasked", frame(fin|pong, ""), frame(fin|pong, "unasked"), frame(fin|ping, "asked"))
	var ten []byte
	for i := range 10 {
		ten = append(ten, frame(fin|ping, fmt.Sprintf("payload %d", i))...)
	}
	good("pings/ten", ten)
	wrong("pings/too long", hello, head(fin|ping, 126))

	for bits := byte(rsv3); bits <= rsv1|rsv2|rsv3; bits += rsv3 {
		wrong(fmt.Sprintf("reserved/bits %x", bits), hello, frame(fin|bits|text, ""))
		wrong(fmt.Sprintf("reserved/bits %x of a close", bits), hello, frame(fin|bits|closing, ""))
	}
	for _, op := range []byte{3, 4, 5, 6, 7, 0xB, 0xC, 0xD, 0xE, 0xF} {
		wrong(fmt.Sprintf("reserved/opcode %x", op), hello, frame(fin|op, ""))
	}

	good("fragments/two", fragments(text, "fragment1fragment2", 9))
	good("fragments/with a ping between", fragments(text, "fragment1fragment2", 9, frame(fin|ping, "between")...))
	good("fragments/with a pong between", fragments(binaryOp, "fragment1fragment2", 9, frame(fin|pong, "between")...))
	good("fragments/empty", frame(text, ""), frame(more, ""), frame(more|fin, ""))
	good("fragments/empty at the ends", frame(text, ""), frame(more, "middle"), frame(more|fin, ""))
	good("fragments/pings between many", fragments(text, strings.Repeat("0123456789", 20), 5, frame(fin|ping, "!")...))
	wrong("fragments/of a ping", frame(ping, ""))
	wrong("fragments/of a pong", hello, frame(pong, ""))
	wrong("fragments/of a close", frame(closing, ""))
	wrong("fragments/of nothing", hello, frame(more|fin, ""))
	wrong("fragments/of nothing, not the last", frame(more, ""))
	wrong("fragments/and then another message", frame(text, "fragment1"), frame(fin|text, ""))
	wrong("fragments/after the last", fragments(text, "fragment1fragment2", 9), frame(more|fin, ""))

	// This server passes on what is no UTF-8; the point is that it is the same.
	for name, s := range map[string]string{
		"kosme":           "Hello-µ@ßöäüàá-UTF-8!! κόσμε",
		"invalid":         "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited",
		"beyond Unicode":  "\xf4\x90\x80\x80",
		"overlong":        "\xc0\xaf\xe0\x80\xaf\xf0\x80\x80\xaf",
		"cut short":       "\xce\xba\xe1\xbd",
		"surrogates":      "\xed\xa0\x80\xed\xbf\xbf",
		"noncharacters":   "\xef\xbf\xbe\xef\xbf\xbf\xf4\x8f\xbf\xbf",
		"impossible":      "\xfe\xfe\xff\xff",
		"every byte":      everyByte(),
		"a NUL and a BOM": "\x00\xef\xbb\xbf",
	} {
		good("UTF-8/"+name, frame(fin|text, s))
		good("UTF-8/"+name+" in fragments", fragments(text, s, 1))
	}

	end := func(name string, code uint16, parts ...[]byte) {
		all = append(all, conversation{name: "closing/" + name, said: slices.Concat(parts...), code: code})
	}
	end("without a code", 1005, frame(fin|closing, ""))
	end("after a message", 1000, hello, goodbye)
	end("in the middle of a message", 1000, frame(text, "fragment1"), goodbye)
	end("with half a code", 1002, frame(fin|closing, "\x03"))
	end("with the longest reason", 1000, ends(1000, strings.Repeat("*", 123)))
	end("with too long a reason", 1002, head(fin|closing, 126))
	end("with a reason that is no UTF-8", 1000, ends(1000, "\xce\xba\xe1\xbd\xb9\xed\xa0\x80"))
	for _, code := range []uint16{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999} {
		end(fmt.Sprint(code), code, ends(code, "because"))
	}
	for _, code := range []uint16{0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535} {
		end(fmt.Sprintf("%d, which nobody may send", code), 1002, ends(code, ""))
	}

	large := strings.Repeat("0123456789abcdef", 1<<20) // 16 MiB
	for name, parts := range map[string][]byte{
		"text in one frame":               frame(fin|text, large),
		"bytes in one frame":              frame(fin|binaryOp, large),
		"4 MiB in fragments of 64":        fragments(text, large[:4<<20], 64),
		"16 MiB in fragments of 64":       fragments(binaryOp, large, 64),
		"16 MiB in fragments of 1 MiB":    fragments(text, large, 1<<20),
		"a thousand messages of 4096":     []byte(strings.Repeat(string(frame(fin|binaryOp, large[:4096])), 1000)),
		"ten thousand messages of 1 byte": []byte(strings.Repeat(string(frame(fin|text, "*")), 10000)),
	} {
		good("limits/"+name, parts).pieces = []int{0}
	}
	good("limits/1 MiB in pieces of 64", frame(fin|text, large[:1<<20])).pieces = []int{64}
	good("limits/1 MiB in pieces of 1048", frame(fin|binaryOp, large[:1<<20])).pieces = []int{1048}

	json := `{"name": "` + strings.Repeat("abc", 100) + `", "values": [1, 2, 3]}`
	for _, offers := range [][]string{
		{"permessage-deflate"},
		{"permessage-deflate; client_no_context_takeover; server_no_context_takeover"},
		{"permessage-deflate; client_max_window_bits"},
		{"x-unknown; a=1, permessage-deflate; server_no_context_takeover", "permessage-deflate"},
		{`permessage-deflate; server_max_window_bits="10"`, "permessage-deflate; client_no_context_takeover"},
	} {
		takeover := !strings.Contains(strings.Join(offers, ","), "client_no_context_takeover")
		c := good("compression/"+strings.Join(offers, " and "), deflated(t, takeover, json, "", json, json+json, everyByte(), strings.Repeat(json, 300)))
		c.offered, c.pieces = offers, []int{0, 7}
	}
	good("compression/not understood", hello).offered = []string{"x-webkit-deflate-frame", "permessage-bzip2"}
	return all
}

func everyByte() string {
	var all [256]byte
	for i := range all {
		all[i] = byte(i)
	}
	return string(all[:])
}
