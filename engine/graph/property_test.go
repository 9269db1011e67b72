package graph_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/syndicate/syndicate/engine/graph"
)

// draw makes a random graph of up to 30 nodes; without cycles where every
// edge has to lead to a lesser place in a hidden order.
func draw(t *rapid.T, acyclic bool) ([]int, []graph.Edge[int]) {
	n := rapid.IntRange(1, 30).Draw(t, "nodes")
	nodes := rapid.Permutation(sequence(n)).Draw(t, "hidden order")
	var edges []graph.Edge[int]
	for range rapid.IntRange(0, 3*n).Draw(t, "edges") {
		from := rapid.IntRange(0, n-1).Draw(t, "from")
		to := rapid.IntRange(0, n-1).Draw(t, "to")
		if acyclic {
			if from == to {
				continue
			}
			from, to = max(from, to), min(from, to)
		}
		edges = append(edges, graph.Edge[int]{From: nodes[from], To: nodes[to]})
	}
	return nodes, edges
}

func sequence(n int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = i
	}
	return s
}

func mustNew(t *rapid.T, nodes []int, edges []graph.Edge[int]) *graph.Graph[int] {
	g, err := graph.New(nodes, edges)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestOrderProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes, edges := draw(t, true)
		g := mustNew(t, nodes, edges)
		place := map[int]int{}
		for i, k := range g.Order() {
			place[k] = i
		}
		if len(place) != len(nodes) {
			t.Fatalf("order has %d of %d nodes", len(place), len(nodes))
		}
		wave := map[int]int{}
		for i, w := range g.Waves() {
			if !slices.IsSorted(w) {
				t.Fatalf("wave %v is not sorted", w)
			}
			for _, k := range w {
				wave[k] = i
			}
		}
		for _, e := range edges {
			if place[e.To] >= place[e.From] {
				t.Fatalf("%d needs %d and comes before it", e.From, e.To)
			}
			if wave[e.To] >= wave[e.From] {
				t.Fatalf("%d needs %d and is in no later wave", e.From, e.To)
			}
		}
		for k, w := range wave {
			if w > 0 && !slices.ContainsFunc(g.Needs(k), func(n int) bool { return wave[n] == w-1 }) {
				t.Fatalf("%d is in wave %d and could be in an earlier one", k, w)
			}
		}
		if path, sum := g.CriticalPath(func(int) int64 { return 1 }); int(sum) != len(g.Waves()) || len(path) != len(g.Waves()) {
			t.Fatalf("critical path %v beside %d waves", path, len(g.Waves()))
		}
		if c := g.Cycles(1); len(c) > 0 {
			t.Fatalf("cycle %v in a graph without", c)
		}
	})
}

func TestCyclesProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes, edges := draw(t, false)
		g := mustNew(t, nodes, edges)
		cycles := g.Cycles(1 << 20)
		used := map[graph.Edge[int]]bool{}
		for _, c := range cycles {
			if slices.Min(c) != c[0] {
				t.Fatalf("cycle %v does not begin with its least node", c)
			}
			if seen := slices.Compact(slices.Sorted(slices.Values(c))); len(seen) != len(c) {
				t.Fatalf("cycle %v passes a node twice", c)
			}
			for i, k := range c {
				e := graph.Edge[int]{From: k, To: c[(i+1)%len(c)]}
				if !slices.Contains(edges, e) {
					t.Fatalf("cycle %v has the edge %v that is not there", c, e)
				}
				if used[e] {
					t.Fatalf("two cycles share %v", e)
				}
				used[e] = true
			}
		}
		if ordered := len(g.Order()) == len(nodes); ordered != (len(cycles) == 0) {
			t.Fatalf("all ordered: %v, cycles: %v", ordered, cycles)
		}
		rest := slices.DeleteFunc(slices.Clone(edges), func(e graph.Edge[int]) bool { return used[e] })
		if c := mustNew(t, nodes, rest).Cycles(1); len(c) > 0 {
			t.Fatalf("cycle %v is left", c)
		}
	})
}

func TestReduceProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes, edges := draw(t, true)
		g := mustNew(t, nodes, edges)
		r := g.Reduce()
		for _, k := range nodes {
			if !slices.Equal(g.Ancestors(k), r.Ancestors(k)) {
				t.Fatalf("%d needs %v, after reduction %v", k, g.Ancestors(k), r.Ancestors(k))
			}
		}
		for _, e := range r.Edges() {
			rest := slices.DeleteFunc(r.Edges(), func(o graph.Edge[int]) bool { return o == e })
			if slices.Contains(mustNew(t, nodes, rest).Ancestors(e.From), e.To) {
				t.Fatalf("%v is implied by others and still there", e)
			}
		}
	})
}

func TestInputOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes, edges := draw(t, rapid.Bool().Draw(t, "acyclic"))
		g := mustNew(t, nodes, edges)
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		r.Shuffle(len(nodes), func(i, j int) { nodes[i], nodes[j] = nodes[j], nodes[i] })
		r.Shuffle(len(edges), func(i, j int) { edges[i], edges[j] = edges[j], edges[i] })
		o := mustNew(t, nodes, edges)
		if !slices.Equal(g.Order(), o.Order()) || !slices.Equal(g.Edges(), o.Edges()) {
			t.Fatal("order or edges differ")
		}
		if !slices.EqualFunc(g.Cycles(9), o.Cycles(9), slices.Equal) {
			t.Fatal("cycles differ")
		}
	})
}
