package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gibbon/control/declarative"
	"gibbon/control/history"
	"gibbon/control/store"
	"gibbon/entity"
	"gibbon/settings"
)

// changes are what a command did or would do.
type changes []history.Change

// brought runs f with the place of the configuration and a checked file.
func (c *commandLine) brought(ctx context.Context, command, file, token string, f func(configPlace, *declarative.Document, []byte) error) (err error) {
	s, err := c.load()
	if err != nil {
		return err
	}
	if err := withoutDatabase(s, command); err != nil {
		return err
	}
	kinds := kindsOf(s)
	d, text, err := c.readConfig(file, kinds)
	if err != nil {
		return err
	}
	p, err := c.place(ctx, s, kinds, token)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	return f(p, d, text)
}

func (c *commandLine) configImportCommand() *cobra.Command {
	var token string
	cmd := &cobra.Command{
		Use:   "db_import FILE",
		Short: "Add the entities of a file to the store",
		Long: "Add the entities of a configuration file to the store, and change those that it has already. Nothing is\n" +
			"removed: 'gibbon config sync' does that, too.",
		Example: "  gibbon config db_import kong.yml",
		Args:    oneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.brought(cmd.Context(), "db_import", args[0], token, func(p configPlace, d *declarative.Document, text []byte) error {
				c.print("parse successful, beginning import")
				if _, err := p.bring(cmd.Context(), d, text, declarative.Import); err != nil {
					return err
				}
				c.print("import successful")
				return nil
			})
		},
	}
	c.configFlags(cmd, &token)
	return cmd
}

func (c *commandLine) configExportCommand() *cobra.Command {
	var token string
	cmd := &cobra.Command{
		Use:   "db_export [FILE]",
		Short: "Write all entities of the store to a file",
		Long: "Write all entities of the store to kong.yml or another file that does not exist yet; - is the standard\n" +
			"output. Ids, times and secrets are in it.",
		Example: "  gibbon config db_export\n  gibbon config db_export - | less",
		Args:    atMostOneFile,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			s, err := c.load()
			if err != nil {
				return err
			}
			if err := withoutDatabase(s, "db_export"); err != nil {
				return err
			}
			if _, err := os.Stat(fileOr(args)); err == nil { // before anything is opened
				return writeNew(fileOr(args), nil)
			}
			p, err := c.place(cmd.Context(), s, kindsOf(s), token)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, p.close()) }()
			if fileOr(args) == "-" {
				return p.export(cmd.Context(), c.stdout)
			}
			return writeNew(fileOr(args), func(w io.Writer) error { return p.export(cmd.Context(), w) })
		},
	}
	c.configFlags(cmd, &token)
	return cmd
}

// exitDifferent is what 'config diff' exits with when the store is not what the file says.
const exitDifferent = 2

func (c *commandLine) configDiffCommand() *cobra.Command {
	var token string
	cmd := &cobra.Command{
		Use:   "diff FILE",
		Short: "Show what 'sync' would change",
		Long: "Show what 'gibbon config sync' would change. The exit status is 2 when that is something, 0 when the store is\n" +
			"what the file says already, and 1 after an error. Secrets are not shown.",
		Example: "  gibbon config diff kong.yml",
		Args:    oneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.brought(cmd.Context(), "diff", args[0], token, func(p configPlace, d *declarative.Document, text []byte) error {
				list, err := p.diff(cmd.Context(), d, text)
				if err != nil {
					return err
				}
				c.printChanges(list)
				if len(list) > 0 {
					return exitError(exitDifferent)
				}
				return nil
			})
		},
	}
	c.configFlags(cmd, &token)
	return cmd
}

func (c *commandLine) configSyncCommand() *cobra.Command {
	var token string
	cmd := &cobra.Command{
		Use:   "sync FILE",
		Short: "Make the store what a file says",
		Long: "Make the store what a configuration file says, in one transaction: entities are added, changed and removed.\n" +
			"Those that the gateway makes while it works, such as sessions and access tokens, stay.",
		Example: "  gibbon config diff kong.yml; gibbon config sync kong.yml",
		Args:    oneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.brought(cmd.Context(), "sync", args[0], token, func(p configPlace, d *declarative.Document, text []byte) error {
				list, err := p.bring(cmd.Context(), d, text, declarative.Sync)
				if err != nil {
					return err
				}
				c.printChanges(list)
				return nil
			})
		},
	}
	c.configFlags(cmd, &token)
	return cmd
}

// printChanges lists changes, one entity a line, with its fields below it.
func (c *commandLine) printChanges(list changes) {
	signs := map[string]string{history.Created: "+", history.Changed: "~", history.Removed: "-"}
	counts := map[string]int{}
	for _, change := range list {
		counts[change.Action]++
		c.print("%s %s %s", signs[change.Action], strings.TrimSuffix(change.Kind, "s"), cmp.Or(change.Name, change.ID))
		for _, d := range change.Diff {
			if d.Field != "updated_at" {
				c.print("    %s: %s -> %s", d.Field, shortJSON(d.Before), shortJSON(d.After))
			}
		}
	}
	if len(list) == 0 {
		c.print("no changes")
		return
	}
	c.print("%d created, %d changed, %d removed", counts[history.Created], counts[history.Changed], counts[history.Removed])
}

// shortJSON shows a value in at most 200 characters.
func shortJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	const most = 200
	if short := []rune(string(text)); len(short) > most {
		return string(short[:most]) + "…"
	}
	return string(text)
}

// A localPlace is a store that no node holds.
type localPlace struct {
	db    store.Store
	kinds entity.Kinds
}

func (c *commandLine) openPlace(ctx context.Context, s *settings.Settings, kinds entity.Kinds) (configPlace, error) {
	if err := makePrefix(s); err != nil {
		return nil, err
	}
	db, err := openStore(ctx, s, serveOptions{nodeID: "config", log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	c.say("opened the store: %s", s.Database)
	return localPlace{db, kinds}, nil
}

func (p localPlace) close() error { return p.db.Close() }

func (p localPlace) export(ctx context.Context, w io.Writer) error {
	return p.db.View(ctx, func(r store.Reader) error {
		return declarative.Export(ctx, w, r, p.kinds, time.Now())
	})
}

func (p localPlace) diff(ctx context.Context, d *declarative.Document, _ []byte) (list changes, err error) {
	err = p.db.View(ctx, func(r store.Reader) error {
		plan, err := newLoader(p.kinds).Compare(ctx, r, d.Tree, declarative.Sync)
		if err != nil {
			return failedParsing(d, err)
		}
		list, err = p.describe(plan)
		return err
	})
	return list, err
}

func (p localPlace) bring(ctx context.Context, d *declarative.Document, _ []byte, mode declarative.Mode) (changes, error) {
	plan, _, err := newLoader(p.kinds).Bring(ctx, p.db, "gibbon config", d.Tree, mode)
	if _, invalid := errors.AsType[*declarative.InvalidError](err); invalid {
		return nil, failedParsing(d, err)
	}
	if err != nil {
		return nil, err
	}
	return p.describe(plan)
}

func (p localPlace) describe(plan *declarative.Plan) (changes, error) {
	list := make(changes, 0, len(plan.Changes))
	for _, c := range plan.Changes {
		change, err := history.Compare(p.kinds, c)
		if err != nil {
			return nil, err
		}
		list = append(list, change)
	}
	return list, nil
}
