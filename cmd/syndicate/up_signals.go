package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/syndicate/syndicate/engine"
)

// sameWish is how long after the first signal another one says the same again.
// timeout(1) signals its command and then the group that this is in, and npm
// passes on the Ctrl-C that the terminal has sent to everybody: nobody has
// asked twice. No hand is as fast.
const sameWish = 200 * time.Millisecond

// A wish is what a signal asks for.
type wish int

const (
	wishNothing wish = iota // that has not been asked before
	wishStop
	wishHurry
)

// wishes reads signals in the order in which they come. The first one asks to
// stop, a second Ctrl-C or SIGTERM to hurry. A second SIGHUP hurries nobody: a
// terminal that closes sends one, and so does the shell that dies of it.
type wishes struct{ first time.Time }

func (d *wishes) of(sig os.Signal, now time.Time) wish {
	switch {
	case d.first.IsZero():
		d.first = now
		return wishStop
	case sig == syscall.SIGHUP || now.Sub(d.first) < sameWish:
		return wishNothing
	}
	return wishHurry
}

// listen stops the system on a signal: the first one in order, a second one
// quickly. In the background, and under nohup, SIGHUP counts for nothing. The
// function that it returns ends the listening.
func listen(stop context.CancelCauseFunc, eng *engine.Engine, show *upDisplay, background bool) func() {
	ch := make(chan os.Signal, 4)
	wanted := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if background || signal.Ignored(syscall.SIGHUP) {
		drop(syscall.SIGHUP)
	} else {
		wanted = append(wanted, syscall.SIGHUP)
	}
	signal.Notify(ch, wanted...)
	done := make(chan struct{})
	go func() {
		defer close(done)
		var asked wishes
		for sig := range ch {
			switch asked.of(sig, time.Now()) {
			case wishStop:
				cause := causeOf(sig)
				show.stopping(cause.Error(), cause == errInterrupt)
				stop(&engine.Asked{Err: cause, By: signaller(cause)})
			case wishHurry:
				show.post(func() { show.view.Print("Killing what has not stopped.") })
				eng.Hurry()
			}
		}
	}()
	return func() {
		signal.Stop(ch)
		close(ch)
		<-done
	}
}

// causeOf names a signal as a cause to stop.
func causeOf(sig os.Signal) error {
	switch sig {
	case syscall.SIGTERM:
		return errTerminate
	case syscall.SIGHUP:
		return errHangup
	}
	return errInterrupt
}

// signaller names who asks for a stop by a signal. The kernel would tell no
// more than this: who sends one is the terminal's user, or anybody who may.
func signaller(cause error) string {
	if cause == errTerminate {
		return fmt.Sprintf("SIGTERM to pid %d", os.Getpid())
	}
	return fmt.Sprintf("%s at %s", cause, self())
}

// drop lets nothing come of a signal. It is caught, not ignored: execve(2)
// leaves to a program what is ignored, so no service would ever get it, and a
// shell could not even trap it.
func drop(sig os.Signal) { signal.Notify(make(chan os.Signal, 1), sig) }
