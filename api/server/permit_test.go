package server

import (
	"errors"
	"testing"

	"github.com/syndicate/syndicate/api"
	"github.com/syndicate/syndicate/api/client"
)

func TestPermit(t *testing.T) {
	dir := t.TempDir()
	s := serve(t, dir, newFake())
	c := client.New(dir)
	var refused *client.RefusedError
	if _, err := c.Permit(t.Context(), "breaker.open"); !errors.As(err, &refused) || refused.Reason != "5 failures in a row" || refused.Until.IsZero() {
		t.Fatalf("got %v", err)
	}
	p, err := c.Permit(t.Context(), "breaker.granted")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.End(t.Context(), "splendid", ""); err == nil {
		t.Error("an outcome that there is not was taken")
	}
	if p, err = c.Permit(t.Context(), "breaker.granted"); err != nil {
		t.Fatal(err)
	}
	if err := p.End(t.Context(), api.CallFailed, "exit code 3"); err != nil {
		t.Fatal(err)
	}
	var gone *client.Error
	if err := p.End(t.Context(), api.CallFailed, ""); !errors.As(err, &gone) || gone.Code != 410 {
		t.Errorf("told twice: %v", err)
	}
	// One that was given up is nobody's.
	if p, err = c.Permit(t.Context(), "breaker.granted"); err != nil {
		t.Fatal(err)
	}
	p.Close()
	s.handlers.Wait()
	if n := len(s.permits.held); n != 0 {
		t.Errorf("%d permits are held by nobody", n)
	}
}
