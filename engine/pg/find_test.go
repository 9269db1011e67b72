package pg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// install puts programs that say a version into a directory.
func install(t *testing.T, dir, version string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"postgres":  fmt.Sprintf("#!/bin/sh\necho 'postgres (PostgreSQL) %s (Debian %s-1)'\n", version, version),
		"initdb":    "#!/bin/sh\n",
		"pg_config": "#!/bin/sh\necho " + dir + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFind(t *testing.T) {
	const debian, red, brew = "/usr/lib/postgresql/%s/bin", "/usr/pgsql-%s/bin", "/opt/homebrew/opt/postgresql@%s/bin"
	type env map[string]string
	for name, test := range map[string]struct {
		installed map[string]string // directory under the root → version
		cfg       FindConfig
		env       env
		want      string // directory under the root, or the error's text
	}{
		"newest":                    {map[string]string{fmt.Sprintf(debian, "9.6"): "9.6.24", fmt.Sprintf(debian, "15"): "15.18", fmt.Sprintf(red, "16"): "16.2"}, FindConfig{}, nil, "/usr/pgsql-16/bin"},
		"requested":                 {map[string]string{fmt.Sprintf(debian, "15"): "15.18", fmt.Sprintf(debian, "16"): "16.2"}, FindConfig{Major: 15}, nil, "/usr/lib/postgresql/15/bin"},
		"data before requested":     {map[string]string{fmt.Sprintf(debian, "15"): "15.18", fmt.Sprintf(debian, "16"): "16.2"}, FindConfig{Major: 16, DataMajor: 15}, nil, "/usr/lib/postgresql/15/bin"},
		"equal versions: the first": {map[string]string{fmt.Sprintf(debian, "15"): "15.18", fmt.Sprintf(red, "15"): "15.18"}, FindConfig{}, nil, "/usr/lib/postgresql/15/bin"},
		"newer minor":               {map[string]string{fmt.Sprintf(debian, "15"): "15.9", fmt.Sprintf(brew, "15"): "15.18"}, FindConfig{Major: 15}, nil, "/opt/homebrew/opt/postgresql@15/bin"},
		"bin_dir alone":             {map[string]string{"/own": "14.1", fmt.Sprintf(debian, "15"): "15.18"}, FindConfig{BinDir: "/own"}, env{"SYNDICATE_PG_BIN": "/usr/lib/postgresql/15/bin"}, "/own"},
		"SYNDICATE_PG_BIN alone":    {map[string]string{"/own": "14.1", fmt.Sprintf(debian, "15"): "15.18"}, FindConfig{}, env{"SYNDICATE_PG_BIN": "/own"}, "/own"},
		"pg_config on PATH":         {map[string]string{"/strange/bin": "17.1"}, FindConfig{}, env{"PATH": "/strange/bin"}, "/strange/bin"},
		"cache":                     {map[string]string{"/home/.cache/syndicate/pg/17.2/bin": "17.2"}, FindConfig{}, env{"HOME": "/home"}, "/home/.cache/syndicate/pg/17.2/bin"},
		"beta":                      {map[string]string{fmt.Sprintf(debian, "19"): "19beta1"}, FindConfig{}, nil, "/usr/lib/postgresql/19/bin"},
		"none":                      {nil, FindConfig{}, nil, "it is not installed"},
		"other version":             {map[string]string{fmt.Sprintf(debian, "15"): "15.18"}, FindConfig{Major: 17}, nil, "version 17 is not installed"},
		"other data":                {map[string]string{fmt.Sprintf(debian, "15"): "15.18"}, FindConfig{DataMajor: 12}, nil, "the data directory belongs to version 12"},
		"wrong bin_dir":             {map[string]string{fmt.Sprintf(debian, "15"): "15.18"}, FindConfig{BinDir: "/nowhere"}, nil, "/nowhere (bin_dir): not there"},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			for dir, version := range test.installed {
				install(t, root+dir, version)
			}
			cfg := test.cfg
			cfg.Root = root
			if cfg.BinDir != "" {
				cfg.BinDir = root + cfg.BinDir
			}
			cfg.Getenv = func(name string) string {
				if v := test.env[name]; v != "" {
					return root + v
				}
				return ""
			}
			got, err := Find(t.Context(), cfg)
			if strings.HasPrefix(test.want, "/") && !strings.Contains(test.want, " ") {
				if err != nil || got.Dir != root+test.want {
					t.Fatalf("got %+v, %v; want %s", got, err, test.want)
				}
				return
			}
			if _, ok := errors.AsType[*NotFoundError](err); !ok {
				t.Fatalf("got %+v, %v; want a NotFoundError", got, err)
			}
			wantText(t, err, test.want)
		})
	}
}

func TestNotFoundListsEveryPlace(t *testing.T) {
	root := t.TempDir()
	install(t, root+"/usr/lib/postgresql/13/bin", "13.4")
	if err := os.Remove(root + "/usr/lib/postgresql/13/bin/initdb"); err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(root, "sbin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bin, "apt-get"), nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(root+"/etc", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(root+"/etc/os-release", []byte("ID=debian\nVERSION_ID=\"12\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Find(t.Context(), FindConfig{Root: root, Getenv: func(name string) string {
		return map[string]string{"PATH": bin, "HOME": "/home/me"}[name]
	}})
	want := []string{
		"pg_config (on PATH)", "/usr/lib/postgresql/13/bin (Debian, Ubuntu): has no initdb", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin",
		"/usr/local/opt/postgresql@*/bin", "Postgres.app", "/home/me/.cache/syndicate/pg",
	}
	if installer(FindConfig{Getenv: func(string) string { return bin }}) == "apt" {
		want = append(want, "apt-get install -y --no-install-recommends postgresql-15", "create_main_cluster = false", "a server of its own")
	}
	wantText(t, err, want...)
}

func TestInstallHints(t *testing.T) {
	for _, test := range []struct {
		manager string
		major   int
		want    string
	}{
		{"apt", 15, "postgresql-15"}, {"apt", 0, "postgresql"}, {"dnf", 0, "sudo dnf install -y postgresql-server"},
		{"dnf", 16, "postgresql16-server"}, {"apk", 16, "sudo apk add postgresql16"}, {"zypper", 16, "postgresql16-server"},
		{"pacman", 0, "sudo pacman -S"}, {"brew", 15, "brew install postgresql@15"}, {"", 15, "bin_dir or SYNDICATE_PG_BIN"},
	} {
		hint := installHint(test.manager, test.major)
		if text := strings.Join(hint.Commands, "\n") + hint.Note; !strings.Contains(text, test.want) {
			t.Errorf("%s %d: %s; want %q", test.manager, test.major, text, test.want)
		}
	}
}

// A program that hangs, fails or says something else is no PostgreSQL.
func TestFindSurvivesOddPrograms(t *testing.T) {
	root := t.TempDir()
	dir := root + "/bin"
	for name, script := range map[string]string{
		"fails": "#!/bin/sh\necho broken library >&2; exit 3\n", "lies": "#!/bin/sh\necho MySQL 8\n", "silent": "#!/bin/sh\n",
	} {
		install(t, dir, "15.1")
		if err := os.WriteFile(dir+"/postgres", []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
		if got, err := Find(t.Context(), FindConfig{BinDir: dir}); err == nil {
			t.Errorf("%s: found %+v", name, got)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	install(t, dir, "15.1")
	if _, err := Find(ctx, FindConfig{BinDir: dir}); err == nil {
		t.Error("found something after the cancellation")
	}
}

func TestRootNeedsNoSudo(t *testing.T) {
	for _, manager := range []string{"apt", "dnf", "apk", "zypper", "pacman", "brew", ""} {
		hint := installHint(manager, 16)
		if user := hint.as(1000); !slices.Equal(user.Commands, hint.Commands) {
			t.Errorf("%s: a user is told %q", manager, user.Commands)
		}
		root := hint.as(0)
		if text := strings.Join(root.Commands, "\n") + root.Note; strings.Contains(text, "sudo") || len(root.Commands) != len(hint.Commands) {
			t.Errorf("%s: root is told %q", manager, text)
		}
	}
}
