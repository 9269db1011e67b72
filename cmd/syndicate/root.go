package main

import (
	"cmp"

	"github.com/alecthomas/kong"
)

// root is the grammar of the command line.
//
// To add a command: write its struct with kong's tags and a method
// `Run(s *session) error` in a file of its own, and add one field here. The
// method parses nothing and prints nothing: it calls the package that does
// the work and hands the result to a view, with s.stdout for the result and
// s.stderr for everything else. Errors are returned; failWith gives one a
// hint, exit a code alone. Embed target for a configuration as operand,
// inputs for --var and --var-file, and call s.load to decode. Tests are
// scripts in testdata/script; `go test ./cmd/syndicate -update` rewrites what
// they compare with.
type root struct {
	globals

	Init     initCmd     `cmd:"" group:"write" help:"Write a commented configuration to start from."`
	Validate validateCmd `cmd:"" group:"write" help:"Find everything that can be wrong without running."`
	Fmt      fmtCmd      `cmd:"" group:"write" help:"Give files the canonical layout."`
	Explain  explainCmd  `cmd:"" group:"write" help:"Tell more about a diagnostic's code."`
	Schema   schemaCmd   `cmd:"" group:"write" help:"Show the blocks of the language and what they take."`

	Plan    planCmd    `cmd:"" group:"run" help:"Show what up would do: in which order, and why."`
	Up      upCmd      `cmd:"" group:"run" help:"Start everything in order, supervise it, and stop it all in reverse on Ctrl-C; or change what runs to what is declared."`
	Down    downCmd    `cmd:"" group:"run" help:"Stop a running system in reverse order, also when only its processes are left."`
	Start   startCmd   `cmd:"" group:"run" help:"Start units, and let go of those that were stopped."`
	Stop    stopCmd    `cmd:"" group:"run" help:"Stop units, with all that cannot run without them, until they are told to start."`
	Restart restartCmd `cmd:"" group:"run" help:"Restart units; what depends on them runs on."`
	Do      doCmd      `cmd:"" group:"run" help:"Have a unit do one of its actions."`
	Breaker breakerCmd `cmd:"" group:"run" help:"Look at circuit breakers, trip, reset and force them."`
	Migrate migrateCmd `cmd:"" group:"run" help:"Apply the migrations of databases, or show which are applied."`
	Db      dbCmd      `cmd:"" group:"run" help:"Open psql on a database, save it, or load a dump into it."`

	Status  statusCmd  `cmd:"" group:"look" help:"Show the units of a running system: state, restarts, and what each waits for."`
	Logs    logsCmd    `cmd:"" group:"look" help:"Show what units wrote, also after a crash."`
	Events  eventsCmd  `cmd:"" group:"look" help:"Show what happened, when and why, also after a crash."`
	Metrics metricsCmd `cmd:"" group:"look" help:"Print the metrics of a running system, as Prometheus reads them."`
	Graph   graphCmd   `cmd:"" group:"look" help:"Show what waits for what, and why."`

	Doctor     doctorCmd     `cmd:"" group:"tool" help:"Look at this machine: what is missing, limited or in the way."`
	Completion completionCmd `cmd:"" group:"tool" help:"Print the code that completes commands in a shell."`
	Version    versionCmd    `cmd:"" group:"tool" help:"Print the version."`
}

// groups are the headings of the help, in order.
func groups() kong.Option {
	return kong.ExplicitGroups([]kong.Group{
		{Key: "write", Title: "Write a configuration:"},
		{Key: "run", Title: "Run it:"},
		{Key: "look", Title: "Look at what runs:"},
		{Key: "tool", Title: "This machine and this tool:"},
	})
}

// globals are the flags of every command.
type globals struct {
	Directory string `name:"directory" short:"C" placeholder:"DIR" help:"Work in this directory. Stands before the command." completion-predictor:"directory"`
	File      string `name:"file" placeholder:"PATH" env:"SYNDICATE_FILE" help:"The configuration: a file or a directory. Before the command also -f PATH." completion-predictor:"path"`
	StateDir  string `name:"state-dir" placeholder:"DIR" help:"The state directory of the system, instead of the declared one." completion-predictor:"directory"`
	Color     string `name:"color" enum:"auto,always,never" default:"auto" help:"When to colour: ${enum}."`
	Quiet     bool   `name:"quiet" short:"q" help:"Say less."`
	Verbose   bool   `name:"verbose" short:"v" help:"Say more."`
}

// AfterApply hands the global flags to the session.
func (g *globals) AfterApply(s *session) error { return s.apply(g) }

// target is the operand of commands that take a configuration.
type target struct {
	Path string `arg:"" optional:"" name:"path" help:"The configuration: a file or a directory, by default the current one." completion-predictor:"path"`
}

// helpWidth is the widest that help is written: the terminal's width, and
// never more than what is comfortable to read.
func (s *session) helpWidth() int {
	const most = 100
	if !s.stdout.terminal {
		return most
	}
	return min(cmp.Or(s.stdout.columns(), most), most)
}

// options configure kong.
func (s *session) options() []kong.Option {
	return []kong.Option{
		kong.Name("syndicate"),
		kong.Description("Start, migrate and supervise a system that is declared in HCL."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true, WrapUpperBound: s.helpWidth(), NoExpandSubcommands: true}),
		groups(),
		helped(),
		kong.Help(printHelp),
		kong.Writers(s.stdout, s.stderr),
		kong.Bind(s),
	}
}
