package process

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Every start that cannot work says what is wrong and what would be right.
func TestStartErrors(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("bin/serve", "#!/bin/sh\n", 0o755)
	write("bin/dull", "#!/bin/sh\n", 0o644)
	write("here", "#!/bin/sh\n", 0o755)
	path := "PATH=" + filepath.Join(dir, "bin") + ":/nowhere"
	tests := []struct {
		name    string
		command Command
		want    []string
		errno   error
	}{
		{"no command", Command{}, []string{"command is empty"}, nil},
		{"empty program", Command{Argv: []string{""}}, []string{"command is empty"}, nil},
		{"NUL in an argument", Command{Argv: []string{"a", "b\x00"}}, []string{"argument 1", "NUL"}, nil},
		{"NUL in the environment", Command{Argv: []string{"a"}, Env: []string{"SECRET=hidden\x00"}}, []string{"variable SECRET", "NUL"}, nil},
		{"nameless variable", Command{Argv: []string{"a"}, Env: []string{"=x"}}, []string{"NAME=value"}, nil},
		{"slip of the hand", Command{Argv: []string{"sevre"}, Env: []string{path}}, []string{`no program "sevre" in the PATH`, "/nowhere", `did you mean "serve"?`}, syscall.ENOENT},
		{"one string", Command{Argv: []string{"npm run dev"}, Env: []string{path}}, []string{`["npm", "run", "dev"]`}, syscall.ENOENT},
		{"in the directory", Command{Argv: []string{"here"}, Dir: dir, Env: []string{path}}, []string{`"./here"`}, syscall.ENOENT},
		{"no PATH", Command{Argv: []string{"no-such-program"}}, []string{"no PATH", "/usr/bin"}, syscall.ENOENT},
		{"not executable in PATH", Command{Argv: []string{"dull"}, Env: []string{path}}, []string{"bin/dull is not executable", "chmod +x"}, syscall.EACCES},
		{"not executable", Command{Argv: []string{"bin/dull"}, Dir: dir}, []string{"bin/dull is not executable", "chmod +x"}, syscall.EACCES},
		{"missing file", Command{Argv: []string{"./bin/serv"}, Dir: dir}, []string{"does not exist", `bin/serve"?`}, syscall.ENOENT},
		{"directory", Command{Argv: []string{"./bin"}, Dir: dir}, []string{"is a directory, not a program"}, syscall.EACCES},
		{"missing directory", Command{Argv: []string{"/bin/true"}, Dir: filepath.Join(dir, "bim", "x")}, []string{"working directory", "does not exist", `did you mean "bin"`}, syscall.ENOENT},
		{"missing directory, searched", Command{Argv: []string{"serve"}, Dir: filepath.Join(dir, "x")}, []string{"working directory", "does not exist"}, syscall.ENOENT},
		{"file as directory", Command{Argv: []string{"/bin/true"}, Dir: filepath.Join(dir, "here")}, []string{"is not a directory"}, syscall.ENOTDIR},
		{"no interpreter", Command{Argv: []string{write("a.py", "#!/usr/bin/no-python -u\n", 0o755)}}, []string{`needs the interpreter "/usr/bin/no-python"`, "install it"}, syscall.ENOENT},
		{"windows line ends", Command{Argv: []string{write("w.sh", "#!/bin/sh\r\necho\r\n", 0o755)}}, []string{"Windows line ends"}, syscall.ENOENT},
		{"no first line", Command{Argv: []string{write("n.sh", "echo\n", 0o755)}}, []string{"no program that the kernel can execute", `"#!/bin/sh"`}, syscall.ENOEXEC},
		{"empty file", Command{Argv: []string{write("e.sh", "", 0o755)}}, []string{"is empty"}, syscall.ENOEXEC},
		{"damaged program", Command{Argv: []string{write("elf", "\x7fELF\x02\x01\x01nothing", 0o755)}}, []string{"another machine or is damaged"}, syscall.ENOEXEC},
		{"too long", Command{Argv: []string{"/bin/true", strings.Repeat("x", 1<<20)}}, []string{"longer than the kernel takes"}, syscall.E2BIG},
		{"no such user", Command{Argv: []string{"/bin/true"}, User: "nobody-of-that-name"}, []string{`no user named "nobody-of-that-name"`}, nil},
		{"no such group", Command{Argv: []string{"/bin/true"}, Group: "no-such-group"}, []string{`no group named "no-such-group"`}, nil},
	}
	h := open(t, Config{})
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			read, output, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer read.Close()
			test.command.Stdout, test.command.Stderr = output, output
			_, err = h.Start(test.command)
			if err == nil {
				t.Fatal("it started")
			}
			for _, part := range test.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q lacks %q", err, part)
				}
			}
			if _, ok := errors.AsType[*StartError](err); !ok {
				t.Errorf("error %v is no *StartError", err)
			}
			if strings.Contains(err.Error(), "hidden") {
				t.Errorf("error %q shows a value", err)
			}
			if test.errno != nil && !errors.Is(err, test.errno) {
				t.Errorf("error %q is no %v", err, test.errno)
			}
			if n, _ := read.Read(make([]byte, 1)); n != 0 {
				t.Error("the output was not closed")
			}
		})
	}
	if strings.Contains(strings.Join(failedCgroups(h), " "), "off") {
		t.Error("an ordinary failure ended the use of cgroups")
	}
}

func failedCgroups(h *Host) []string {
	if h.cells != nil && h.cells.off {
		return []string{"off"}
	}
	return nil
}

// A relative program counts from Dir, and a name is looked up in the PATH
// of the child.
func TestProgramsAreFoundWhereTheChildStands(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "tools"), 0o755); err != nil {
		t.Fatal(err)
	}
	script := "#!/bin/sh\npwd\n"
	if err := os.WriteFile(filepath.Join(dir, "tools", "where"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	h := open(t, Config{})
	for name, command := range map[string]Command{
		"path":          {Argv: []string{"./tools/where"}},
		"PATH":          {Argv: []string{"where"}, Env: []string{"PATH=/nowhere:" + dir + "/tools"}},
		"relative PATH": {Argv: []string{"where"}, Env: []string{"PATH=tools"}},
		"last PATH":     {Argv: []string{"where"}, Env: []string{"PATH=/nowhere", "PATH=tools"}},
	} {
		command.Dir = dir
		result, err := h.Run(t.Context(), command)
		if err != nil || !result.Success() || strings.TrimSpace(string(result.Output)) != dir {
			t.Errorf("%s: %v, %v, %q", name, result.Exit, err, result.Output)
		}
	}
}

func TestMarksInTheEnvironment(t *testing.T) {
	h := open(t, Config{})
	result, err := h.Run(t.Context(), Command{
		Unit: "service.api", Argv: []string{"/usr/bin/env"},
		Env: []string{"A=1", "A=2", LifeVariable + "=forged"},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Fields(string(result.Output))
	want := []string{"A=2", LifeVariable + "=" + h.config.Life, UnitVariable + "=service.api", RunVariable + "=1"}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("environment %q, want %q", got, want)
	}
}

func TestAnotherUser(t *testing.T) {
	h := open(t, Config{})
	command := Command{Argv: []string{"/usr/bin/id", "-u"}, User: "65534", Group: "65534"}
	result, err := h.Run(t.Context(), command)
	if os.Getuid() != 0 {
		if !errors.Is(err, ErrNotRoot) {
			t.Errorf("error %v", err)
		}
		return
	}
	if err != nil || strings.TrimSpace(string(result.Output)) != "65534" {
		t.Errorf("%q, %v", result.Output, err)
	}
}

func TestNearest(t *testing.T) {
	candidates := []string{"[", "postgres", "psql", "node", "npm"}
	for name, want := range map[string]string{
		"postgers": "postgres", "nod": "node", "nmp": "npm", "node": "", "something": "", "x": "", "": "",
	} {
		if got := nearest(name, candidates); got != want {
			t.Errorf("nearest to %q is %q, want %q", name, got, want)
		}
	}
}
