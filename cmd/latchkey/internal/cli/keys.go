package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/internal/temporalclient"
)

// keysetMode keeps the keys from everybody but their owner.
const keysetMode = 0o600

// keysFlags say which keyset.
type keysFlags struct {
	file   string
	output format
}

func (f *keysFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.file, "file", "", "the keyset's file (default $"+temporalclient.KeysetVariable+")")
	addFormats(cmd, &f.output)
}

func (f *keysFlags) path() (string, error) {
	if f.file == "" {
		f.file = os.Getenv(temporalclient.KeysetVariable)
	}
	if f.file == "" {
		return "", usagef("name the keyset's file: --file, or %s", temporalclient.KeysetVariable)
	}
	return f.file, nil
}

func (f *keysFlags) read() (path string, content []byte, err error) {
	if path, err = f.path(); err != nil {
		return "", nil, err
	}
	if content, err = os.ReadFile(path); err != nil {
		return "", nil, &usageError{message: err.Error() + "; make one with latchkey keys create", elsewhere: true}
	}
	return path, content, nil
}

func (a *app) keysCommand() *cobra.Command {
	return group("keys", "Make and rotate the keys that payloads in Temporal are encrypted with",
		"Payloads, failures and summaries in Temporal are encrypted where "+temporalclient.KeysetVariable+"\n"+
			"names a keyset. Workers, the command line and every caller need the same one, and read it again\n"+
			"when it changes. docs/encryption.md says how to distribute and rotate it.",
		a.keysCreateCommand(), a.keysListCommand(), a.keysRotateCommand())
}

func (a *app) keysCreateCommand() *cobra.Command {
	var flags keysFlags
	cmd := &cobra.Command{
		Use:     "create",
		Short:   "Make a keyset with one key",
		Long:    "Makes a file with a new key, which only its owner may read. A file that exists is left alone.\nKeep a copy: without its keys nobody reads what they encrypted.",
		Example: "  latchkey keys create --file keyset.json",
		Args:    noArguments(""),
		RunE: func(*cobra.Command, []string) error {
			path, err := flags.path()
			if err != nil {
				return err
			}
			content, err := temporalclient.CreateKeyset()
			if err != nil {
				return err
			}
			file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, keysetMode)
			if err != nil {
				return &usageError{message: err.Error(), elsewhere: true}
			}
			if err := writeAndClose(file, content); err != nil {
				return err
			}
			return a.showKeys(&flags, content, "Give this file to all workers and callers, as "+temporalclient.KeysetVariable+", and keep a copy of it.")
		},
	}
	flags.add(cmd)
	return cmd
}

func (a *app) keysListCommand() *cobra.Command {
	var flags keysFlags
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the keys of a keyset, without what is secret of them",
		Args:  noArguments(""),
		RunE: func(*cobra.Command, []string) error {
			_, content, err := flags.read()
			if err != nil {
				return err
			}
			return a.showKeys(&flags, content, "")
		},
	}
	flags.add(cmd)
	return cmd
}

// rotateFlags are the steps of a rotation, of which one is taken at a time.
type rotateFlags struct {
	keysFlags
	add, rewrite        bool
	makePrimary, retire uint32
	temporal            temporalFlags
}

func (a *app) keysRotateCommand() *cobra.Command {
	var flags rotateFlags
	cmd := &cobra.Command{
		Use:   "rotate (--add | --make-primary ID | --rewrite-schedules | --retire ID)",
		Short: "Take one step of a rotation",
		Long: "A rotation has four steps. After each but the third, give the changed file to all workers and\n" +
			"callers before the next:\n\n" +
			"  --add                a new key, which reads and does not write yet\n" +
			"  --make-primary ID    the new key writes from now on\n" +
			"  --rewrite-schedules  what schedules start runs with is written anew, by the new key\n" +
			"  --retire ID          the old key goes, once the namespace keeps nothing that it wrote",
		Example: "  latchkey keys rotate --add --file keyset.json",
		Args:    noArguments(""),
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.rotate(cmd.Context(), cmd, &flags) },
	}
	flags.keysFlags.add(cmd)
	steps := cmd.Flags()
	steps.BoolVar(&flags.add, "add", false, "add a new key")
	steps.Uint32Var(&flags.makePrimary, "make-primary", 0, "the ID of the key that writes from now on")
	steps.BoolVar(&flags.rewrite, "rewrite-schedules", false, "write the inputs of all schedules anew")
	steps.Uint32Var(&flags.retire, "retire", 0, "the ID of the key to take away")
	flags.temporal.add(cmd)
	names := []string{"add", "make-primary", "rewrite-schedules", "retire"}
	cmd.MarkFlagsOneRequired(names...)
	cmd.MarkFlagsMutuallyExclusive(names...)
	return cmd
}

func (a *app) rotate(ctx context.Context, cmd *cobra.Command, flags *rotateFlags) error {
	if flags.rewrite {
		return connect(ctx, flags.temporal, func(c *client.Client) error { return a.rewriteSchedules(ctx, c, flags.output) })
	}
	path, content, err := flags.read()
	if err != nil {
		return err
	}
	var next string
	switch {
	case flags.add:
		var id uint32
		content, id, err = temporalclient.AddKey(content)
		next = fmt.Sprintf("Give this file to all workers and callers; then: latchkey keys rotate --make-primary %d", id)
	case cmd.Flags().Changed("make-primary"):
		content, err = temporalclient.MakePrimary(content, flags.makePrimary)
		next = "Give this file to all workers and callers; then: latchkey keys rotate --rewrite-schedules"
	default:
		content, err = temporalclient.RemoveKey(content, flags.retire)
		next = "Give this file to all workers and callers, and keep a copy of the old one for as long as anybody may want to read what it wrote."
	}
	if err != nil {
		return &usageError{message: fmt.Sprintf("%s: %s", path, err), elsewhere: true}
	}
	if err := replaceFile(path, content); err != nil {
		return fmt.Errorf("write the keyset: %w", err)
	}
	return a.showKeys(&flags.keysFlags, content, next)
}

// rewrittenView is the answer to rewriting schedules.
type rewrittenView struct {
	Schedules []string `json:"schedules"`
}

// rewriteSchedules changes nothing about the schedules: a change writes their inputs anew.
func (a *app) rewriteSchedules(ctx context.Context, c *client.Client, output format) error {
	var found []*client.Schedule
	err := c.Schedules(ctx, func(schedule *client.Schedule) error {
		found = append(found, schedule)
		return nil
	})
	if err != nil {
		return err
	}
	view := rewrittenView{Schedules: []string{}}
	for _, each := range found {
		if _, err := c.ChangeSchedule(ctx, each.Connection, each.ID, client.ScheduleChange{}); err != nil {
			return err
		}
		view.Schedules = append(view.Schedules, each.ID)
	}
	return a.show(output, view, func() {
		a.println(fmt.Sprintf("Schedules whose inputs were written anew: %d. Once the namespace keeps nothing that the old key wrote: latchkey keys rotate --retire ID", len(found)))
	})
}

func (a *app) showKeys(flags *keysFlags, content []byte, next string) error {
	keys, err := temporalclient.ListKeys(content)
	if err != nil {
		return &usageError{message: fmt.Sprintf("%s: %s", flags.file, err), elsewhere: true}
	}
	rows := make([]table.Row, len(keys))
	for i, key := range keys {
		use := "reads"
		switch {
		case key.Primary:
			use = "writes and reads"
		case !key.Enabled:
			use = "disabled"
		}
		rows[i] = table.Row{key.ID, use}
	}
	return a.show(flags.output, keys, func() {
		a.drawTable(table.Row{"Key", "Use"}, rows)
		if next != "" {
			a.println(next)
		}
	})
}

// replaceFile writes beside the file and renames, so that whoever reads it meets the old
// content or the new.
func replaceFile(path string, content []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".keyset-*") // Only its owner may read it.
	if err != nil {
		return err
	}
	if err := writeAndClose(file, content); err != nil {
		_ = os.Remove(file.Name())
		return err
	}
	return os.Rename(file.Name(), path)
}

func writeAndClose(file *os.File, content []byte) error {
	_, err := file.Write(content)
	if err == nil {
		err = file.Sync()
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	return err
}
