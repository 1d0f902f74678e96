package postgres

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// stalled is after how long the server ends a transaction of a node that has
// stopped in the middle, so that others can write.
const stalled = 30 * time.Second

// pool returns connections that are opened when they are needed.
func (o Options) pool(size int) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig("sslmode=disable host=" + quote(o.Host))
	if err != nil {
		return nil, errors.New("pg_host is not a host: " + o.Host)
	}
	o.configure(config.ConnConfig)
	config.MaxConns = int32(size)
	config.PingTimeout = o.Timeout
	config.MaxConnLifetimeJitter = config.MaxConnLifetime / 10
	return pgxpool.NewWithConfig(context.Background(), config)
}

// connect returns a connection outside of the pools.
func (o Options) connect(ctx context.Context) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig("sslmode=disable host=" + quote(o.Host))
	if err != nil {
		return nil, errors.New("pg_host is not a host: " + o.Host)
	}
	o.configure(config)
	return pgx.ConnectConfig(ctx, config)
}

// configure sets all that the environment could have set, too.
func (o Options) configure(c *pgx.ConnConfig) {
	c.Host, c.Port, c.User, c.Password, c.Database = o.Host, uint16(o.Port), o.User, o.Password, o.Database
	c.ConnectTimeout, c.Fallbacks = o.Timeout, nil
	c.RuntimeParams = map[string]string{
		"application_name":                    "gibbon",
		"idle_in_transaction_session_timeout": milliseconds(stalled),
		// A little less than we wait, so that the server ends it.
		"lock_timeout": milliseconds(o.Timeout - o.Timeout/5),
	}
	if o.Schema != "" {
		c.RuntimeParams["search_path"] = pgx.Identifier{o.Schema}.Sanitize()
	}
	if !o.TLS {
		c.TLSConfig = nil
		return
	}
	c.TLSConfig = &tls.Config{
		ServerName: o.Host, MinVersion: tls.VersionTLS12, RootCAs: o.Roots,
		InsecureSkipVerify: !o.Verify, //nolint:gosec // pg_ssl alone asks for encryption only
	}
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(max(1, d.Milliseconds()), 10) }

// quote writes a value of a connection string.
func quote(value string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value) + "'"
}

// where names the database in messages.
func (o Options) where() string {
	return fmt.Sprintf("%s at %s:%d", o.Database, o.Host, o.Port)
}
