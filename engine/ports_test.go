package engine

import (
	"net"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/syndicate/syndicate/spec"
)

func TestQuietPorts(t *testing.T) {
	tests := []struct {
		name, local string
		want        []portSpan
	}{
		{"Linux", "32768\t60999\n", []portSpan{{10000, 32767}, {61000, 65535}}},
		{"no such file", "", []portSpan{{10000, 49151}}},
		{"nonsense", "a b", []portSpan{{10000, 49151}}},
		{"low range", "1024 9000", []portSpan{{10000, 65535}}},
		{"everything", "1024 65535", nil},
		{"upper end", "15000 65535", []portSpan{{10000, 14999}}},
	}
	for _, test := range tests {
		if got := quietPorts(test.local); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

func autoService(name string) *spec.Service {
	return &spec.Service{Block: spec.Block{Addr: addrOf(spec.KindService, name)}, Host: "127.0.0.1", Port: &spec.Port{Auto: true}}
}

// TestChosenPortsAreQuiet chooses many ports: all differ, none is one that
// an outgoing connection may get, and those kept stay whatever they are.
func TestChosenPortsAreQuiet(t *testing.T) {
	sys := &spec.System{}
	for i := range 100 {
		sys.Services = append(sys.Services, autoService("s"+strconv.Itoa(i)))
	}
	sys.Services = append(sys.Services, &spec.Service{
		Block: spec.Block{Addr: addrOf(spec.KindService, "fixed")}, Host: "127.0.0.1", Port: &spec.Port{Number: 12345},
	})
	kept := Ports{"service.s7": 40007, "service.s8": 12345, "service.gone": 40009}
	ports, err := ChoosePorts(sys, kept, nil, nil)
	if err != nil || len(ports) != 100 {
		t.Fatalf("%d ports, %v", len(ports), err)
	}
	local, _ := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	quiet := quietPorts(string(local))
	seen := map[int]bool{12345: true}
	for key, n := range ports {
		if seen[n] {
			t.Errorf("%s is %d, which is taken", key, n)
		}
		seen[n] = true
		if key == "service.s7" {
			if n != 40007 {
				t.Errorf("a kept port became %d", n)
			}
			continue
		}
		if len(quiet) > 0 && !slices.ContainsFunc(quiet, func(s portSpan) bool { return s.low <= n && n <= s.high }) {
			t.Errorf("%s is %d, outside of %v", key, n, quiet)
		}
	}
	again, err := ChoosePorts(sys, ports, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for key, n := range ports {
		if again[key] != n {
			t.Errorf("%s was %d and is %d", key, n, again[key])
		}
	}
}

// What runs keeps its number before what only had it once, and nobody gets
// one that another unit goes on to have.
func TestWhatRunsKeepsItsPort(t *testing.T) {
	sys := &spec.System{Services: []*spec.Service{autoService("once"), autoService("apart"), autoService("runs")}}
	kept := Ports{"service.once": 40001, "service.apart": 40002, "service.runs": 40003}
	ports, err := ChoosePorts(sys, kept, Ports{"service.runs": 40001}, map[int]bool{40001: true, 40002: true})
	if err != nil || ports["service.runs"] != 40001 || ports["service.once"] == 40001 || ports["service.apart"] == 40002 {
		t.Errorf("got %v, %v", ports, err)
	}
}

// TestPortsFallBack takes any port where no quiet one can be had, and says
// which host cannot be listened on.
func TestPortsFallBack(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	n := busy.Addr().(*net.TCPAddr).Port
	for _, quiet := range [][]portSpan{nil, {{n, n}}} {
		c := portChooser{taken: map[int]bool{}, quiet: quiet}
		got, err := c.choose("127.0.0.1")
		c.close()
		if err != nil || got == 0 || got == n {
			t.Errorf("with %v: %d, %v", quiet, got, err)
		}
	}
	sys := &spec.System{Services: []*spec.Service{autoService("a")}}
	sys.Services[0].Host = "192.0.2.1"
	if _, err := ChoosePorts(sys, nil, nil, nil); err == nil {
		t.Error("a host of nobody's was accepted")
	}
}
