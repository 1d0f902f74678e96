package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"time"

	"gibbon/control/declarative"
	"gibbon/control/store"
	"gibbon/entity"
	"gibbon/settings"
)

// declare makes the node of a store that takes configurations as a whole, with the one that the
// settings name in force; nil for other stores.
func declare(ctx context.Context, s *settings.Settings, db store.Store, kinds entity.Kinds) (*declarative.Node, error) {
	whole, ok := db.(declarative.Replacer)
	if !ok || s.Database != "off" {
		return nil, nil //nolint:nilnil // there is none, and that is no error
	}
	node := &declarative.Node{
		Loader: declarative.Loader{Kinds: kinds, Now: time.Now, Random: rand.Reader},
		Store:  whole, Limit: s.DeclarativeLimit,
	}
	name, text := "declarative_config_string", []byte(s.DeclarativeConfigString)
	if s.DeclarativeConfig != "" {
		var err error
		if name = s.DeclarativeConfig; len(text) > 0 {
			return nil, errors.New("declarative_config and declarative_config_string cannot both be set")
		}
		if text, err = os.ReadFile(name); err != nil {
			return nil, fmt.Errorf("declarative_config: %w", err)
		}
	}
	if len(text) == 0 {
		return node, nil
	}
	d, err := declarative.Parse(name, text)
	if err == nil {
		_, err = node.Replace(ctx, "declarative_config", d.Tree, d.Hash)
	}
	if err != nil {
		return nil, fmt.Errorf("error parsing declarative config file %s:\n%w", name, d.Explain(err))
	}
	return node, nil
}
