package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// usageError is the caller's mistake: one line for each thing that is wrong.
type usageError struct {
	message string
	// elsewhere says that the mistake is not in the flags, so that their help is none.
	elsewhere bool
}

// Error implements error.
func (e *usageError) Error() string { return e.message }

func usagef(format string, arguments ...any) error {
	return &usageError{message: fmt.Sprintf(format, arguments...)}
}

// flagError says in one sentence what is wrong with a flag, and what would be right.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var empty *pflag.ValueRequiredError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.Is(err, pflag.ErrHelp):
		return err
	case errors.As(err, &unknown):
		return unknownFlag(cmd, unknown)
	case errors.As(err, &empty):
		return usagef("--%s needs a value", empty.GetFlag().Name)
	case errors.As(err, &invalid):
		return invalidValue(invalid)
	default:
		return usagef("%s", err)
	}
}

func unknownFlag(cmd *cobra.Command, unknown *pflag.NotExistError) error {
	if letters := unknown.GetSpecifiedShortnames(); letters != "" {
		return usagef("unknown flag -%s", unknown.GetSpecifiedName())
	}
	name := unknown.GetSpecifiedName()
	var known []string
	cmd.Flags().VisitAll(func(flag *pflag.Flag) { known = append(known, flag.Name) })
	if likely := closest(name, known); likely != "" {
		return usagef("unknown flag --%s: did you mean --%s?", name, likely)
	}
	return usagef("unknown flag --%s", name)
}

// maxTypos is how far a word may be from the one that was meant.
const maxTypos = 3

// closest returns the word that name was probably meant to be, or empty.
func closest(name string, words []string) string {
	best, distance := "", maxTypos
	for _, word := range words {
		typos := levenshtein.Distance(strings.ToLower(name), word, nil)
		// A flag that is cut short, such as --user for --user-id, is near too.
		if strings.HasPrefix(word, strings.ToLower(name)+"-") {
			typos = 1
		}
		if typos < distance {
			best, distance = word, typos
		}
	}
	return best
}

func invalidValue(invalid *pflag.InvalidValueError) error {
	flag := invalid.GetFlag()
	name := "--" + flag.Name
	if flag.Shorthand != "" {
		name = "-" + flag.Shorthand + " (" + name + ")"
	}
	if flag.Value.Type() == "bool" {
		return usagef("%s must be true or false, or stand alone", name)
	}
	return usagef("%s %s", name, invalid.Unwrap())
}

// unknownCommand reads the name of a command that does not exist out of cobra's error,
// which has no type.
func unknownCommand(err error) (string, bool) {
	rest, found := strings.CutPrefix(err.Error(), `unknown command "`)
	if !found {
		return "", false
	}
	name, _, found := strings.Cut(rest, `" for `)
	return name, found
}

// unknownCommandError says which command of the parent's was probably meant.
func unknownCommandError(parent *cobra.Command, name string) error {
	var known []string
	for _, command := range parent.Commands() {
		if command.IsAvailableCommand() {
			known = append(known, command.Name())
		}
	}
	if likely := closest(name, known); likely != "" {
		return &usageError{message: fmt.Sprintf("unknown command %q: did you mean %q?", name, likely), elsewhere: true}
	}
	return &usageError{message: fmt.Sprintf("unknown command %q: the commands are %s", name, strings.Join(known, ", ")), elsewhere: true}
}

// noSubcommand refuses what is no command of the parent's.
func noSubcommand(parent *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return unknownCommandError(parent, args[0])
}

// strictHelp makes help for a command that does not exist an error: cobra's own help shows
// the parent's, as if it had been asked for.
func strictHelp(root *cobra.Command) {
	// Cobra adds the flag too late to know that it takes no value: the next word would be lost.
	root.InitDefaultHelpFlag()
	root.InitDefaultHelpCmd()
	for _, command := range root.Commands() {
		if command.Name() == "help" {
			command.Run, command.RunE = nil, help
		}
	}
}

func help(cmd *cobra.Command, args []string) error {
	found, rest, err := cmd.Root().Find(args)
	if err != nil || len(rest) > 0 && !found.HasParent() {
		return unknownCommandError(cmd.Root(), args[0])
	}
	if len(rest) > 0 {
		return unknownCommandError(found, rest[0])
	}
	found.InitDefaultHelpFlag()
	return found.Help()
}
