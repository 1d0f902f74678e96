package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"gibbon/settings"
)

func (c *commandLine) healthCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "health",
		Short:   "Tell whether the gateway runs",
		Example: "  gibbon health\n  gibbon health -p ./run",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			s, err := c.running()
			if err != nil {
				return err
			}
			pid, err := runningPID(s.PIDFile())
			if err != nil {
				return err
			}
			if pid == 0 {
				return hinted("Start it with 'gibbon start', or name its prefix with -p.", "Gibbon is not running at %s", s.Prefix)
			}
			c.say("%s", processText(pid))
			c.print("gibbon......running\n\nGibbon is healthy at %s", s.Prefix)
			return nil
		},
	}
	c.confFlag(cmd)
	c.prefixFlag(cmd)
	return cmd
}

func (c *commandLine) drainCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "drain",
		Short: "Make the node report that it is not ready",
		Long: "Make GET /status/ready of the Status API answer 503, so that a load balancer in front takes this node\n" +
			"out. It goes on serving until 'gibbon quit'.",
		Example: "  gibbon drain && gibbon quit -w 10 -t 60",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := c.running()
			if err != nil {
				return err
			}
			if _, err := c.findNode(s); err != nil {
				return err
			}
			current, err := settings.LoadSaved(s.SavedFile())
			if err != nil {
				return err
			}
			if err := c.drain(cmd.Context(), current); err != nil {
				return err
			}
			c.print("Gibbon's status successfully changed to 'draining'")
			return nil
		},
	}
	c.confFlag(cmd)
	c.prefixFlag(cmd)
	return cmd
}

// drain tells the node through its Status API.
func (c *commandLine) drain(ctx context.Context, s *settings.Settings) error {
	if len(s.StatusListen) == 0 {
		return hinted("Set status_listen and restart.", "this node has no Status API")
	}
	l := s.StatusListen[0]
	base := "http://" + l.Address()
	// The connection goes to this machine, and the node made its certificate itself.
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}}
	if l.SSL {
		base = "https://" + l.Address()
	}
	if ctx == nil {
		ctx = context.Background()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, fromHere(base)+"/status/ready?status=draining", http.NoBody)
	if err != nil {
		return err
	}
	c.say("POST %s", req.URL)
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("reach the Status API: %w", err)
	}
	_ = resp.Body.Close() // nothing in it
	if resp.StatusCode != http.StatusNoContent {
		return fmt.Errorf("the Status API answered %s", resp.Status)
	}
	return nil
}

func (c *commandLine) checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "check FILE",
		Short:   "Check a settings file",
		Long:    "Check a settings file by itself, then together with the environment, which beats it. Every fault is listed.",
		Example: "  gibbon check gibbon.conf",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return hinted("For example: gibbon check gibbon.conf", "expected the name of one file")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			c.conf = args[0]
			alone := c.source()
			alone.Environ = nil
			if _, err := settings.Load(alone); err != nil {
				return err
			}
			s, err := c.load()
			if err != nil {
				return err
			}
			for _, name := range s.Unused() {
				c.remark("%s has no effect", name)
			}
			c.print("configuration at %s is valid", args[0])
			return nil
		},
	}
}

func (c *commandLine) settingsCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "settings",
		Short:   "Print every setting with its default and meaning",
		Long:    "Print every setting with its default and meaning, in the form of a settings file.",
		Example: "  gibbon settings > gibbon.conf",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if _, err := fmt.Fprint(c.stdout, settings.Sample()); err != nil {
				return errors.New("the settings could not be printed")
			}
			return nil
		},
	}
}

func (c *commandLine) versionCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  gibbon version --all",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if !all {
				c.print("%s", version)
				return nil
			}
			c.print("Gibbon: %s\nKong: %s (whose language it speaks)\nGo: %s", version, kongVersion, runtime.Version())
			return nil
		},
	}
	cmd.Flags().BoolVarP(&all, "all", "a", false, "print the versions of what it consists of, too")
	return cmd
}
