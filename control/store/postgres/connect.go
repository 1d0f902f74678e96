package postgres

import (
	"context"
	"crypto/tls"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// stalled is after how long the server ends a transaction of a node that has
// stopped in the middle, so that others can write.
const stalled = 30 * time.Second

// connect opens a connection.
func (o Options) connect(ctx context.Context) (*pgx.Conn, error) {
	config, err := o.config()
	if err != nil {
		return nil, err
	}
	return pgx.ConnectConfig(ctx, config)
}

// config says how to connect. The driver reads the environment, so all that it
// could set there is set here.
func (o Options) config() (*pgx.ConnConfig, error) {
	c, err := pgx.ParseConfig("sslmode=disable host=" + quote(o.Host))
	if err != nil {
		return nil, fmt.Errorf("pg_host, or a variable of PostgreSQL in the environment: %w", err)
	}
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
		return c, nil
	}
	c.TLSConfig = &tls.Config{
		ServerName: o.Host, MinVersion: tls.VersionTLS12, RootCAs: o.Roots,
		InsecureSkipVerify: !o.Verify, //nolint:gosec // pg_ssl alone asks for encryption only
	}
	return c, nil
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
