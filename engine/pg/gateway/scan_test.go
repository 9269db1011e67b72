package gateway

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"net"

	"pgregory.net/rapid"
)

// told is what a reader was told.
type told struct {
	want map[byte]int
	got  []string
}

func (r *told) wants(kind byte) int {
	if n, ok := r.want[kind]; ok {
		return n
	}
	return -1
}

func (r *told) message(kind byte, body []byte) { r.got = append(r.got, string(kind)+string(body)) }

// However a stream is cut, the same messages are found in it.
func TestScannerFindsMessages(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := map[byte]int{'a': 0, 'b': 3, 'c': 40}
		var stream []byte
		var expected []string
		for range rapid.IntRange(0, 20).Draw(t, "messages") {
			kind := rapid.SampledFrom([]byte("abcd")).Draw(t, "kind")
			body := rapid.SliceOfN(rapid.Byte(), 0, 60).Draw(t, "body")
			stream = binary.BigEndian.AppendUint32(append(stream, kind), uint32(len(body)+4))
			stream = append(stream, body...)
			if n, ok := want[kind]; ok {
				expected = append(expected, string(kind)+string(body[:min(n, len(body))]))
			}
		}
		r := &told{want: want}
		var s scanner
		for len(stream) > 0 {
			n := rapid.IntRange(1, len(stream)).Draw(t, "cut")
			s.feed(stream[:n], r)
			stream = stream[n:]
		}
		if !s.between() || !slices.Equal(r.got, expected) {
			t.Fatalf("found %q, want %q", r.got, expected)
		}
	})
}

// Looking at messages allocates nothing.
func TestScanningAllocatesNothing(t *testing.T) {
	f := &flights{stats: newStats(nil), now: time.Now}
	ask := append([]byte{'Q', 0, 0, 0, 13}, "select 1\x00"...)
	row := append([]byte{'D', 0, 0, 0, 6, 0, 0}, []byte{'Z', 0, 0, 0, 5, 'I'}...)
	a := &answers{flights: f, failed: func(string, string) {}}
	r := requests{f}
	n := testing.AllocsPerRun(100, func() {
		f.in.feed(ask, r)
		f.out.feed(row, a)
	})
	if n > 0 {
		t.Errorf("%v allocations for a query", n)
	}
	if !f.idle() || f.stats.statements.list()[0].Calls != 101 {
		t.Errorf("%v", f.stats.statements.list())
	}
}

// A client that reads slowly stops the server: nothing is read ahead for it.
func TestBackpressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, err := New(Config{Server: "postgres://app@127.0.0.1/app?sslmode=disable"})
		if err != nil {
			t.Fatal(err)
		}
		client, ours := net.Pipe()
		server, theirs := net.Pipe()
		s := &session{g: g, client: ours, server: theirs, over: make(chan struct{})}
		done := make(chan struct{})
		go func() { defer close(done); s.relay(); _ = ours.Close() }()
		sent := 0
		wrote := make(chan struct{})
		go func() {
			defer close(wrote)
			row := append([]byte{'D', 0, 0, 0, 104}, make([]byte, 100)...)
			for chunk := bytes.Repeat(row, 100); ; {
				n, err := server.Write(chunk)
				if sent += n; err != nil {
					return
				}
			}
		}()
		synctest.Wait()
		if sent > smallBuffer {
			t.Errorf("%d bytes were taken for a client that reads nothing", sent)
		}
		got, _ := client.Read(make([]byte, 1))
		synctest.Wait()
		if got != 1 || sent > smallBuffer {
			t.Errorf("%d bytes after it has read one", sent)
		}
		_ = client.Close()
		_ = server.Close()
		<-wrote
		<-done
		g.running.Wait()
	})
}

// Through one buffer of what a client sends first nothing may get that is
// not the protocol's.
func FuzzHello(f *testing.F) {
	f.Add(startup{version: 3 << 16, params: []param{{"user", "app"}, {"options", "-c a=b"}}}.encode())
	f.Add(cancelPacket("12345678"))
	f.Add([]byte{0, 0, 0, 8, 4, 210, 22, 47})
	f.Add([]byte{0x16, 3, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		packet, direct, err := readHello(bytes.NewReader(data))
		if err != nil || direct {
			return
		}
		if !bytes.HasPrefix(data, packet) {
			t.Fatalf("%q is not the beginning of %q", packet, data)
		}
		if binary.BigEndian.Uint32(packet[4:]) == codeCancel {
			if key, err := cancelKey(packet); err == nil && !bytes.Equal(cancelPacket(key), packet) {
				t.Errorf("%q comes back as %q", packet, cancelPacket(key))
			}
			return
		}
		s, err := parseStartup(packet)
		if err != nil || s.version>>16 != 3 {
			return
		}
		if !bytes.Equal(s.encode(), packet) {
			t.Errorf("%q comes back as %q", packet, s.encode())
		}
		s.replicates()
		if s.limit(time.Second) {
			again, err := parseStartup(s.encode())
			if err != nil || again.limit(time.Second) {
				t.Errorf("%q: limited again, %v", s.encode(), err)
			}
		}
	})
}

// Whatever bytes come, both directions survive them.
func FuzzStream(f *testing.F) {
	f.Add([]byte{'Q', 0, 0, 0, 6, 'a', 0, 'S', 0, 0, 0, 4}, []byte{'Z', 0, 0, 0, 5, 'I', 'E', 0, 0, 0, 9, 'C', 'x', 0, 0}, 3)
	f.Add([]byte{'P', 0, 0, 0, 9, 'n', 0, 's', 0, 0, 'B', 0, 0, 0, 8, 0, 'n', 0, 0}, []byte{'G', 0, 0, 0, 4}, 1)
	f.Fuzz(func(t *testing.T, up, down []byte, cut int) {
		fl := &flights{stats: newStats(nil), now: time.Now}
		a := &answers{flights: fl, failed: func(string, string) {}}
		r := requests{fl}
		cut = max(1, min(cut, 100))
		for len(up)+len(down) > 0 {
			n, m := min(cut, len(up)), min(cut, len(down))
			fl.in.feed(up[:n], r)
			fl.out.feed(down[:m], a)
			up, down = up[n:], down[m:]
		}
		if len(fl.asked) > maxFlights || len(fl.named) > maxNamed || cap(fl.in.kept) > 2*keepSize {
			t.Error("more is kept than there is a bound for")
		}
	})
}

func TestNormalize(t *testing.T) {
	for sql, want := range map[string]string{
		"SELECT * FROM Users WHERE id = 42":                          "select * from users where id = ?",
		"select 'it''s', E'a\\'b', N'x', x'ff', U&'d!0061t'":         "select ?, ...",
		"select $tag$ secret $ $x$ $tag$, $$a$$ from \"Mixed\"\"x\"": `select ?, ... from "Mixed""x"`,
		"insert into t (a,b) values (1,'x'),(2, 'y'), (3,'z') ;":     "insert into t (a, b) values (?, ...)",
		"select * from t where id in (1, 2,3)":                       "select * from t where id in (?, ...)",
		"select * from t where id = $1 and b = $22":                  "select * from t where id = ? and b = ?",
		"select /* why /* nested */ */ 1 -- trailing":                "select ?",
		"update a set b = b + -15 where c = -1.5e-10":                "update a set b = b + ? where c = ?",
		"select a-1, a - 1":                                          "select a-?, a - ?",
		"select 0x1F, 1_000, .5, 1e10":                               "select ?, ...",
		"select a[1], t2.c3":                                         "select a[?], t2.c3",
		"\n\tbegin  ;":                                               "begin",
		"create user u password 'swordfish'":                         "create user u password ?",
		"select 'cut off":                                            "select ?",
		"select 1::int, '2'::date":                                   "select ?::int, ?::date",
		"select ä, Ü":                                                "select ä, Ü",
		"":                                                           "",
		"select f(1) , g(2)":                                         "select f(?), g(?)",
	} {
		if got := string(normalize(nil, []byte(sql), false)); got != want {
			t.Errorf("%q\n got %q\nwant %q", sql, got, want)
		}
	}
	if got := string(normalize(nil, []byte(`select 'it\'s secret', 1`), true)); got != "select ?, ..." {
		t.Errorf("with escapes: %q", got)
	}
}

// A constant never shows, wherever the statement is cut off.
func FuzzNormalize(f *testing.F) {
	f.Add("select '", " from t where a = 1", 40)
	f.Add("select $$", "$$", 12)
	f.Add("insert into t values (E'", "')", 1000)
	f.Add("/* ' */ select \"a'", "' -- '", 20)
	f.Fuzz(func(t *testing.T, before, after string, cut int) {
		whole := before + "'4711SECRET'" + after
		if cut >= 0 && cut < len(whole) {
			whole = whole[:cut]
		}
		got := normalize([]byte("kept "), []byte(whole), false)
		if !bytes.HasPrefix(got, []byte("kept ")) || len(got) > maxText+5 {
			t.Fatalf("%q became %q", whole, got)
		}
		// Inside a quoted name or a comment it is no constant.
		if !strings.ContainsAny(before, "\"'$/-\\") && !strings.HasSuffix(before, "e") && strings.Contains(string(got), "SECRET") {
			t.Errorf("%q became %q", whole, got)
		}
		if utf8.ValidString(whole) && !utf8.ValidString(string(got[5:])) && len(got) < maxText+5 {
			t.Errorf("%q became %q", whole, got)
		}
	})
}

func TestStatementsAreBounded(t *testing.T) {
	s := newStatements()
	now := time.Unix(1e9, 0)
	s.now = func() time.Time { return now }
	st := newStats(nil)
	st.statements = s
	name := func(n int) []byte { return []byte("select c" + strings.Repeat("x", n)) }
	for n := range maxStatements + 50 {
		st.answered(s.find(name(n), false), now, time.Second, true)
	}
	calls := func() (sum uint64, other uint64) {
		for _, x := range s.list() {
			if sum += x.Calls; x.Text == OtherStatements {
				other = x.Calls
			}
		}
		return sum, other
	}
	if sum, other := calls(); sum != maxStatements+50 || other != 50 || len(s.known) != maxStatements {
		t.Errorf("%d calls, %d of others, %d fingerprints", sum, other, len(s.known))
	}
	old := s.find(name(0), false)
	now = now.Add(keepStatement * time.Second)
	for n := 1; n < maxStatements; n++ {
		s.find(name(n), false)
	}
	st.answered(s.find([]byte("select brand_new"), false), now, time.Second, true)
	st.answered(old, now, time.Second, true)
	if sum, other := calls(); sum != maxStatements+52 || other != 52 {
		t.Errorf("%d calls, %d of others", sum, other)
	}
}

func TestOptions(t *testing.T) {
	for options, want := range map[string]string{
		"":                         "",
		"-c statement_timeout=5":   "5",
		"-cstatement_timeout=5s":   "5s",
		"--statement-timeout=5min": "5min",
		"-c work_mem=1MB --statement_timeout=1 -c statement_timeout=2": "2",
		`-c search_path=a\ b -c Statement_Timeout=3`:                   "3",
		"-c":       "",
		"-c other": "",
	} {
		if got, found := optionValue(options, statementTimeout); got != want || found != (want != "") {
			t.Errorf("%q: %q, %v", options, got, found)
		}
	}
	for text, want := range map[string]time.Duration{
		"5": 5 * time.Millisecond, "5s": 5 * time.Second, " 2 min ": 2 * time.Minute, "1.5h": 90 * time.Minute, "0": 0,
		"": -1, "x": -1, "5 weeks": -1, "-1": -1, "1e300d": -1,
	} {
		got, ok := parseTimeout(text)
		if ok != (want >= 0) || ok && got != want {
			t.Errorf("%q: %s, %v", text, got, ok)
		}
	}
}

func TestReplicates(t *testing.T) {
	for value, want := range map[string]bool{
		"": false, "true": true, "on": true, "1": true, "yes": true, "database": true, "false": false, "off": false, "0": false, "no": false, "OFF": false,
	} {
		s := startup{params: []param{{"replication", value}}}
		if s.replicates() != want {
			t.Errorf("%q", value)
		}
	}
}
