package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// examples are what each command's help ends with, as they are typed.
var examples = map[string][]string{
	"":           {"syndicate init", "syndicate -f examples/quickstart.hcl plan", "syndicate up"},
	"init":       {"syndicate init", "syndicate init deploy"},
	"validate":   {"syndicate validate", "syndicate validate --format github deploy"},
	"fmt":        {"syndicate fmt", "syndicate fmt --check --diff", "syndicate fmt - < main.hcl"},
	"explain":    {"syndicate explain S030"},
	"schema":     {"syndicate schema service.ready", "syndicate schema functions"},
	"plan":       {"syndicate plan", "syndicate plan --out release.plan", "syndicate plan --detailed-exitcode --json"},
	"up":         {"syndicate up", "syndicate up --wait --timeout 2m", "syndicate up --plan release.plan", "syndicate up --target service.api"},
	"down":       {"syndicate down", "syndicate down --timeout 30s"},
	"start":      {"syndicate start api", "syndicate start worker[a]"},
	"stop":       {"syndicate stop worker"},
	"restart":    {"syndicate restart api worker"},
	"do":         {"syndicate do service.api.signal SIGHUP", "syndicate do database.main.check"},
	"breaker":    {"syndicate breaker list"},
	"migrate":    {"syndicate migrate status"},
	"db":         {"syndicate db psql main"},
	"status":     {"syndicate status", "syndicate status --watch", "syndicate status --exit-code --json"},
	"logs":       {"syndicate logs -f api worker", "syndicate logs --since 10m --grep 'ERROR|WARN'"},
	"events":     {"syndicate events --since 1h api", "syndicate events -f --json"},
	"metrics":    {"syndicate metrics"},
	"graph":      {"syndicate graph", "syndicate graph --format svg > graph.svg"},
	"doctor":     {"syndicate doctor"},
	"completion": {"source <(syndicate completion bash)"},
	"version":    {"syndicate version --json"},

	"breaker list":  {"syndicate breaker list"},
	"breaker show":  {"syndicate breaker show ollama"},
	"breaker trip":  {"syndicate breaker trip --for 5m ollama"},
	"breaker reset": {"syndicate breaker reset ollama"},
	"breaker exec":  {"syndicate breaker exec --timeout 30s ollama -- curl -f http://localhost:11434/api/tags"},
	"breaker force": {"syndicate breaker force open ollama", "syndicate breaker force auto ollama"},

	"migrate up":     {"syndicate migrate up", "syndicate migrate up 1 --database main --dry-run"},
	"migrate down":   {"syndicate migrate down 2 --yes"},
	"migrate goto":   {"syndicate migrate goto 12 --yes"},
	"migrate status": {"syndicate migrate status --json"},
	"migrate new":    {"syndicate migrate new add_email"},
	"migrate force":  {"syndicate migrate force 12 --yes"},
	"migrate lint":   {"syndicate migrate lint --all", "syndicate migrate lint --since 12 --format github"},
	"migrate repair": {"syndicate migrate repair --yes"},
	"migrate verify": {"syndicate migrate verify --on declared"},
	"migrate check":  {"syndicate migrate check"},

	"db psql":    {"syndicate db psql main", "syndicate db psql main -- -c 'SELECT now()'"},
	"db dump":    {"syndicate db dump main --output main.dump"},
	"db restore": {"syndicate db restore main main.dump --yes"},
}

// helped makes kong's help say first what is a command's own. The commands of
// a command stand under no heading of another level.
func helped() kong.Option {
	return kong.PostBuild(func(k *kong.Kong) error {
		k.Model.HelpFlag.Help = "Show this help."
		everywhere := &kong.Group{Key: "everywhere", Title: "Flags of every command:"}
		for _, flag := range k.Model.Flags {
			flag.Group = everywhere
			spellEnum(flag.Value)
		}
		own := &kong.Group{Key: "own", Title: "Commands:"}
		for _, command := range k.Model.Children {
			spellEnums(command)
			for _, part := range command.Children {
				part.Group = own
				spellEnums(part)
			}
		}
		return nil
	})
}

func spellEnums(node *kong.Node) {
	for _, flag := range node.Flags {
		spellEnum(flag.Value)
	}
	for _, operand := range node.Positional {
		spellEnum(operand)
	}
}

// spellEnum writes the words that a value may be as a list in a sentence.
func spellEnum(v *kong.Value) {
	if words := strings.Split(v.Enum, ","); len(words) > 1 {
		list := strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
		v.Help = strings.Replace(v.Help, "${enum}", list, 1)
	}
}

// asMeant spells what people type who know other tools: nothing for help, help
// COMMAND, and --version.
func (s *session) asMeant(args []string) []string {
	leading := args[:len(args)-len(s.words)]
	switch {
	case completing():
	case len(s.words) > 0 && s.words[0] == "help":
		return slices.Concat(leading, s.words[1:], []string{"--help"})
	case len(s.words) == 0 && slices.Contains(args, "--version"):
		return append(slices.DeleteFunc(slices.Clone(args), func(arg string) bool { return arg == "--version" }), "version")
	case len(s.words) == 0:
		return append(args, "--help")
	}
	return args
}

// printHelp writes the help of what the command line names.
func printHelp(o kong.HelpOptions, ctx *kong.Context) error {
	if err := kong.DefaultHelpPrinter(o, ctx); err != nil {
		return err
	}
	path := ""
	if node := ctx.Selected(); node != nil {
		path = node.Path()
	}
	list := examples[path]
	if len(list) == 0 {
		return nil
	}
	_, err := fmt.Fprintf(ctx.Stdout, "\n%s:\n  %s\n", examplesTitle(list), strings.Join(list, "\n  "))
	return err
}

func examplesTitle(list []string) string {
	if len(list) == 1 {
		return "Example"
	}
	return "Examples"
}
