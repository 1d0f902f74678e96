package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"gibbon/settings"
)

// killAfter is how long a node that was told to stop may take.
const killAfter = 10 * time.Second

func (c *commandLine) stopCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "stop",
		Short:   "Stop the gateway at once",
		Long:    "Stop the gateway that runs in the prefix at once. Running requests are cut off; 'gibbon quit' lets them finish.",
		Example: "  gibbon stop\n  gibbon stop -p ./run",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			s, err := c.running()
			if err != nil {
				return err
			}
			if err := c.stop(s); err != nil {
				return err
			}
			c.print("Gibbon stopped")
			return nil
		},
	}
	c.confFlag(cmd)
	c.prefixFlag(cmd)
	return cmd
}

func (c *commandLine) quitCommand() *cobra.Command {
	var timeout, wait int
	cmd := &cobra.Command{
		Use:     "quit",
		Short:   "Stop the gateway after its running requests",
		Long:    "Stop the gateway that runs in the prefix: it accepts no more connections, finishes running requests and ends.\nAfter the time-out it is stopped at once.",
		Example: "  gibbon quit\n  gibbon quit -t 60          requests may take a minute\n  gibbon quit -w 5 -t 60     a load balancer in front needs 5 seconds to notice",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if timeout < 0 || wait < 0 {
				return errors.New("times must be 0 or greater")
			}
			s, err := c.running()
			if err != nil {
				return err
			}
			return c.quit(s, time.Duration(timeout)*time.Second, time.Duration(wait)*time.Second)
		},
	}
	c.confFlag(cmd)
	c.prefixFlag(cmd)
	cmd.Flags().IntVarP(&timeout, "timeout", "t", 10, "`seconds` that running requests may take")
	cmd.Flags().IntVarP(&wait, "wait", "w", 0, "`seconds` to go on as before")
	return cmd
}

func (c *commandLine) restartCommand() *cobra.Command {
	var migrate bool
	var lockTimeout int
	cmd := &cobra.Command{
		Use:     "restart",
		Short:   "Stop the gateway and start it in the background",
		Long:    "Stop the gateway that runs in the prefix, if one does, and start it again in the background with the settings as they are now.",
		Example: "  gibbon restart -c gibbon.conf",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := c.load() // first: broken settings stop nothing
			if err != nil {
				return err
			}
			if migrate {
				if err := c.migrateOnStart(cmd.Context(), lockTimeout); err != nil {
					return err
				}
			}
			pid, err := runningPID(s.PIDFile())
			if err != nil {
				return err
			}
			if pid != 0 {
				if err := c.stop(s); err != nil {
					return err
				}
				c.print("Gibbon stopped")
			}
			return c.detach()
		},
	}
	c.confFlag(cmd)
	c.prefixFlag(cmd)
	migrateFlags(cmd, &migrate, &lockTimeout)
	return cmd
}

func (c *commandLine) reloadCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "Apply changed settings to the running gateway",
		Long: "Read the settings and apply those that can change while the gateway runs; connections stay open.\n" +
			"What can change only at a restart is listed.",
		Example: "  gibbon reload\n  GIBBON_LOG_LEVEL=debug gibbon reload",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			next, err := c.load()
			if err != nil {
				return err
			}
			pid, err := c.findNode(next)
			if err != nil {
				return err
			}
			if current, err := settings.LoadSaved(next.SavedFile()); err == nil {
				for _, change := range current.Changes(next) {
					if !change.Live {
						c.remark("%s changes at the next 'gibbon restart' only", change.Name)
					}
				}
			}
			if err := next.Save(reloadFile(next)); err != nil {
				return err
			}
			if err := c.signal(pid, syscall.SIGHUP); err != nil {
				return err
			}
			c.print("Gibbon reloaded")
			return nil
		},
	}
	c.confFlag(cmd)
	c.prefixFlag(cmd)
	return cmd
}

// findNode returns the process that runs in the prefix.
func (c *commandLine) findNode(s *settings.Settings) (int, error) {
	pid, err := runningPID(s.PIDFile())
	if err != nil {
		return 0, err
	}
	if pid == 0 {
		return 0, hinted("Start it with 'gibbon start', or name its prefix with -p.", "Gibbon is not running in %s", s.Prefix)
	}
	return pid, nil
}

func (c *commandLine) signal(pid int, signal syscall.Signal) error {
	c.say("sending %v to %s", signal, processText(pid))
	if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("signal %s: %w", processText(pid), err)
	}
	return nil
}

// stop ends the node in the prefix and waits until it is gone.
func (c *commandLine) stop(s *settings.Settings) error {
	pid, err := c.findNode(s)
	if err != nil {
		return err
	}
	if err := c.signal(pid, syscall.SIGTERM); err != nil {
		return err
	}
	ended, err := waitForEnd(s.PIDFile(), killAfter)
	if err != nil || ended {
		return err
	}
	if err := c.signal(pid, syscall.SIGKILL); err != nil {
		return err
	}
	if ended, err = waitForEnd(s.PIDFile(), killAfter); err == nil && !ended {
		err = fmt.Errorf("%s does not end", processText(pid))
	}
	return err
}

// quit lets the node in the prefix finish its requests.
func (c *commandLine) quit(s *settings.Settings, timeout, wait time.Duration) error {
	pid, err := c.findNode(s)
	if err != nil {
		return err
	}
	if wait > 0 {
		c.say("waiting %v", wait)
		ctx, cancel := context.WithTimeout(context.Background(), wait)
		<-ctx.Done()
		cancel()
	}
	if err := c.signal(pid, syscall.SIGQUIT); err != nil {
		return err
	}
	ended, err := waitForEnd(s.PIDFile(), timeout)
	if err != nil {
		return err
	}
	if ended {
		c.print("Gibbon stopped (gracefully)")
		return nil
	}
	c.print("Timeout, Gibbon stopped forcefully")
	return c.stop(s)
}
