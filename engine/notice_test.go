package engine

import (
	"syscall"
	"testing"
	"time"

	"github.com/syndicate/syndicate/engine/log"
)

// A full disk under many logs is one thing to tell, and so is its end.
func TestOneReasonIsToldOnce(t *testing.T) {
	var w unwritten
	full := func(unit string) *log.LossError { return &log.LossError{Unit: unit, Err: syscall.ENOSPC} }
	again := func(unit string) *log.LossError {
		return &log.LossError{Unit: unit, Err: syscall.ENOSPC, Over: true, Lines: 700, Bytes: 7000}
	}
	units := []string{"service.a", "service.b", "service.c", "service.d", "service.e"}
	for i, unit := range units {
		if told := w.note(unit, full(unit)); (told != nil) != (i == 0) {
			t.Errorf("%s: told %v", unit, told)
		}
	}
	if n := w.notices(); len(n) != 1 || len(n[0].Units) != len(units) || n[0].Cause != "no space left on device" {
		t.Errorf("notices: %+v", n)
	}
	if told := w.note("service.b", &log.LossError{Unit: "service.b", Err: syscall.EROFS}); told == nil {
		t.Error("another reason is not told")
	}
	w.note("service.b", &log.LossError{Unit: "service.b", Err: syscall.EROFS, Over: true})
	w.forget("service.c")
	const end = "write log of service.a, service.b, service.c and 2 others: works again; 2,800 lines (28,000 bytes) were lost: no space left on device"
	for _, unit := range []string{"service.e", "service.d", "service.b", "service.a"} {
		told := w.note(unit, again(unit))
		if last := unit == "service.a"; last != (told != nil) || last && told.Error() != end {
			t.Errorf("%s: told %v", unit, told)
		}
	}
	if n := w.notices(); len(n) != 0 {
		t.Errorf("notices at the end: %+v", n)
	}
	if told := w.note("service.a", full("service.a")); told == nil {
		t.Error("the next full disk is not told")
	}
	if told := w.note("service.a", again("service.a")); told == nil || told.Error() != again("service.a").Error() {
		t.Errorf("the end for one: %v", told)
	}
}

// A disk that does not answer and a full one are told apart, of one unit too.
func TestReasonsAreToldApart(t *testing.T) {
	var w unwritten
	since := time.Now().Add(-time.Minute)
	if w.note("service.a", &log.StalledError{Unit: "service.a", Since: since}) == nil ||
		w.note("service.a", &log.LossError{Unit: "service.a", Err: syscall.ENOSPC}) == nil {
		t.Fatal("not told")
	}
	n := w.notices()
	if len(n) != 2 || !n[0].Stalled || !n[0].Since.Equal(since) || n[1].Stalled {
		t.Fatalf("notices: %+v", n)
	}
	if w.note("service.a", &log.StalledError{Unit: "service.a", Since: since, Over: true}) == nil {
		t.Error("the end is not told")
	}
	if n := w.notices(); len(n) != 1 || n[0].Stalled {
		t.Errorf("notices: %+v", n)
	}
}
