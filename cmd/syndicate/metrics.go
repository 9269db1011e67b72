package main

import (
	"context"
	"errors"

	"github.com/syndicate/syndicate/api/client"
)

// metricsCmd prints the metrics of a running system.
type metricsCmd struct{}

// Run asks the engine.
func (c *metricsCmd) Run(s *session) error {
	dir, err := s.stateDirOf("")
	if err != nil {
		return err
	}
	err = client.New(dir).Metrics(context.Background(), s.stdout.raw)
	if errors.Is(err, client.ErrNobody) {
		return s.unanswered(dir, "")
	}
	return err
}
