package proxy

import (
	"bytes"
	"container/list"
	"io"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	maxEntry = 256 << 10 // of one body, in bytes
	maxStore = 32 << 20  // of all that is kept for one breaker
	// entryCost is what an entry takes beside its body, roughly.
	entryCost = 1 << 10
)

// lastGood answers with what the upstream said last time.
type lastGood struct {
	maxAge time.Duration
	store  *store
}

func (*lastGood) source() string { return "last_good" }

func (l *lastGood) answer(r *http.Request, _ *trouble) *answer {
	if !public(r) {
		return nil
	}
	e := l.store.find(r)
	if e == nil {
		return nil
	}
	age := time.Since(e.at)
	if age > l.maxAge {
		return nil
	}
	a := textAnswer(http.StatusOK, "", e.body)
	a.header = e.header.Clone()
	a.header.Set("Age", strconv.Itoa(int(age/time.Second)))
	a.header.Set("Warning", `110 - "Response is Stale"`)
	return a
}

// store is where good answers are kept: what was good under an old policy
// still is.
func (p *HTTP) store(old *policy) *store {
	if old != nil {
		for _, r := range old.rules() {
			if had := r.lastGood(); had != nil {
				return had.store
			}
		}
	}
	return newStore()
}

// public reports whether the answer to a request may be given to others: it
// is no stranger's secret.
func public(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	for _, private := range []string{"Authorization", "Cookie", "Range"} {
		if r.Header[private] != nil {
			return false
		}
	}
	return true
}

// keepable reports whether an answer may be kept, by its head.
func keepable(res *http.Response) bool {
	if res.StatusCode != http.StatusOK || res.Header["Set-Cookie"] != nil || res.Header.Get("Vary") == "*" || res.ContentLength > maxEntry {
		return false
	}
	for _, value := range res.Header["Cache-Control"] {
		for directive := range strings.SplitSeq(strings.ToLower(value), ",") {
			name, _, _ := strings.Cut(strings.TrimSpace(directive), "=")
			if name == "no-store" || name == "private" {
				return false
			}
		}
	}
	return true
}

// keep begins to keep an answer, where one may.
func keep(a *attempt, res *http.Response) {
	c := a.call
	l := c.rules.lastGood()
	if l != nil && c.in.Method == http.MethodGet && public(c.in) && keepable(res) {
		header := res.Header.Clone()
		header.Del(headerBreaker)
		a.answer.kept = &keeping{store: l.store, entry: newEntry(c.in, header)}
	}
}

// keeping is an answer that is just passing.
type keeping struct {
	store *store
	entry *entry // nil once it is kept, or is not to be
	body  bytes.Buffer
}

func (k *keeping) add(part []byte, err error) {
	switch {
	case k.entry == nil:
		return
	case k.body.Len()+len(part) > maxEntry || err != nil && err != io.EOF:
		k.entry = nil
		k.body = bytes.Buffer{}
		return
	}
	k.body.Write(part)
	if err == io.EOF {
		k.entry.body, k.entry.at = k.body.Bytes(), time.Now()
		k.store.put(k.entry)
		k.entry = nil
	}
}

// entry is one good answer.
type entry struct {
	uri    string
	vary   []string // names of headers
	values []string // theirs in the request
	header http.Header
	body   []byte
	at     time.Time
	place  *list.Element
}

func newEntry(r *http.Request, header http.Header) *entry {
	e := &entry{uri: r.URL.RequestURI(), header: header}
	for _, value := range header["Vary"] {
		for name := range strings.SplitSeq(value, ",") {
			e.vary = append(e.vary, textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name)))
		}
	}
	e.values = e.of(r)
	return e
}

// of returns what a request has for the headers that the answer varies by.
func (e *entry) of(r *http.Request) []string {
	values := make([]string, 0, len(e.vary))
	for _, name := range e.vary {
		values = append(values, strings.Join(r.Header[name], ","))
	}
	return values
}

func (e *entry) cost() int { return len(e.body) + len(e.uri) + entryCost }

// store keeps good answers, those used last the longest.
type store struct {
	mu    sync.Mutex
	all   map[string][]*entry // by URI
	order list.List           // front: used last
	size  int
}

func newStore() *store { return &store{all: map[string][]*entry{}} }

func (s *store) find(r *http.Request) *entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.all[r.URL.RequestURI()] {
		if slices.Equal(e.values, e.of(r)) {
			s.order.MoveToFront(e.place)
			return e
		}
	}
	return nil
}

func (s *store) put(e *entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, old := range s.all[e.uri] {
		if slices.Equal(old.vary, e.vary) && slices.Equal(old.values, e.values) {
			s.drop(old)
			break
		}
	}
	e.place = s.order.PushFront(e)
	s.all[e.uri] = append(s.all[e.uri], e)
	for s.size += e.cost(); s.size > maxStore; {
		s.drop(s.order.Back().Value.(*entry))
	}
}

func (s *store) drop(e *entry) {
	s.order.Remove(e.place)
	s.size -= e.cost()
	left := slices.DeleteFunc(s.all[e.uri], func(other *entry) bool { return other == e })
	if len(left) == 0 {
		delete(s.all, e.uri)
	} else {
		s.all[e.uri] = left
	}
}
