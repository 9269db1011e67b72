package client

import (
	"bufio"
	"strings"
	"testing"
)

func reader(text string, size int) *eventReader {
	return &eventReader{r: bufio.NewReaderSize(strings.NewReader(text), size), heard: func() {}}
}

func TestEventsAreReadAsTheyAreWritten(t *testing.T) {
	long := strings.Repeat("x", 100)
	r := reader(":\n\nid: 7\ndata: {\"a\":1}\n\nevent: problem\r\ndata: "+long+"\r\n\r\nevent: nothing\n\ndata: one\ndata: two\n\ndata: cut off", 16)
	for _, want := range [][2]string{{"", `{"a":1}`}, {"problem", long}, {"", "one\ntwo"}} {
		kind, data, err := r.next()
		if err != nil || kind != want[0] || string(data) != want[1] {
			t.Errorf("got %q, %q, %v, want %q", kind, data, err, want)
		}
	}
	if _, data, err := r.next(); err == nil {
		t.Errorf("half an event is one: %q", data)
	}
}

func TestAnEventIsBounded(t *testing.T) {
	for name, text := range map[string]string{
		"one line":   "data: " + strings.Repeat("x", maxEvent+1) + "\n\n",
		"many lines": strings.Repeat("data: "+strings.Repeat("x", 1<<20)+"\n", maxEvent>>20+1) + "\n",
		"no end":     strings.Repeat("x", 2*maxEvent),
	} {
		if _, _, err := reader(text, 32<<10).next(); err != errEventSize {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzEvents(f *testing.F) {
	f.Add("data: x\n\n:\nevent: end\ndata: {}\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		r := reader(text, 16)
		for range len(text) + 1 {
			if _, data, err := r.next(); err != nil {
				return
			} else if len(data) > len(text) {
				t.Fatal("more than there was")
			}
		}
		t.Fatal("it never ends")
	})
}
