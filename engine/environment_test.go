package engine

import (
	"os/user"
	"slices"
	"testing"

	"github.com/syndicate/syndicate/spec"
)

// Whoever runs as another user has that user's home.
func TestTheEnvironmentOfAUser(t *testing.T) {
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	s := &site{environ: newBaseEnvironment([]string{"HOME=/caller", "USER=caller", "PATH=/bin"})}
	for name, c := range map[string]struct {
		command spec.Command
		want    []string
	}{
		"none":               {spec.Command{}, []string{"HOME=/caller", "PATH=/bin", "USER=caller"}},
		"by name":            {spec.Command{User: me.Username}, []string{"HOME=" + me.HomeDir, "LOGNAME=" + me.Username, "PATH=/bin", "USER=" + me.Username}},
		"by number":          {spec.Command{User: me.Uid}, []string{"HOME=" + me.HomeDir, "LOGNAME=" + me.Username, "PATH=/bin", "USER=" + me.Username}},
		"a number of nobody": {spec.Command{User: "2147480000"}, []string{"HOME=/caller", "PATH=/bin", "USER=caller"}},
		"inherited all the same": {
			spec.Command{User: me.Username, Inherited: []string{"HOME=/kept"}},
			[]string{"HOME=/kept", "LOGNAME=" + me.Username, "PATH=/bin", "USER=" + me.Username},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := s.childEnv(&c.command, 0)
			slices.Sort(got)
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("got %q, %v, want %q", got, err, c.want)
			}
		})
	}
}
