package share

import (
	"testing"

	"github.com/syndicate/syndicate/engine/pg/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }
