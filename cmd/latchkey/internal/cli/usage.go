package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/latchkey-iam/latchkey/internal/suggest"
)

// commandLineError is cobra's error about a command line, of which few have a type.
func commandLineError(root *cobra.Command, err error) error {
	if rest, found := strings.CutPrefix(err.Error(), `unknown command "`); found {
		if name, _, found := strings.Cut(rest, `" for `); found {
			return unknownCommand(root, name)
		}
	}
	var usage *usageError
	if errors.As(err, &usage) {
		return err
	}
	return usagef("%s", err)
}

// flagError says in one sentence what is wrong with a flag, and what would be right.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var empty *pflag.ValueRequiredError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.Is(err, pflag.ErrHelp):
		return err
	case cmd.HasSubCommands() && cmd.Flags().NArg() > 0: // The flag is that of a command that is not there.
		return unknownCommand(cmd, cmd.Flags().Arg(0))
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
	if likely := suggest.Closest(name, known); likely != "" {
		return usagef("unknown flag --%s: did you mean --%s?", name, likely)
	}
	return usagef("unknown flag --%s", name)
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

// unknownCommand says which command of the parent's was probably meant.
func unknownCommand(parent *cobra.Command, name string) error {
	var known []string
	for _, command := range parent.Commands() {
		if slices.Contains(command.SuggestFor, name) {
			return &usageError{message: fmt.Sprintf("unknown command %q: did you mean %q?", name, command.Name()), elsewhere: true}
		}
		if command.IsAvailableCommand() {
			known = append(known, command.Name())
		}
	}
	return unknownWord("unknown command", name, "the commands are", known)
}

// unknownWord says which of the known words was probably meant, or which there are.
func unknownWord(fault, word, list string, known []string) error {
	text := fault + ` "` + word + `": ` + list + " " + strings.Join(known, ", ")
	if likely := suggest.Closest(word, known); likely != "" {
		text = fault + ` "` + word + `": did you mean "` + likely + `"?`
	}
	return &usageError{message: text, elsewhere: true}
}

// noSubcommand refuses what is no command of the parent's.
func noSubcommand(parent *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return unknownCommand(parent, args[0])
}

// noArguments refuses positional arguments, which are mostly a flag that was forgotten.
func noArguments(instead string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		return usagef("%s takes flags and no arguments%s", cmd.CommandPath(), instead)
	}
}

// oneArgument demands one argument that is not empty.
func oneArgument(what, example string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 || args[0] == "" {
			return usagef("give one %s, such as: %s %s", what, cmd.CommandPath(), example)
		}
		return nil
	}
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
		return unknownCommand(cmd.Root(), args[0])
	}
	if len(rest) > 0 {
		return unknownCommand(found, rest[0])
	}
	found.InitDefaultHelpFlag()
	return found.Help()
}
