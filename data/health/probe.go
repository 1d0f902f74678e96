package health

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// Bounds of what a probe reads of an answer.
const (
	maxStatusLine = 4096
	maxProbeBody  = 64 << 10
)

// A probe is one way of asking an address how it is.
type probe struct {
	kind        string // "http", "https", "tcp", "grpc" or "grpcs"
	timeout     time.Duration
	head        string // of the request, up to the value of Host
	host        string // of the upstream, "" to use the target's
	sni         string
	verify      bool
	certificate string // id
	good, bad   *statuses
	port        uint16 // 0: the address's own
	method      string
	body        *regexp.Regexp // nil: the body is not read
	keep        bool           // connections are used again
	renew       int            // after so many probes a connection is not; 0: it always is
	service     string         // that a gRPC server is asked about
	fields      [][2]string    // further ones of a gRPC request
}

// errBody says that an answer with a good status does not say what it should.
var errBody = errors.New("body does not match body_match")

// errAnswer says that what came back is not HTTP.
var errAnswer = errors.New("answer is not HTTP")

// run probes once. Each operation has the whole timeout: to connect, to agree on
// TLS, to send, to receive.
func (p *probe) run(ctx context.Context, o *Options, k Key, keep *kept) Check {
	c := Check{Time: time.Now()}
	var err error
	c.Status, err = p.ask(ctx, o, k, keep)
	p.conclude(&c, err)
	return c
}

// conclude completes a check whose status is there: how long it took, and what it means.
func (p *probe) conclude(c *Check, err error) {
	c.Duration = time.Since(c.Time)
	switch {
	case err == nil && (p.kind == "tcp" || p.kind == "grpc" || p.kind == "grpcs" || p.good.has(c.Status)):
		c.Result = Success
	case err == nil && p.bad.has(c.Status):
		c.Result = HTTPFailure
	case err == nil:
		c.Result = NoVerdict
	case errors.Is(err, errBody) && !p.good.has(c.Status):
		c.Result = NoVerdict
		if p.bad.has(c.Status) {
			c.Result = HTTPFailure
		}
	case errors.Is(err, errAnswer), errors.Is(err, errBody), isServing(err):
		c.Result, c.Error = HTTPFailure, err.Error()
	case isTimeout(err):
		c.Result, c.Error = Timeout, err.Error()
	default:
		c.Result, c.Error = TCPFailure, err.Error()
	}
}

func isServing(err error) bool {
	var serving *servingError
	return errors.As(err, &serving)
}

// failed reports whether a check speaks against the address.
func (c *Check) failed() bool { return c.Result != Success && c.Result != NoVerdict }

// ask returns the status of the answer, or 0 for a connection alone. A connection
// that was kept and turns out to be closed does not count.
func (p *probe) ask(ctx context.Context, o *Options, k Key, keep *kept) (int, error) {
	var s *session
	if p.keep && keep != nil {
		s = keep.take(p, false)
	}
	for {
		if s == nil {
			var err error
			if s, err = p.connect(ctx, o, k); err != nil {
				return 0, err
			}
		}
		if p.kind == "tcp" {
			_ = s.Close() // the verdict is made
			return 0, nil
		}
		stop := s.interrupt(ctx) // when the checks end, so does the wait for an answer
		status, again, err := p.converse(ctx, s, k)
		if stop() && again && keep != nil && (err == nil || p.renew == 0) {
			keep.put(s)
			return status, err
		}
		_ = s.Close() // the verdict is made
		if !s.stale(err) || ctx.Err() != nil {
			return status, err
		}
		s = nil
	}
}

func fail(what string, err error) error { return fmt.Errorf("%s: %w", what, err) }

// allow gives the next operation its time.
func (p *probe) allow(ctx context.Context, conn net.Conn) error {
	if err := conn.SetDeadline(time.Now().Add(p.timeout)); err != nil {
		return err
	}
	return ctx.Err() // the deadline that its end set may just have been overwritten
}

func (p *probe) handshake(ctx context.Context, conn net.Conn, o *Options, k Key) (net.Conn, error) {
	config := &tls.Config{
		NextProtos:         p.protocols(),
		ServerName:         p.serverName(k),
		RootCAs:            o.RootCAs,
		InsecureSkipVerify: !p.verify, //nolint:gosec // https_verify_certificate says so
	}
	if o.Certificate != nil {
		if own := o.Certificate(p.certificate); own != nil {
			config.Certificates = []tls.Certificate{*own}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	secured := tls.Client(conn, config)
	return secured, secured.HandshakeContext(ctx)
}

// protocols are what a TLS connection may be for; nil says nothing of it.
func (p *probe) protocols() []string {
	if p.kind == "grpcs" {
		return []string{"h2"}
	}
	return nil
}

// parseStatus finds the status in "HTTP/1.1 200 OK". It takes what the reference
// takes: any version of digits, any blanks before the status.
func parseStatus(line []byte) (int, error) {
	rest, ok := bytes.CutPrefix(line, []byte("HTTP/"))
	major, rest := digits(rest)
	rest, dot := bytes.CutPrefix(rest, []byte("."))
	minor, rest := digits(rest)
	status := bytes.TrimLeft(rest, " \t")
	code, _ := digits(status)
	if !ok || len(major) == 0 || !dot || len(minor) == 0 || len(status) == len(rest) || len(code) == 0 {
		return 0, errAnswer
	}
	n, err := strconv.Atoi(string(code))
	if err != nil {
		return 0, errAnswer
	}
	return n, nil
}

// digits splits s after its leading digits.
func digits(s []byte) (head, tail []byte) {
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return s[:n], s[n:]
}

// isTimeout reports whether an operation had its time and not more.
func isTimeout(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) ||
		errors.As(err, &timeout) && timeout.Timeout()
}

func sortedNames(headers map[string][]string) []string {
	return slices.Sorted(maps.Keys(headers))
}
