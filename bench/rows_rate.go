//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"time"
)

// rateRow asks a running system for its status over its socket, a thousand
// times a second, and a bare server that answers the same bytes.
func rateRow() row {
	return row{
		name: "status-rate", title: "1,000 requests a second for the status of everything: CPU of the engine a request",
		goal:    "less than 250 µs, a quarter of a core; bare is a server of net/http that answers the same bytes",
		columns: []string{"kept connection µs", "bare µs", "one for each µs", "bare µs", "requests/s"}, most: 3, bound: 3 * time.Minute,
		entrants: func(b *bench) []entrant {
			var all []entrant
			for _, units := range []int{b.scale.services / 10, b.scale.services} {
				all = append(all, entrant{name: fmt.Sprintf("%d units", units), measure: func(ctx context.Context, t *trial) (sample, error) {
					return t.rate(ctx, units)
				}})
			}
			return all
		},
	}
}

// turns is how often each of two servers is asked for a while, by turns.
const turns = 3

func (t *trial) rate(ctx context.Context, units int) (sample, error) {
	if _, err := t.up(ctx, t.tools()[0], trivial(units)); err != nil {
		return sample{}, err
	}
	_, engine := t.tree.descendants()
	ours := asker{socket: t.path(".syndicate", "bench", "api.sock"), path: "/v1/status", pids: engine}
	text, err := ours.once(ctx)
	if err != nil {
		return sample{}, err
	}
	answer, err := t.write(string(text), 0o644, "answer")
	if err != nil {
		return sample{}, err
	}
	floor := asker{socket: t.path("bare.sock"), path: "/v1/status"}
	bare := exec.CommandContext(ctx, t.bare, "answer", floor.socket, answer)
	bare.Stderr = os.Stderr
	if err := bare.Start(); err != nil {
		return sample{}, err
	}
	defer func() {
		_ = bare.Process.Kill()
		_ = bare.Wait()
	}()
	floor.pids = []int{bare.Process.Pid}
	if err := floor.answers(ctx); err != nil {
		return sample{}, err
	}
	var all []sample
	for range turns {
		var s sample
		var rate float64
		for _, closing := range []bool{false, true} {
			for _, a := range []asker{ours, floor} {
				cpu, each, err := a.ask(ctx, t.scale.window/8, closing)
				if err != nil {
					return sample{}, err
				}
				s.values, rate = append(s.values, cpu), each
			}
		}
		s.values = append(s.values, rate)
		all = append(all, s)
	}
	return medians(all), nil
}

// asker asks one server over its socket.
type asker struct {
	socket, path string
	pids         []int // of which the CPU time counts
}

func (a asker) client(closing bool) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", a.socket)
		},
		DisableKeepAlives: closing,
	}}
}

// get asks once, and copies the answer to w.
func (a asker) get(ctx context.Context, c *http.Client, w io.Writer) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://bench"+a.path, nil)
	if err != nil {
		return err
	}
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	_, err = io.Copy(w, resp.Body)
	return err
}

// answers waits until the server does.
func (a asker) answers(ctx context.Context) error {
	for ctx.Err() == nil {
		if c, err := net.Dial("unix", a.socket); err == nil {
			return c.Close()
		}
		sleep(ctx, 10*time.Millisecond)
	}
	return context.Cause(ctx)
}

// ask asks a thousand times a second for a while, one request after the other,
// and returns the server's CPU time of one in microseconds, and how many there
// were a second.
func (a asker) ask(ctx context.Context, d time.Duration, closing bool) (cpu, rate float64, err error) {
	c := a.client(closing)
	defer c.CloseIdleConnections()
	for range 10 {
		if err := a.get(ctx, c, io.Discard); err != nil {
			return 0, 0, err
		}
	}
	used, began, n := cpuTime(a.pids), time.Now(), 0
	for ; time.Since(began) < d; n++ {
		time.Sleep(time.Until(began.Add(time.Duration(n) * time.Millisecond)))
		if err := a.get(ctx, c, io.Discard); err != nil {
			return 0, 0, err
		}
	}
	took := time.Since(began)
	return float64((cpuTime(a.pids) - used).Nanoseconds()) / 1e3 / float64(n), float64(n) / took.Seconds(), nil
}

// once returns one answer.
func (a asker) once(ctx context.Context) ([]byte, error) {
	var text bytes.Buffer
	err := a.get(ctx, a.client(true), &text)
	return text.Bytes(), err
}
