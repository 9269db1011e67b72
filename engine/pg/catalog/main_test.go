package catalog

import (
	"flag"
	"testing"

	"github.com/syndicate/syndicate/engine/pg/pgtest"
)

// usualRuns is how many histories TestDump tries unless -rapid.checks says
// another number: others in each run, with some 90 dumps between them.
const usualRuns = "15"

func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", usualRuns); err != nil {
		panic(err)
	}
	pgtest.Main(m)
}
