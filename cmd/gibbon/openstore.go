package main

import (
	"context"
	"fmt"

	"gibbon/control/store"
	"gibbon/control/store/memory"
	"gibbon/control/store/sqlite"
	"gibbon/settings"
)

// openStore opens the store that the settings name.
func openStore(ctx context.Context, s *settings.Settings) (store.Store, error) {
	switch s.Database {
	case "sqlite":
		db, err := sqlite.Open(ctx, sqlite.Options{File: s.SQLitePath})
		if err != nil {
			return nil, fmt.Errorf("open the store: %w", err)
		}
		return db, nil
	case "off":
		return memory.New(memory.Options{}), nil
	}
	return nil, fmt.Errorf("database %s is not available; use sqlite or off", s.Database)
}
