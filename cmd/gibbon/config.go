package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"gibbon/control/declarative"
	"gibbon/entity"
	"gibbon/plugin"
	"gibbon/settings"
)

// standardConfigFile is the file of commands that are given none.
const standardConfigFile = "kong.yml"

// kindsOf are the kinds of entities that a node with these settings knows.
func kindsOf(s *settings.Settings) entity.Kinds {
	return entity.NewKinds(entity.Options{RouterFlavour: s.RouterFlavor, Plugins: plugin.Types(pluginsOf(s))})
}

func newLoader(kinds entity.Kinds) declarative.Loader {
	return declarative.Loader{Kinds: kinds, Now: time.Now, Random: rand.Reader}
}

func (c *commandLine) configCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "config",
		Short: "Work with configuration files",
		Long: "Check configuration files, and bring them into the store or out of it.\n\n" +
			"While a node runs in the prefix the work is done by its Admin API; otherwise the store is opened directly.\n" +
			"Either way it is one transaction: all of it happens, or nothing.",
		Example: "  gibbon config parse kong.yml     is the file right?\n" +
			"  gibbon config diff kong.yml      what would 'sync' change?\n" +
			"  gibbon config sync kong.yml      make the store what the file says",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.AddCommand(
		c.configParseCommand(), c.configInitCommand(), c.configImportCommand(), c.configExportCommand(),
		c.configDiffCommand(), c.configSyncCommand(),
	)
	return root
}

// oneFile wants the name of a file as the only argument.
func oneFile(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return hinted("For example: "+cmd.CommandPath()+" "+standardConfigFile, "expected a declarative configuration file")
	}
	return nil
}

// atMostOneFile takes the standard name when there is none.
func atMostOneFile(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return hinted("For example: "+cmd.CommandPath()+" "+standardConfigFile, "expected the name of one file")
	}
	return nil
}

// configFlags declares the flags of commands that work with the store.
func (c *commandLine) configFlags(cmd *cobra.Command, token *string) {
	c.confFlag(cmd)
	c.prefixFlag(cmd)
	cmd.Flags().StringVar(token, "token", "", "`token` for the Admin API of the running node, or @ and a file that holds it")
}

// readConfig reads a file and finds out whether it is right; - is the standard input.
func (c *commandLine) readConfig(name string, kinds entity.Kinds) (*declarative.Document, []byte, error) {
	var text []byte
	var err error
	if name == "-" {
		text, err = io.ReadAll(c.stdin)
	} else {
		text, err = os.ReadFile(name)
	}
	if err != nil {
		return nil, nil, err
	}
	d, err := declarative.Parse(name, text)
	if err == nil {
		_, err = newLoader(kinds).Load(d.Tree)
	}
	return d, text, failedParsing(d, err)
}

func failedParsing(d *declarative.Document, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("Failed parsing:\n%w", d.Explain(err)) //nolint:staticcheck // the text that scripts look for
}

// withoutDatabase refuses what only works where entities are written one by one.
func withoutDatabase(s *settings.Settings, command string) error {
	if s.Database != "off" {
		return nil
	}
	return errors.New("'gibbon config " + command + "' only works with a database.\n" +
		"When using database=off, reload your declarative configuration\nusing the /config endpoint.")
}

func (c *commandLine) configParseCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "parse FILE",
		Short:   "Check a configuration file",
		Long:    "Check a configuration file. Every fault is told, with the line where it is.",
		Example: "  gibbon config parse kong.yml",
		Args:    oneFile,
		RunE: func(_ *cobra.Command, args []string) error {
			s, err := c.load()
			if err != nil {
				return err
			}
			if _, _, err := c.readConfig(args[0], kindsOf(s)); err != nil {
				return err
			}
			c.print("parse successful")
			return nil
		},
	}
	c.confFlag(cmd)
	c.prefixFlag(cmd)
	return cmd
}

func (c *commandLine) configInitCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "init [FILE]",
		Short:   "Write an example of a configuration file",
		Long:    "Write an example of a configuration file, with remarks, to kong.yml or another file that does not exist yet.",
		Example: "  gibbon config init",
		Args:    atMostOneFile,
		RunE: func(_ *cobra.Command, args []string) error {
			return writeNew(fileOr(args), func(w io.Writer) error {
				_, err := io.WriteString(w, sampleConfig)
				return err
			})
		},
	}
}

func fileOr(args []string) string {
	if len(args) == 0 {
		return standardConfigFile
	}
	return args[0]
}

// writeNew writes a file that must not exist. What cannot be written as a whole does not remain.
func writeNew(name string, write func(io.Writer) error) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return errors.New(name + " already exists in the current directory.\nWill not overwrite it.")
	}
	if err != nil {
		return err
	}
	if err = errors.Join(write(f), f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(name))
	}
	return nil
}

// A configPlace is where a configuration is: a store, or a node that holds one.
type configPlace interface {
	export(ctx context.Context, w io.Writer) error
	diff(ctx context.Context, d *declarative.Document, text []byte) (changes, error)
	bring(ctx context.Context, d *declarative.Document, text []byte, mode declarative.Mode) (changes, error)
	vaults(ctx context.Context, each func(document []byte) error) error
	close() error
}

// place finds the configuration that the settings mean.
func (c *commandLine) place(ctx context.Context, s *settings.Settings, kinds entity.Kinds, token string) (configPlace, error) {
	pid, err := runningPID(s.PIDFile())
	if err != nil {
		return nil, err
	}
	if pid != 0 {
		current, err := settings.LoadSaved(s.SavedFile())
		if err != nil {
			return nil, err
		}
		c.say("%s holds the store; its Admin API does the work", processText(pid))
		return newRemotePlace(current, token)
	}
	return c.openPlace(ctx, s, kinds)
}

const sampleConfig = `# A configuration file. Check it with 'gibbon config parse', bring it into a store with
# 'gibbon config sync', or start a node with it: GIBBON_DATABASE=off,
# GIBBON_DECLARATIVE_CONFIG=kong.yml.

# The version of this format.
_format_version: "3.0"

# Entities stand in lists, by kind. Those that belong to another one may stand inside it.
services:
- name: example-service
  url: http://127.0.0.1:9000
  routes:
  - name: example-route
    paths:
    - /example

# Or they name it. Ids are optional: the names identify these entities.
# routes:
# - name: another-route
#   service: example-service
#   hosts:
#   - example.test

# An upstream balances between targets; a service with its name as host uses it.
# upstreams:
# - name: example-upstream
#   targets:
#   - target: 127.0.0.1:9000
#   - target: 127.0.0.1:9001
#     weight: 50

# consumers:
# - username: example-user
#   keyauth_credentials:
#   - key: my-key
`
