package process

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// The marks that Start puts into every child's environment.
const (
	LifeVariable = "SYNDICATE_LIFE" // Config.Life
	UnitVariable = "SYNDICATE_UNIT" // Command.Unit
	RunVariable  = "SYNDICATE_RUN"  // a number, unique within the life

	// DeathVariable is the number of Command.DeathSignal, where there is one:
	// whoever ends a leader after its engine must know.
	DeathVariable = "SYNDICATE_DEATH_SIGNAL"
)

// Command is what Start starts.
type Command struct {
	Unit string   // whose process it is; written into its environment
	Argv []string // Argv[0] with a slash counts from Dir, without one it is looked up in the PATH of Env
	Dir  string   // working directory, empty for the engine's own
	Env  []string // KEY=value, the whole environment; of two with one key the last counts

	// User and Group are names or numbers. Another user than the engine's
	// own needs root; it comes with its supplementary groups. A group alone
	// changes the primary group only.
	User  string
	Group string

	// Stdout and Stderr are the child's ends. Start closes them in every
	// case, also where it fails. Nil is /dev/null, and so is stdin always.
	Stdout *os.File
	Stderr *os.File

	// DeathSignal ends the leader when the engine dies without stopping it;
	// 0 means SIGKILL. With any other nobody sends it SIGKILL after the
	// engine's death, and its descendants are left to it.
	DeathSignal syscall.Signal
}

// check finds what no child can be started with.
func (c *Command) check() error {
	if len(c.Argv) == 0 || c.Argv[0] == "" {
		return errors.New("the command is empty: name at least the program to run")
	}
	for i, arg := range c.Argv {
		if strings.IndexByte(arg, 0) >= 0 {
			return fmt.Errorf("argument %d of the command contains a NUL byte, which no argument can", i)
		}
	}
	for i, entry := range c.Env {
		name, _, ok := strings.Cut(entry, "=")
		if !ok || name == "" {
			return fmt.Errorf("entry %d of the environment has no name: it must read NAME=value", i)
		}
		if strings.IndexByte(entry, 0) >= 0 {
			return fmt.Errorf("the environment variable %s contains a NUL byte, which no variable can", strings.ReplaceAll(name, "\x00", `\0`))
		}
	}
	if strings.IndexByte(c.Dir, 0) >= 0 || strings.IndexByte(c.Unit, 0) >= 0 {
		return errors.New("the directory or the unit's name contains a NUL byte")
	}
	return nil
}

// environment is Env without double names, with the marks.
func (c *Command) environment(life string, run uint64) []string {
	last := make(map[string]int, len(c.Env))
	for i, entry := range c.Env {
		name, _, _ := strings.Cut(entry, "=")
		last[name] = i
	}
	env := make([]string, 0, len(c.Env)+4)
	for i, entry := range c.Env {
		name, _, _ := strings.Cut(entry, "=")
		switch name {
		case LifeVariable, UnitVariable, RunVariable, DeathVariable:
			continue
		}
		if last[name] == i {
			env = append(env, entry)
		}
	}
	if c.DeathSignal != 0 && c.DeathSignal != syscall.SIGKILL {
		env = append(env, DeathVariable+"="+strconv.Itoa(int(c.DeathSignal)))
	}
	return append(env,
		LifeVariable+"="+life,
		UnitVariable+"="+c.Unit,
		RunVariable+"="+strconv.FormatUint(run, 10))
}

// variable returns the value that a variable has in Env.
func (c *Command) variable(name string) (string, bool) {
	for i := len(c.Env) - 1; i >= 0; i-- {
		if value, ok := strings.CutPrefix(c.Env[i], name+"="); ok {
			return value, true
		}
	}
	return "", false
}

// closeOutputs closes the child's ends, once each.
func (c *Command) closeOutputs() {
	if c.Stdout != nil {
		c.Stdout.Close()
	}
	if c.Stderr != nil && c.Stderr != c.Stdout {
		c.Stderr.Close()
	}
}

// files are the descriptors 0 to 2 of the child. A pipe that Go made is
// non-blocking, a property that both sides of a fork share and that few
// programs expect of their stdout: it is taken away here.
func (c *Command) files(null *os.File) ([]uintptr, error) {
	files := []uintptr{null.Fd(), null.Fd(), null.Fd()}
	for i, file := range []*os.File{c.Stdout, c.Stderr} {
		if file == nil {
			continue
		}
		fd := file.Fd()
		if err := syscall.SetNonblock(int(fd), false); err != nil {
			return nil, fmt.Errorf("prepare the output of the command: %w", err)
		}
		files[i+1] = fd
	}
	return files, nil
}
