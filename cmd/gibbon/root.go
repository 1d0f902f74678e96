package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"gibbon/settings"
)

// A hintedError adds what to do next to what went wrong.
type hintedError struct {
	error
	hint string
}

func (e hintedError) Unwrap() error { return e.error }

func hinted(hint, format string, args ...any) error {
	return hintedError{fmt.Errorf(format, args...), hint}
}

// A command line is what all commands share.
type commandLine struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	conf, prefix   string // flags -c and -p
	verbose        bool   // --v
	debug          bool   // --vv

	// migrate makes the tables of a database, or brings them up to date, once it answers; nil unless
	// a start with --run-migrations found that it does not. Then lockTimeout is in seconds.
	migrate     func(context.Context, *slog.Logger) error
	lockTimeout int
}

// run executes one command line and returns the exit code.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	c := &commandLine{stdin: stdin, stdout: stdout, stderr: stderr}
	root := c.root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(context.Background())
	if err == nil {
		return 0
	}
	if code, ok := errors.AsType[exitError](err); ok {
		return int(code)
	}
	c.remark("Error: %v", err)
	if h, ok := errors.AsType[hintedError](err); ok {
		c.remark("\n  %s", strings.ReplaceAll(h.hint, "\n", "\n  "))
	}
	return 1
}

func (c *commandLine) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "gibbon",
		Short: "An API gateway and load balancer",
		Long: "Gibbon is an API gateway and load balancer. Clients connect to the proxy (port 8000);\n" +
			"services, routes, upstreams and targets are configured through the Admin API (port 8001).",
		Example: "  gibbon start                     run in the foreground, Ctrl-C ends it\n" +
			"  gibbon start --detach            run in the background\n" +
			"  gibbon settings > gibbon.conf    every setting, explained",
		SilenceErrors:              true,
		SuggestionsMinimumDistance: 2,
		SilenceUsage:               true,
		CompletionOptions:          cobra.CompletionOptions{HiddenDefaultCmd: true},
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return hinted("See 'gibbon --help'."+suggestion(cmd, args[0]), "unknown command %q", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return hinted("See '"+cmd.CommandPath()+" --help'.", "%w", err)
	})
	root.PersistentFlags().BoolVar(&c.verbose, "v", false, "say what is done")
	root.PersistentFlags().BoolVar(&c.debug, "vv", false, "say everything, settings too")
	root.AddCommand(
		c.startCommand(), c.stopCommand(), c.quitCommand(), c.restartCommand(), c.reloadCommand(),
		c.healthCommand(), c.drainCommand(), c.checkCommand(), c.configCommand(), c.migrationsCommand(), c.settingsCommand(), c.vaultCommand(), c.versionCommand(),
	)
	return root
}

func suggestion(cmd *cobra.Command, word string) string {
	near := cmd.SuggestionsFor(word)
	if len(near) == 0 {
		return ""
	}
	return " Did you mean '" + strings.Join(near, "' or '") + "'?"
}

// confFlag and prefixFlag declare the two flags that commands have in common.
func (c *commandLine) confFlag(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&c.conf, "conf", "c", "", "settings `file`")
}

func (c *commandLine) prefixFlag(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&c.prefix, "prefix", "p", "", "working `directory`")
}

// source says where this command line and its environment take settings from.
func (c *commandLine) source() settings.Source {
	src := settings.Source{File: c.conf, Environ: os.Environ()}
	if c.prefix != "" {
		src.Flags = map[string]string{"prefix": c.prefix}
	}
	return src
}

// load reads the settings.
func (c *commandLine) load() (*settings.Settings, error) {
	s, err := settings.Load(c.source())
	if err == nil {
		err = checkPlugins(s)
	}
	if err != nil {
		return nil, err
	}
	file := s.File()
	if file == "" {
		file = "none"
	}
	c.say("settings file: %s", file)
	c.say("prefix: %s", s.Prefix)
	for _, name := range s.Unused() {
		c.say("no such setting, ignored: %s", name)
	}
	if c.debug {
		c.say("settings:")
		writeJSON(c.stderr, s.Map())
	}
	return s, nil
}

// running names the files of the node in the prefix. With -p no settings are read, so that
// a broken file cannot keep a node from being stopped.
func (c *commandLine) running() (*settings.Settings, error) {
	if c.prefix == "" {
		return c.load()
	}
	prefix, err := filepath.Abs(c.prefix)
	if err != nil {
		return nil, err
	}
	return &settings.Settings{Prefix: prefix}, nil
}

// say prints what is done, with --v and --vv.
func (c *commandLine) say(format string, args ...any) {
	if c.verbose || c.debug {
		c.remark(format, args...)
	}
}

// remark prints a line that is no result.
func (c *commandLine) remark(format string, args ...any) {
	_, _ = fmt.Fprintf(c.stderr, format+"\n", args...) // nowhere else to tell
}

// print prints a line of the result.
func (c *commandLine) print(format string, args ...any) {
	_, _ = fmt.Fprintf(c.stdout, format+"\n", args...) // nowhere else to tell
}
