package graph_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/syndicate/syndicate/engine/graph"
)

// parse reads "a→b b→c d": an edge says that the first needs the second.
func parse(t testing.TB, text string) *graph.Graph[string] {
	t.Helper()
	var nodes []string
	var edges []graph.Edge[string]
	for _, word := range strings.Fields(text) {
		from, to, ok := strings.Cut(word, "→")
		nodes = append(nodes, from)
		if ok {
			nodes = append(nodes, to)
			edges = append(edges, graph.Edge[string]{From: from, To: to})
		}
	}
	g, err := graph.New(nodes, edges)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func edgeText(g *graph.Graph[string]) string {
	var words []string
	for _, e := range g.Edges() {
		words = append(words, e.From+"→"+e.To)
	}
	return strings.Join(words, " ")
}

func lists(of [][]string, sep string) string {
	var lines []string
	for _, l := range of {
		lines = append(lines, strings.Join(l, sep))
	}
	return strings.Join(lines, " | ")
}

func TestWaves(t *testing.T) {
	tests := map[string]struct{ graph, waves, order string }{
		"empty":          {"", "", ""},
		"one":            {"a", "a", "a"},
		"no edges":       {"c b a", "a b c", "a b c"},
		"chain":          {"a→b b→c", "c | b | a", "c b a"},
		"diamond":        {"d→b d→c b→a c→a", "a | b c | d", "a b c d"},
		"skip a level":   {"c→b b→a c→a", "a | b | c", "a b c"},
		"two parts":      {"a→z b→y", "y z | a b", "y b z a"},
		"a cycle aside":  {"a→b b→a c", "c", "c"},
		"behind a cycle": {"a→a b→a c", "c", "c"},
		"repeats":        {"a→b a→b a b", "b | a", "b a"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			g := parse(t, test.graph)
			if got := lists(g.Waves(), " "); got != test.waves {
				t.Errorf("waves %q, want %q", got, test.waves)
			}
			if got := strings.Join(g.Order(), " "); got != test.order {
				t.Errorf("order %q, want %q", got, test.order)
			}
		})
	}
}

func TestCycles(t *testing.T) {
	tests := map[string]struct{ graph, cycles string }{
		"none":                     {"a→b", ""},
		"diamond":                  {"d→b d→c b→a c→a", ""},
		"many diamonds":            {"g→e g→f e→d f→d d→b d→c b→a c→a", ""},
		"self":                     {"a→a", "a"},
		"two":                      {"b→a a→b", "a→b"},
		"three, from the least":    {"c→a b→c a→b", "a→b→c"},
		"with a tail":              {"x→b b→c c→b c→y", "b→c"},
		"two apart":                {"a→b b→a c→d d→c", "a→b | c→d"},
		"self and two":             {"a→a a→b b→a", "a | a→b"},
		"two through one node":     {"a→b b→a a→c c→a", "a→b | a→c"},
		"the shorter one first":    {"a→b b→c c→a b→a", "a→b"},
		"a chord that leaves none": {"a→b b→c c→d d→a c→a", "a→b→c"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := lists(parse(t, test.graph).Cycles(10), "→"); got != test.cycles {
				t.Errorf("cycles %q, want %q", got, test.cycles)
			}
		})
	}
}

func TestCyclesStopsAtLimit(t *testing.T) {
	var b strings.Builder
	for i := range 50 {
		fmt.Fprintf(&b, "a%02d→b%02d b%02d→a%02d ", i, i, i, i)
	}
	g := parse(t, b.String())
	if got := len(g.Cycles(20)); got != 20 {
		t.Errorf("%d cycles, want 20", got)
	}
	if got := len(g.Cycles(0)); got != 0 {
		t.Errorf("%d cycles, want none", got)
	}
}

func TestCriticalPath(t *testing.T) {
	tests := map[string]struct {
		graph   string
		weights map[string]int64
		path    string
		sum     int64
	}{
		"empty":               {"", nil, "", 0},
		"longest by count":    {"d→b d→c b→a c→a x→d", nil, "a→b→d→x", 4},
		"heavier side":        {"d→b d→c b→a c→a", map[string]int64{"c": 5}, "a→c→d", 7},
		"a heavy lone one":    {"b→a c", map[string]int64{"c": 9}, "c", 9},
		"negative counts 0":   {"b→a", map[string]int64{"a": -7}, "a→b", 1},
		"zero weights, count": {"c→b b→a d", map[string]int64{"a": 0, "b": 0, "c": 0, "d": 0}, "a→b→c", 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			path, sum := parse(t, test.graph).CriticalPath(func(k string) int64 {
				if w, ok := test.weights[k]; ok {
					return w
				}
				return 1
			})
			if got := strings.Join(path, "→"); got != test.path || sum != test.sum {
				t.Errorf("%s of %d, want %s of %d", got, sum, test.path, test.sum)
			}
		})
	}
}

func TestReduce(t *testing.T) {
	tests := map[string]struct{ graph, want string }{
		"nothing to take": {"a→b b→c", "a→b b→c"},
		"triangle":        {"a→b b→c a→c", "a→b b→c"},
		"diamond stays":   {"d→b d→c b→a c→a", "b→a c→a d→b d→c"},
		"diamond chord":   {"d→b d→c b→a c→a d→a", "b→a c→a d→b d→c"},
		"far chord":       {"a→b b→c c→d d→e a→e a→d b→e", "a→b b→c c→d d→e"},
		"cycles keep all": {"a→b b→a c→d d→e c→e", "a→b b→a c→d d→e"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := edgeText(parse(t, test.graph).Reduce()); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}

func TestNeighbours(t *testing.T) {
	g := parse(t, "e→d d→b d→c b→a c→a x")
	tests := map[string]struct {
		got  []string
		want string
	}{
		"needs":          {g.Needs("d"), "b c"},
		"needed by":      {g.NeededBy("a"), "b c"},
		"ancestors":      {g.Ancestors("d"), "a b c"},
		"descendants":    {g.Descendants("b"), "d e"},
		"alone":          {g.Descendants("x"), ""},
		"unknown":        {g.Ancestors("nobody"), ""},
		"unknown needs":  {g.Needs("nobody"), ""},
		"reversed needs": {g.Reverse().Needs("a"), "b c"},
		"reversed order": {g.Reverse().Order(), "e d b c a x"},
		"on a cycle":     {parse(t, "a→b b→a").Ancestors("a"), "a b"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := strings.Join(test.got, " "); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

func TestNewRefusesAnEdgeToNowhere(t *testing.T) {
	_, err := graph.New([]string{"a"}, []graph.Edge[string]{{From: "a", To: "b"}})
	if err == nil || !strings.Contains(err.Error(), "a → b") {
		t.Errorf("error %v, want one that names a → b", err)
	}
}

// A chain this long ends a recursive walk in a stack overflow or in seconds.
func TestLongChain(t *testing.T) {
	const n = 100_000
	nodes := make([]int, n)
	edges := make([]graph.Edge[int], 0, n)
	for i := range n {
		nodes[i] = i
		if i > 0 {
			edges = append(edges, graph.Edge[int]{From: i - 1, To: i})
		}
	}
	g, err := graph.New(nodes, edges)
	if err != nil {
		t.Fatal(err)
	}
	if got := len(g.Waves()); got != n {
		t.Errorf("%d waves, want %d", got, n)
	}
	if path, sum := g.CriticalPath(func(int) int64 { return 1 }); len(path) != n || sum != n {
		t.Errorf("critical path of %d nodes and %d, want %d", len(path), sum, n)
	}
	if got := len(g.Descendants(n - 1)); got != n-1 {
		t.Errorf("%d descendants, want %d", got, n-1)
	}
	if got := len(g.Reduce().Edges()); got != n-1 {
		t.Errorf("%d edges after reduction, want %d", got, n-1)
	}
	if got := g.Cycles(1); len(got) != 0 {
		t.Errorf("cycles %v in a chain", got)
	}
	g, err = graph.New(nodes, append(edges, graph.Edge[int]{From: n - 1, To: 0}))
	if err != nil {
		t.Fatal(err)
	}
	if got := g.Cycles(5); len(got) != 1 || !slices.Equal(got[0], nodes) {
		t.Errorf("%d cycles, want the whole ring", len(got))
	}
}

// completeGraph has each node need all before it, and all after it where
// both is set.
func completeGraph(t *testing.T, n int, both bool) *graph.Graph[int] {
	t.Helper()
	var nodes []int
	var edges []graph.Edge[int]
	for i := range n {
		nodes = append(nodes, i)
		for j := range i {
			edges = append(edges, graph.Edge[int]{From: i, To: j})
			if both {
				edges = append(edges, graph.Edge[int]{From: j, To: i})
			}
		}
	}
	g, err := graph.New(nodes, edges)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestCompleteGraph(t *testing.T) {
	const n = 1000
	g := completeGraph(t, n, false)
	if got := len(g.Reduce().Edges()); got != n-1 {
		t.Errorf("%d edges after reduction, want %d", got, n-1)
	}
	if got := len(g.Waves()); got != n {
		t.Errorf("%d waves, want %d", got, n)
	}
	cycles := completeGraph(t, 300, true).Cycles(20)
	if len(cycles) != 20 {
		t.Errorf("%d cycles, want 20", len(cycles))
	}
	for _, c := range cycles {
		if len(c) != 2 {
			t.Errorf("cycle %v, want one of two nodes", c)
		}
	}
}
