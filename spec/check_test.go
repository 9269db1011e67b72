package spec

import "testing"

func TestPortsClashOnlyWhereHostsOverlap(t *testing.T) {
	tests := []struct {
		a, b string
		want bool
	}{
		{"127.0.0.1", "127.0.0.1", true},
		{"127.0.0.1", "localhost", true},
		{"0.0.0.0", "10.0.0.1", true},
		{"127.0.0.1", "", true},
		{"10.0.0.1", "10.0.0.2", false},
		{"127.0.0.1", "10.0.0.1", false},
	}
	for _, test := range tests {
		s := &System{Services: []*Service{
			{Block: Block{Addr: Addr{Kind: KindService, Name: "a"}}, Host: test.a, Port: &Port{Number: 80, Range: Range{Start: Pos{Byte: 1}}}},
			{Block: Block{Addr: Addr{Kind: KindService, Name: "b"}}, Host: test.b, Port: &Port{Number: 80, Range: Range{Start: Pos{Byte: 2}}}},
		}}
		ds := Check(s)
		if (len(ds) == 1 && ds[0].Code == CodePortClash && ds[0].Subject.Start.Byte == 2) != test.want {
			t.Errorf("%q and %q: %v", test.a, test.b, ds)
		}
	}
}

func TestMemoryOrder(t *testing.T) {
	tests := []struct {
		name string
		m    Memory
		want bool
	}{
		{"in order", Memory{Warning: 1, Critical: 2, Max: 3, Declared: true}, false},
		{"without max", Memory{Warning: 1, Critical: 2, Declared: true}, false},
		{"warning above critical", Memory{Warning: 3, Critical: 2, Declared: true}, true},
		{"max below warning", Memory{Warning: 3, Critical: 4, Max: 2}, true},
		{"max below critical", Memory{Warning: 1, Critical: 4, Max: 2}, true},
	}
	for _, test := range tests {
		ds := Check(&System{Services: []*Service{{Memory: &test.m}}})
		if ds.HasErrors() != test.want {
			t.Errorf("%s: %v", test.name, ds)
		}
	}
}

func TestBoundariesThatCannotBeToldApart(t *testing.T) {
	named := func(name string, m ...Match) *Boundary {
		return &Boundary{Block: Block{Addr: Addr{Kind: KindBoundary, Name: name}}, Matches: m}
	}
	same := []*Boundary{named("a", Match{ExitCode: []int{1, 2}}), named("b", Match{ExitCode: []int{2, 1}})}
	other := []*Boundary{named("a", Match{ExitCode: []int{1}}), named("b", Match{ExitCode: []int{2}})}
	if ds := Check(&System{Boundaries: same}); len(ds) != 1 || ds.HasErrors() {
		t.Errorf("same: %v", ds)
	}
	if ds := Check(&System{Boundaries: other}); len(ds) != 0 {
		t.Errorf("other: %v", ds)
	}
}
