package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// A Client talks to one server. It is for concurrent use.
//
// A server that does not answer in time is left alone for a moment: requests
// that need it fail at once instead of each waiting for the whole time.
type Client struct {
	client  *redis.Client
	timeout time.Duration
	silent  atomic.Int64 // until when, in nanoseconds of Unix time
}

// pause is how long a silent server is left alone.
const pause = time.Second

// ErrSilent says that a server did not answer just now.
var ErrSilent = errors.New("redis did not answer just now")

// Address names a server and who asks: clients with the same address can be one.
func (s *Settings) Address() string {
	password := ""
	if s.Password != nil {
		password = *s.Password
	}
	return fmt.Sprintf("%q %d %d %q %q %d %t %t %q", s.Host, s.Port, s.Timeout, s.Username, password, s.Database, s.SSL, s.SSLVerify, s.ServerName)
}

// NewClient returns a client. It connects when it is first used.
func NewClient(s *Settings) *Client {
	timeout := time.Duration(max(1, s.Timeout)) * time.Millisecond
	o := &redis.Options{
		Addr: net.JoinHostPort(s.Host, strconv.Itoa(s.Port)), Username: s.Username, DB: s.Database,
		DialTimeout: timeout, ReadTimeout: timeout, WriteTimeout: timeout, PoolTimeout: timeout,
		MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true, DisableIdentity: true,
	}
	if s.Password != nil {
		o.Password = *s.Password
	}
	if s.SSL {
		name := s.ServerName
		if name == "" {
			name = s.Host
		}
		o.TLSConfig = &tls.Config{ServerName: name, InsecureSkipVerify: !s.SSLVerify} //nolint:gosec // ssl_verify decides
	}
	return &Client{client: redis.NewClient(o), timeout: timeout}
}

// Close ends all connections.
func (c *Client) Close() error { return c.client.Close() }

// A Script is a Lua program that the server runs as one step.
type Script struct{ script *redis.Script }

// NewScript returns a script.
func NewScript(source string) *Script { return &Script{redis.NewScript(source)} }

// Run runs a script that returns whole numbers. All of it, connecting included,
// takes no longer than the timeout of the settings.
func (c *Client) Run(ctx context.Context, s *Script, keys []string, args ...any) ([]int64, error) {
	if time.Now().UnixNano() < c.silent.Load() {
		return nil, ErrSilent
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	n, err := s.script.Run(ctx, c.client, keys, args...).Int64Slice()
	if err == nil {
		return n, nil
	}
	var timeout net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() {
		c.silent.Store(time.Now().Add(pause).UnixNano())
	}
	return nil, fmt.Errorf("redis: %w", err)
}
