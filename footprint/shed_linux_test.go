package footprint

import (
	"bytes"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// resident is how many KiB of the program's file are mapped now.
func resident(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, line, ok := bytes.Cut(status, []byte("RssFile:"))
	if !ok {
		t.Fatal("the kernel does not tell the resident size")
	}
	n, err := strconv.Atoi(string(bytes.Fields(line)[0]))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestShedMakesSmaller(t *testing.T) {
	before := resident(t)
	Shed()
	if after := resident(t); after >= before {
		t.Errorf("%d KiB of the program are resident, %d KiB before", after, before)
	}
	// Code and constants are as they were.
	if got := strings.Repeat(strconv.Itoa(42), 2); got != "4242" {
		t.Errorf("got %q", got)
	}
}

func TestOnlyWhatIsAsInTheFileIsGivenBack(t *testing.T) {
	const program = "/opt/a b/syndicate"
	tests := []struct {
		name, smaps string
		want        []span
	}{
		{"code", "00400000-00ff9000 r-xp 00000000 fe:00 10028499      /opt/a b/syndicate\nRss: 8 kB\nAnonymous:             0 kB\n", []span{{0x400000, 0xbf9000}}},
		{"constants", "00ff9000-01ba8000 r--p 00bf9000 fe:00 10028499      /opt/a b/syndicate\nAnonymous: 0 kB\n", []span{{0xff9000, 0xbaf000}}},
		{"code with a breakpoint", "00400000-00ff9000 r-xp 00000000 fe:00 10028499      /opt/a b/syndicate\nAnonymous: 4 kB\n", nil},
		{"variables", "01ba8000-01c80000 rw-p 017a8000 fe:00 10028499      /opt/a b/syndicate\nAnonymous: 0 kB\n", nil},
		{"shared", "01ba8000-01c80000 r--s 017a8000 fe:00 10028499      /opt/a b/syndicate\nAnonymous: 0 kB\n", nil},
		{"another file", "01ba8000-01c80000 r--p 017a8000 fe:00 10028499      /opt/a b/syndicate2\nAnonymous: 0 kB\n", nil},
		{"what follows", "01ba8000-01c80000 r--p 0 fe:00 1 /opt/a b/syndicate\nc000000000-c000400000 rw-p 00000000 00:00 0 \nAnonymous: 0 kB\n", nil},
		{"cut off", "01ba8000-01c80000 r--p 0 fe:00 1 /opt/a b/syndicate\nAnonymous:", nil},
		{"nonsense", "zz-yy r-xp 0 fe:00 1 /opt/a b/syndicate\nAnonymous: 0 kB\n", nil},
		{"nothing", "", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := unchanged(strings.NewReader(tt.smaps), program); !slices.Equal(got, tt.want) {
				t.Errorf("got %x, want %x", got, tt.want)
			}
		})
	}
}
