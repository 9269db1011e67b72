package main

import (
	"errors"
	"reflect"
	"strings"

	"github.com/alecthomas/kong"
)

// parse reads a command line. Building the whole grammar takes longer than
// many a command does, so the one of the command alone is tried first. What
// that one cannot read is left to the whole one, which knows what was meant,
// and so is help.
func (s *session) parse(args []string) (*kong.Context, error) {
	if !completing() && len(s.words) > 0 {
		ctx, err := s.parseAlone(s.words[0], args)
		if own := (*exitError)(nil); err == nil || errors.As(err, &own) {
			return ctx, err
		}
	}
	parser, err := kong.New(&root{}, s.options()...)
	if err != nil {
		return nil, err
	}
	if err := s.completeCommandLine(parser); err != nil {
		return nil, err
	}
	return parser.Parse(args)
}

// errWhole says that a command line is the whole grammar's.
var errWhole = errors.New("this takes the whole grammar")

// parseAlone reads a command line with the grammar of one command.
func (s *session) parseAlone(command string, args []string) (*kong.Context, error) {
	grammar, ok := grammarOf(command)
	if !ok {
		return nil, errWhole
	}
	toWhole := kong.Help(func(kong.HelpOptions, *kong.Context) error { return errWhole })
	parser, err := kong.New(grammar, append(s.options(), toWhole)...)
	if err != nil {
		return nil, err
	}
	return parser.Parse(args)
}

// alone is root with one command.
type alone struct {
	globals
	kong.Plugins
}

// grammarOf returns the part of root that a command needs, which is false
// where root has no such command.
func grammarOf(command string) (*alone, bool) {
	for field := range reflect.TypeFor[root]().Fields() {
		if _, ok := field.Tag.Lookup("cmd"); ok && strings.ToLower(field.Name) == command {
			only := reflect.StructOf([]reflect.StructField{field})
			return &alone{Plugins: kong.Plugins{reflect.New(only).Interface()}}, true
		}
	}
	return nil, false
}
