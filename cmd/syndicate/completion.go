package main

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"
	kongcompletion "github.com/jotaen/kong-completion"
	"github.com/posener/complete"

	"github.com/syndicate/syndicate/engine"
	"github.com/syndicate/syndicate/plan"
	"github.com/syndicate/syndicate/spec"
	"github.com/syndicate/syndicate/spec/decode"
)

// completionCmd prints what a shell's startup file evaluates.
type completionCmd struct {
	Shell string `arg:"" name:"shell" enum:"bash,zsh,fish" help:"The shell: ${enum}."`
}

// Help says how to use it.
func (*completionCmd) Help() string {
	return `Put the line of your shell into its startup file:

    bash (~/.bashrc)                    source <(syndicate completion bash)

    zsh (~/.zshrc, behind compinit)     source <(syndicate completion zsh)

    fish (~/.config/fish/config.fish)   syndicate completion fish | source`
}

// Run prints it.
func (c *completionCmd) Run(ctx *kong.Context) error {
	return (&kongcompletion.Completion{Shell: c.Shell, Code: true}).Run(ctx)
}

// completing reports whether a shell asks how a command line could go on.
func completing() bool { return os.Getenv("COMP_LINE") != "" }

// completeCommandLine answers a shell that asks how a command line could go
// on, and ends the program then. In any other case it does nothing.
func (s *session) completeCommandLine(parser *kong.Kong) error {
	line := os.Getenv("COMP_LINE")
	if line == "" {
		return nil
	}
	if long, ok := spellFile(line); ok {
		_ = os.Setenv("COMP_LINE", long)
		if point, err := strconv.Atoi(os.Getenv("COMP_POINT")); err == nil {
			_ = os.Setenv("COMP_POINT", strconv.Itoa(point+len(long)-len(line)))
		}
	}
	kongcompletion.Register(parser, kongcompletion.WithPredictors(s.predictors()))
	return nil
}

// spellFile writes -f before the command as --file, which is what the
// completion knows it as.
func spellFile(line string) (long string, ok bool) {
	before, after, ok := strings.Cut(line, " -f ")
	if !ok {
		return line, false
	}
	words := strings.Fields(before)
	for words = words[min(1, len(words)):]; len(words) > 0 && strings.HasPrefix(words[0], "-"); {
		taken, _, err := leadingFlag(words)
		if err != nil {
			return line, false
		}
		words = words[taken:]
	}
	return before + " --file " + after, len(words) == 0
}

// predictors are what the tag completion-predictor may name.
func (s *session) predictors() map[string]complete.Predictor {
	return map[string]complete.Predictor{
		"path":      complete.PredictFiles("*"),
		"directory": complete.PredictDirs("*"),
		"code": complete.PredictFunc(func(complete.Args) []string {
			var all []string
			for _, e := range codes() {
				all = append(all, e.Code)
			}
			return all
		}),
		"block": complete.PredictFunc(func(complete.Args) []string {
			return append(blockPaths(language().Blocks, ""), functionsPage)
		}),
		"address": complete.PredictFunc(func(a complete.Args) []string { return spellings(a.Last, "") }),
		"breaker": complete.PredictFunc(func(a complete.Args) []string {
			return spellings(a.Last, "", spec.KindBreaker, spec.KindDatabase)
		}),
		"action": complete.PredictFunc(func(a complete.Args) []string {
			var out []string
			for kind, step := range map[spec.Kind]plan.StepKind{
				spec.KindService: plan.StepService, spec.KindDatabase: plan.StepServer, spec.KindBreaker: plan.StepBreaker,
			} {
				for _, action := range engine.Actions(step) {
					out = append(out, spellings(a.Last, "."+action, kind)...)
				}
			}
			return out
		}),
		"profile": complete.PredictFunc(func(complete.Args) []string {
			return configuration().Profiles
		}),
		"database": complete.PredictFunc(func(complete.Args) []string {
			var out []string
			for _, addr := range addresses() {
				if addr.Kind == spec.KindDatabase {
					out = append(out, addr.Name)
				}
			}
			return out
		}),
	}
}

// configuration is what the command line to complete speaks of. Mistakes in
// it are no reason to complete nothing.
func configuration() *decode.Result {
	dir, file := "", os.Getenv("SYNDICATE_FILE")
	// What a predictor is given begins behind the command.
	words := strings.Fields(os.Getenv("COMP_LINE"))
	for rest := words[min(1, len(words)):]; len(rest) > 0 && strings.HasPrefix(rest[0], "-"); {
		taken, flags, err := leadingFlag(rest)
		if err != nil {
			break
		}
		name, value, ok := strings.Cut(flags[len(flags)-1], "=")
		if !ok && len(flags) > 1 {
			name, value = flags[0], flags[1]
		}
		switch name {
		case "--directory":
			dir = value
		case "--file":
			file = value
		}
		rest = rest[taken:]
	}
	if dir != "" && !filepath.IsAbs(file) {
		file = filepath.Join(dir, file)
	}
	result, _ := decode.Load(decode.Options{Path: file})
	return result
}

// spellings are the addresses of the units in the configuration of these
// kinds, of all where none is given, with something behind: in full, and once a
// name is begun without its kind also so, where it means one block alone.
func spellings(typed, behind string, kinds ...spec.Kind) []string {
	all := addresses()
	named := map[string]int{}
	for _, addr := range all {
		named[bare(addr)]++
	}
	var out []string
	for _, addr := range all {
		if len(kinds) > 0 && !slices.Contains(kinds, addr.Kind) {
			continue
		}
		out = append(out, addr.String()+behind)
		if name := bare(addr); typed != "" && named[name] == 1 {
			out = append(out, name+behind)
		}
	}
	return out
}

// bare is an address without its kind: worker["a"].
func bare(addr spec.Addr) string {
	_, name, _ := strings.Cut(addr.String(), ".")
	return name
}

// addresses are those of the units in the configuration, also of those that
// do not exist without a profile.
func addresses() []spec.Addr {
	sys := configuration().System
	var out []spec.Addr
	for _, b := range sys.Services {
		out = append(out, b.Addr)
	}
	for _, b := range sys.Tasks {
		out = append(out, b.Addr)
	}
	for _, b := range sys.Databases {
		out = append(out, b.Addr)
	}
	for _, b := range sys.Breakers {
		out = append(out, b.Addr)
	}
	for _, off := range sys.Disabled {
		if len(off.Profiles) > 0 {
			out = append(out, off.Addr)
		}
	}
	slices.SortFunc(out, spec.Addr.Compare)
	return out
}
