package store_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/syndicate/syndicate/engine/store"
)

// unsyncedDir tells this test, run in a process of its own, where to write.
const unsyncedDir = "STORE_TEST_UNSYNCED"

// What is written never waits for the disk: neither where the file or a log
// begins nor where it is copied. On a busy disk a kill would cost more than 100 ms.
func TestWritingDoesNotSync(t *testing.T) {
	const written = 8000 // so many that the log is to be copied
	if dir := os.Getenv(unsyncedDir); dir != "" {
		if err := refuseSync(); err != nil {
			t.Fatal(err)
		}
		s := openChild(dir)
		for n := range written {
			s.Append(transition(1))
			if n%200 == 0 {
				flush(t, s)
			}
		}
		flush(t, s)
		os.Exit(0) // closing syncs
	}
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestWritingDoesNotSync$")
	cmd.Env = append(os.Environ(), unsyncedDir+"="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	info, err := os.Stat(filepath.Join(dir, "state.db-wal"))
	if err != nil || info.Size() < 3<<19 {
		t.Fatalf("the log did not become large: %v %v", info, err)
	}
	r, err := store.OpenReader(dir)
	if err != nil {
		t.Fatal(err)
	}
	found, err := r.Events(t.Context(), store.Query{})
	if err != nil || len(found) != written {
		t.Errorf("it has %d events of %d: %v", len(found), written, err)
	}
}

// refuseSync makes fsync and fdatasync fail in this process, for good; see
// seccomp(2).
func refuseSync() error {
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // the call's number
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jt: 2, K: unix.SYS_FSYNC},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jt: 1, K: unix.SYS_FDATASYNC},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EIO)},
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC,
		uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return errno
	}
	return nil
}
