package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"gibbon/settings"
)

// started is what a detached child tells its parent when it is up; any other text is an error.
const started = "started\n"

func (c *commandLine) startCommand() *cobra.Command {
	var detach, migrate bool
	var readyFD, lockTimeout int
	cmd := &cobra.Command{
		Use:   "start",
		Short: "Run the gateway",
		Long:  "Run the gateway in the foreground, until Ctrl-C or 'gibbon quit' ends it, or in the background.",
		Example: "  gibbon start\n" +
			"  gibbon start -c gibbon.conf -p ./run\n" +
			"  GIBBON_PROXY_LISTEN=127.0.0.1:9000 gibbon start --detach",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if readyFD > 0 {
				return c.runDetached(os.NewFile(uintptr(readyFD), "ready"), migrate, lockTimeout)
			}
			if migrate {
				if err := c.migrateOnStart(cmd.Context(), lockTimeout); err != nil {
					return err
				}
			}
			switch {
			case detach:
				return c.detach()
			}
			s, err := c.load()
			if err != nil {
				return err
			}
			return c.runNode(s, c.stderr, func(open []listening) { writeScreen(c.stdout, s, open) })
		},
	}
	c.confFlag(cmd)
	c.prefixFlag(cmd)
	cmd.Flags().BoolVarP(&detach, "detach", "d", false, "return when the gateway is up, and let it run in the background")
	cmd.Flags().IntVar(&readyFD, "ready-fd", 0, "tell this file when the gateway is up")
	hide(cmd, "ready-fd")
	migrateFlags(cmd, &migrate, &lockTimeout)
	return cmd
}

// migrateFlags declares what start and restart have to say about migrations.
func migrateFlags(cmd *cobra.Command, migrate *bool, lockTimeout *int) {
	cmd.Flags().BoolVar(migrate, "run-migrations", false, "make the tables of the database, or bring them up to date, before")
	cmd.Flags().IntVar(lockTimeout, "lock-timeout", 60, "`seconds` to wait for another node that migrates")
	cmd.Flags().Int("db-timeout", 0, "")
	hide(cmd, "db-timeout")
}

func hide(cmd *cobra.Command, flags ...string) {
	for _, name := range flags {
		cmd.Flags().Lookup(name).Hidden = true
	}
}

// detach starts a process of its own and waits until it serves.
func (c *commandLine) detach() error {
	s, err := c.load()
	if err != nil {
		return err
	}
	if pid, err := runningPID(s.PIDFile()); err != nil || pid != 0 {
		return errors.Join(err, alreadyRunning(s))
	}
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find the program: %w", err)
	}
	reading, writing, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("detach: %w", err)
	}
	defer func() { _ = reading.Close() }() // only read
	args := []string{"start", "--ready-fd=3"}
	if c.conf != "" {
		args = append(args, "-c", c.conf)
	}
	if c.prefix != "" {
		args = append(args, "-p", c.prefix)
	}
	if c.migrate != nil {
		args = append(args, "--run-migrations", "--lock-timeout="+strconv.Itoa(c.lockTimeout))
	}
	child := exec.CommandContext(context.Background(), program, args...)
	child.Args[0] = os.Args[0] // the name that people know it by
	child.ExtraFiles = []*os.File{writing}
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if child.Stdout, child.Stderr, err = detachedOutput(s); err != nil {
		return err
	}
	c.say("starting %s %s", program, strings.Join(args, " "))
	err = child.Start()
	_ = writing.Close() // the child has its own
	if err != nil {
		return fmt.Errorf("detach: %w", err)
	}
	text, err := io.ReadAll(reading) // ends when the child is up, or is gone
	switch {
	case err != nil:
		return fmt.Errorf("detach: %w", err)
	case string(text) == started:
		c.print("Gibbon started")
		return child.Process.Release()
	case len(text) == 0:
		return fmt.Errorf("the gateway ended while it was starting (%w); see %s", child.Wait(), s.ProxyErrorLog.Path)
	}
	_ = child.Wait() // it has told its error
	message, hint, ok := strings.Cut(strings.TrimSpace(string(text)), "\n\n")
	if !ok {
		return errors.New(message)
	}
	return hintedError{errors.New(message), hint}
}

// detachedOutput is where a detached process prints to: the screen when a log goes there,
// else nowhere; a crash leaves its trace in the error log.
func detachedOutput(s *settings.Settings) (stdout, stderr *os.File, err error) {
	paths := []string{s.ProxyAccessLog.Path, s.AdminAccessLog.Path, s.StatusAccessLog.Path, s.ProxyErrorLog.Path}
	if slices.ContainsFunc(paths, onScreen) {
		return os.Stdout, os.Stderr, nil
	}
	if s.ProxyErrorLog.Path == "" {
		return nil, nil, nil
	}
	if err := makePrefix(s); err != nil {
		return nil, nil, err
	}
	stderr, err = os.OpenFile(s.ProxyErrorLog.Path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	return nil, stderr, err
}

// runDetached is the life of the child that detach starts. The parent has migrated unless the
// database did not answer.
func (c *commandLine) runDetached(ready *os.File, migrate bool, lockTimeout int) error {
	told := bufio.NewWriter(ready)
	tell := func(text string) {
		_, _ = told.WriteString(text) // Flush reports it
		_ = errors.Join(told.Flush(), ready.Close())
	}
	s, err := c.load()
	if err == nil && migrate {
		var f *migrationFlags
		if f, err = c.startMigrations(lockTimeout); f != nil {
			c.migrateLater(f)
		}
	}
	if err == nil {
		up := false
		err = c.runNode(s, nil, func([]listening) {
			up = true
			tell(started)
		})
		if up {
			return err
		}
	}
	text := "the gateway ended before it was up"
	if err != nil {
		text = err.Error()
	}
	if h, ok := errors.AsType[hintedError](err); ok {
		text += "\n\n" + h.hint
	}
	tell(text)
	return err
}

func alreadyRunning(s *settings.Settings) error {
	return hinted("Stop it with 'gibbon stop -p "+s.Prefix+"', or start this one in another prefix with -p.",
		"Gibbon is already running in %s", s.Prefix)
}

// makePrefix makes the folders that a node needs.
func makePrefix(s *settings.Settings) error {
	for _, dir := range []string{s.Prefix, s.Path("logs"), s.Path("pids")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return hinted("Choose a directory that you may write to with -p or GIBBON_PREFIX.", "cannot prepare the prefix: %w", err)
		}
	}
	return nil
}

func processText(pid int) string { return "process " + strconv.Itoa(pid) }
