package main

import "testing"

// A command that an error says to type names the configuration as this one
// does, and is left alone where it does already.
func TestSpelt(t *testing.T) {
	s := &session{}
	if _, err := s.leading([]string{"-C", "/a b", "-f", "x.hcl", "up"}); err != nil {
		t.Fatal(err)
	}
	const text = "do syndicate migrate up, or syndicate -f y.hcl down, but syndicate version and syndicated up"
	const want = "do syndicate -C '/a b' -f x.hcl migrate up, or syndicate -f y.hcl down, but syndicate version and syndicated up"
	if got := s.spelt(text); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	s = &session{operand: "dir"}
	if got, want := s.spelt("run: syndicate migrate force 6"), "run: syndicate -f dir migrate force 6"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
