package pgtest

import (
	"syscall"

	"github.com/syndicate/syndicate/engine/pg"
)

// dieWithTests ends a server when the tests are killed.
func dieWithTests(attr *syscall.SysProcAttr) { attr.Pdeathsig = pg.StopEscalation }
