package main

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/syndicate/syndicate/api"
	"github.com/syndicate/syndicate/api/server"
	"github.com/syndicate/syndicate/engine"
)

// Whoever removes a directory is let finish before it is made anew. Where that
// fails it is tried again.
const (
	lossPause     = 100 * time.Millisecond
	lossPauseMost = 2 * time.Second
)

// briefStop is how long a stop may take before the state directory is watched
// again.
const briefStop = time.Second

// stay makes the state directory anew whenever somebody removes it, so that
// the system is found and no second one is started. The function that it
// returns ends that.
func (h *home) stay(control *server.Server, eng *engine.Engine, log hclog.Logger) (leave func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	watch := func(ctx context.Context) (ok bool) {
		for ctx.Err() == nil {
			err := h.lock.AwaitLoss(ctx, api.SocketName)
			if err == nil {
				err = h.restore(ctx, control, eng, log)
			}
			if err != nil && ctx.Err() == nil {
				log.Warn("the removal of the state directory would not be noticed", "error", err)
				return false
			}
		}
		return true
	}
	go func() {
		defer close(ended)
		// The kernel takes its time for the end of a watch, and is given that of
		// the stop: nearly every one is over before somebody removes something.
		if !watch(eng.Living()) {
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(briefStop):
			watch(ctx)
		}
	}()
	return func() { cancel(); <-ended }
}

// restore makes the directory anew, however often that has to be tried. The
// only error is that of ctx.
func (h *home) restore(ctx context.Context, control *server.Server, eng *engine.Engine, log hclog.Logger) error {
	told := false
	for pause := lossPause; ; pause = min(2*pause, lossPauseMost) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		anew, err := h.lock.Restore(func() error {
			return errors.Join(h.refill(), eng.Reopen(), control.Reopen())
		})
		switch {
		case anew:
			const text = "the state directory was removed while the system runs: it was made anew, without the journal and the logs until now"
			log.Warn(text, "directory", h.lock.Dir())
			eng.Note(text)
			return nil
		case err == nil:
			return nil
		case !told:
			told = true
			log.Error("the state directory was removed, and cannot be made anew yet", "pid", os.Getpid(), "error", err)
		}
	}
}

// refill keeps the small files again that are missing.
func (h *home) refill() error {
	h.choosing.Lock()
	defer h.choosing.Unlock()
	err := h.lock.Keep(keyFile, h.key)
	if len(h.numbers) > 0 {
		err = errors.Join(err, h.lock.Keep(portsFile, h.numbers))
	}
	if h.token != "" {
		kept, readErr := readToken(h.lock.Dir())
		if kept == "" && readErr == nil {
			readErr = keepToken(h.lock.Dir(), h.token)
		}
		err = errors.Join(err, readErr)
	}
	if h.log != nil {
		err = errors.Join(err, h.log.reopen())
	}
	return err
}
