package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// A disk that is full under the logs costs lines, which is said, and nothing
// else.
func TestAFullDiskUnderTheLogs(t *testing.T) {
	p := newProject(t, `
service "loud" {
  command = <<-END
    seq 200000; touch filled
    until [ -e room ]; do sleep 0.01; done
    echo works again
    until [ -e more ]; do sleep 0.01; done
    seq 200000; touch filled-again
    exec sleep 1000
  END
}
service "quiet" {
  command = "exec sleep 1000"
}
`)
	p.isolated("mkdir .syndicate; mount -t tmpfs -o size=512k,mode=700 none .syndicate; head -c 256k /dev/zero > .syndicate/ballast\n" +
		"syndicate up; until [ -e gone ]; do sleep 0.01; done; exit 0") // the first process lives until down has ended
	p.until("the disk is full", func() bool { return exists(p.path("filled")) })
	p.until("up says so", func() bool { return strings.Contains(p.said(), "no space left on device") })
	if got := p.run(exitDone, "status"); !strings.Contains(got, "ready") || !strings.Contains(got, "The log of service.loud cannot be written since ") {
		t.Errorf("with a full disk status says:\n%s", got)
	}
	if err := os.Remove(p.path(".syndicate/ballast")); err != nil {
		t.Fatal(err)
	}
	p.write("room", "")
	p.untilLog("service.loud", "bytes) of this output are missing here")
	p.untilLog("service.loud", "\nworks again\n")

	// It ends in good order on a full disk, too.
	p.write("more", "")
	p.until("the disk is full again", func() bool { return exists(p.path("filled-again")) })
	if got := p.run(exitDone, "stop", "quiet"); !strings.Contains(got, "This is not on disk yet, and forgotten if the engine dies before it is: ") {
		t.Errorf("a stop on a full disk says:\n%s", got)
	}
	p.run(exitDone, "down")
	p.write("gone", "")
	p.end(exitDone)
}

// As the first process of a container up is the parent of all orphans.
func TestTheFirstProcessOfAContainer(t *testing.T) {
	p := newProject(t, pair+`
service "parent" {
  command = <<-END
    (setsid sh -c 'echo $$ > born; mv born orphan' &)
    until [ -e orphan ]; do sleep 0.01; done
    while kill -0 $(cat orphan) 2> /dev/null; do sleep 0.01; done
    echo the orphan is reaped
    exec sleep 1000
  END
  ready {
    log = "is reaped"
  }
}
`)
	p.isolated("")
	p.untilLog("service.api", "is here")
	p.untilLog("service.parent", "the orphan is reaped")
	if got := p.run(exitDone, "status"); !strings.Contains(got, "(pid 1)") {
		t.Errorf("status says:\n%s", got)
	}
	p.signal(syscall.SIGTERM)
	p.untilFile("order", "api stops")
	p.write("gate", "")
	p.end(exitDone)
	if got := p.text("order"); got != pairOrder {
		t.Errorf("they stopped in this order:\n%s", got)
	}
}

// managed is a database with a server of its own.
const managed = `
database "main" {
  managed {
    port     = "auto"
    data_dir = "data/main"
  }
}
`

// An account without any privilege has the same system, its own PostgreSQL
// included.
func TestWithoutPrivileges(t *testing.T) {
	p := newProject(t, pair+managed+`
service "reader" {
  command = "echo $DATABASE_URL is here; exec sleep 1000"
  env     = { DATABASE_URL = database.main.url }
  ready {
    log = "is here"
  }
}
`)
	cmd := p.command("up")
	if os.Getuid() == 0 {
		if err := os.Chown(p.dir, nobody, nobody); err != nil {
			t.Fatal(err)
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	p.start(cmd)
	p.untilLog("service.reader", "is here")
	p.untilLog("service.api", "is here")
	p.signal(syscall.SIGTERM)
	p.untilFile("order", "api stops")
	p.write("gate", "")
	p.end(exitDone)
	if got := p.text("order"); got != pairOrder {
		t.Errorf("they stopped in this order:\n%s", got)
	}
	if !exists(filepath.Join(p.dir, "data/main/PG_VERSION")) {
		t.Error("the data is not where it was to be")
	}
}

// Who has the port of a managed database is named, as for a service.
func TestADatabasesPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	p := newProject(t, strings.Replace(managed, `"auto"`, port, 1))
	p.up()
	p.end(exitFailed)
	want := fmt.Sprintf("the port is not free: it is in use by process %d (", os.Getpid())
	if !strings.Contains(p.said(), want) {
		t.Errorf("%q is not in:\n%s", want, p.said())
	}
}
