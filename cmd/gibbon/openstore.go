package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"gibbon/control/store"
	"gibbon/control/store/memory"
	"gibbon/control/store/postgres"
	"gibbon/control/store/sqlite"
	"gibbon/settings"
)

// openStore opens the store that the settings name. A database that does not answer is no error: it
// may come back.
func openStore(ctx context.Context, s *settings.Settings, options serveOptions) (store.Store, error) {
	switch s.Database {
	case "sqlite":
		db, err := sqlite.Open(ctx, sqlite.Options{File: s.SQLitePath})
		if err != nil {
			return nil, fmt.Errorf("open the store: %w", err)
		}
		return db, nil
	case "postgres":
		o, err := postgresOptions(s)
		if err != nil {
			return nil, err
		}
		o.Node, o.Hostname, o.Version, o.Log = options.nodeID, options.hostname, version, options.log
		if options.migrate != nil {
			o.Prepare = func(ctx context.Context) error { return options.migrate(ctx, options.log) }
		}
		db, err := postgres.Open(o)
		if err != nil {
			return nil, fmt.Errorf("open the store: %w", err)
		}
		if options.migrate != nil {
			return db, nil // it need not be ready yet
		}
		if err := db.Check(ctx); err != nil && !errors.Is(err, store.ErrUnavailable) {
			return nil, errors.Join(schemaError(err), db.Close())
		}
		return db, nil
	case "off":
		return memory.New(memory.Options{}), nil
	}
	return nil, fmt.Errorf("database %s is not available; use sqlite, postgres or off", s.Database)
}

// schemaError says what to do about a database that is not ready for this version.
func schemaError(err error) error {
	switch {
	case errors.Is(err, postgres.ErrBootstrap):
		return hinted("To start a new installation from scratch, run 'gibbon migrations bootstrap',\nor start with --run-migrations.",
			"Database needs bootstrapping or is older than Kong 1.0.")
	case errors.Is(err, postgres.ErrUpgrade):
		return hinted("Run 'gibbon migrations up', or start with --run-migrations.", "%w", err)
	case errors.Is(err, postgres.ErrNewer):
		return hinted("Start that version, or give this one a database of its own.", "%w", err)
	}
	return err
}

// lookEvery is how often another node's changes are looked for when db_update_frequency is not set.
// The reference's 5 s are too long to wait for.
const lookEvery = 500 * time.Millisecond

// postgresOptions says where the database is.
func postgresOptions(s *settings.Settings) (postgres.Options, error) {
	pg := s.Postgres
	o := postgres.Options{
		Host: pg.Host, Port: pg.Port, User: pg.User, Password: pg.Password, Database: pg.Database, Schema: pg.Schema,
		TLS: pg.SSL, Verify: pg.SSLVerify, Timeout: pg.Timeout,
		Connections: pg.MaxConcurrentQueries, Wait: pg.SemaphoreTimeout,
		Interval: lookEvery, PollOnly: !pg.Notify,
	}
	if s.Given("db_update_frequency") {
		o.Interval = s.DBUpdateFrequency
	}
	if pg.SSL && pg.SSLVerify {
		var err error
		if o.Roots, err = trustedRoots(s.TrustedCertificates); err != nil {
			return o, fmt.Errorf("lua_ssl_trusted_certificate: %w", err)
		}
	}
	return o, nil
}

// trustedRoots are certificates given as paths, as PEM text, or as the word system.
func trustedRoots(list []string) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	for _, item := range list {
		if item != "system" {
			continue
		}
		system, err := x509.SystemCertPool()
		if err != nil {
			return nil, err
		}
		pool = system
	}
	for _, item := range list {
		if item == "system" {
			continue
		}
		data := []byte(item)
		if !strings.Contains(item, "-----BEGIN") {
			var err error
			if data, err = os.ReadFile(item); err != nil {
				return nil, err
			}
		}
		if !pool.AppendCertsFromPEM(data) {
			return nil, fmt.Errorf("%.40s holds no certificate", item)
		}
	}
	return pool, nil
}
