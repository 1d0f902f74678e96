//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
)

// An adminWriter is one client with its connection to the Admin API. It does no
// more than it must: the clients share the cores with the gateway, whose speed is
// measured.
type adminWriter struct {
	conn  net.Conn
	input *bufio.Reader
	text  []byte // of the last request
}

func newAdminWriter(ctx context.Context) (*adminWriter, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", gibbonAdmin)
	if err != nil {
		return nil, err
	}
	return &adminWriter{conn: conn, input: bufio.NewReader(conn)}, nil
}

// write sends a request and returns an error unless the answer says 200 or 201.
func (w *adminWriter) write(method, path, body string) error {
	w.text = fmt.Appendf(w.text[:0], "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		method, path, gibbonAdmin, len(body), body)
	if _, err := w.conn.Write(w.text); err != nil {
		return err
	}
	status, err := w.line()
	if err != nil {
		return err
	}
	good := bytes.HasPrefix(status, []byte("HTTP/1.1 200 ")) || bytes.HasPrefix(status, []byte("HTTP/1.1 201 "))
	told := string(status)
	length := -1
	for {
		line, err := w.line()
		if err != nil {
			return err
		}
		if len(line) == 0 {
			break
		}
		if name, value, _ := bytes.Cut(line, []byte(": ")); string(name) == "Content-Length" {
			if length, err = strconv.Atoi(string(value)); err != nil {
				return err
			}
		}
	}
	switch {
	case length < 0:
		return errors.New("an answer without Content-Length")
	case good:
		_, err := w.input.Discard(length)
		return err
	}
	answer, err := io.ReadAll(io.LimitReader(w.input, int64(length)))
	return errors.Join(fmt.Errorf("%s %s: %s: %.300s", method, path, strings.TrimPrefix(told, "HTTP/1.1 "), answer), err)
}

// line reads a line, which is valid until the next one is read.
func (w *adminWriter) line() ([]byte, error) {
	line, err := w.input.ReadSlice('\n')
	if err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(line, []byte("\r\n")), nil
}
