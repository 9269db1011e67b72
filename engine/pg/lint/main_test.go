package lint

import (
	"testing"

	"go.uber.org/goleak"
)

// grammar is loaded once for all tests.
var grammar Parser

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
