package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gibbon/control/store"
	"gibbon/entity"
	"gibbon/settings"
	"gibbon/vault"
)

func (c *commandLine) vaultCommand() *cobra.Command {
	root := &cobra.Command{
		Use:     "vault",
		Short:   "Look into the vaults that references lead to",
		Long:    "Look into the vaults that references such as {vault://env/my-secret} lead to.",
		Example: "  gibbon vault get env/my-secret",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var token string
	get := &cobra.Command{
		Use:   "get REFERENCE",
		Short: "Print the secret that a reference stands for",
		Long: "Print the secret that a reference stands for. {vault:// and } around it may be left out. The vault env\n" +
			"looks into the environment of this command, which need not be that of the node.",
		Example: "  MY_SECRET=abc gibbon vault get '{vault://env/my-secret}'\n  gibbon vault get my-env/db/password",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return hinted("For example: "+cmd.CommandPath()+" env/my-secret", "the 'get' command needs a <reference> argument")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return c.vaultGet(cmd.Context(), args[0], token) },
	}
	c.configFlags(get, &token)
	root.AddCommand(get)
	return root
}

func (c *commandLine) vaultGet(ctx context.Context, reference, token string) error {
	if !strings.HasPrefix(reference, "{") {
		reference = "{vault://" + strings.TrimPrefix(reference, "vault://") + "}"
	}
	parsed, err := vault.Parse(reference)
	if err != nil {
		return fmt.Errorf("%w: %s", err, reference)
	}
	s, err := c.load()
	if err != nil {
		return err
	}
	vaults := vault.New(vault.Options{EnvPrefix: s.VaultEnvPrefix})
	if parsed.Vault != entity.EnvVaultName { // then it is an entity
		if err := c.readVaults(ctx, s, token, vaults); err != nil {
			return err
		}
	}
	value, err := vaults.Get(reference)
	if err != nil {
		return err
	}
	c.print("%s", value)
	return nil
}

// readVaults makes the vaults known that are in the configuration.
func (c *commandLine) readVaults(ctx context.Context, s *settings.Settings, token string, into *vault.Vaults) (err error) {
	kinds := kindsOf(s)
	p, err := c.place(ctx, s, kinds, token)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	if local, ok := p.(localPlace); ok && s.Database == "off" {
		if _, err := declare(ctx, s, local.db, kinds); err != nil {
			return err
		}
	}
	i := slices.IndexFunc(kinds, func(k *entity.Kind) bool { return k.Name == "vaults" })
	load := kinds[i].NewLoader()
	return p.vaults(ctx, func(document []byte) error {
		e, err := load(document)
		if v, ok := e.(*entity.Vault); err == nil && ok {
			into.Set(v.ID, v)
		}
		return err
	})
}

func (p localPlace) vaults(ctx context.Context, each func(document []byte) error) error {
	return p.db.View(ctx, func(r store.Reader) error {
		return r.Each(ctx, "vaults", func(row store.Row) error { return each(row.Doc) })
	})
}

func (p *remotePlace) vaults(ctx context.Context, each func(document []byte) error) error {
	for path := "/vaults?size=1000"; path != ""; {
		text, err := p.ask(ctx, http.MethodGet, path, nil)
		if err != nil {
			return err
		}
		var page struct {
			Data []json.RawMessage
			Next string
		}
		if err := json.NewDecoder(bytes.NewReader(text)).Decode(&page); err != nil {
			return fmt.Errorf("read the answer of the Admin API: %w", err)
		}
		for _, document := range page.Data {
			if err := each(document); err != nil {
				return err
			}
		}
		path = page.Next
	}
	return nil
}
