package script

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"gibbon/test/gateway"
	"gibbon/test/origin"
)

// holdVerb sends a request whose path ends in /@hold/KEY and returns when a
// server holds it.
func holdVerb(ts *testscript.TestScript, _ bool, args []string) {
	w, key := of(ts), args[0]
	answer := make(chan string, 1)
	w.held[key] = answer
	proxy := w.gateway.Proxy
	go func() {
		who, status, err := ask(w.ctx, &http.Client{Transport: &http.Transport{}}, proxy, args[1]+"/@hold/"+key)
		answer <- fmt.Sprintf("%s %d %v", who, status, err)
	}()
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	ts.Check(gateway.Poll(ctx, func() error {
		for _, s := range w.servers {
			if s.Held(key) > 0 {
				return nil
			}
		}
		return fmt.Errorf("no server holds %s", key)
	}))
}

// releaseVerb lets the request go on and prints its answer.
func releaseVerb(ts *testscript.TestScript, _ bool, args []string) {
	w := of(ts)
	for _, s := range w.servers {
		s.Release(args[0])
	}
	select {
	case text := <-w.held[args[0]]:
		fmt.Fprintln(ts.Stdout(), text)
	case <-time.After(patience):
		ts.Fatalf("no answer to the request held as %s", args[0])
	}
}

// websocketVerb upgrades, sends a text and a close frame, and prints what comes.
func websocketVerb(ts *testscript.TestScript, neg bool, args []string) {
	outcome(ts, neg, of(ts).websocket(ts.Stdout(), args[0], args[1]))
}

func (w *world) websocket(out io.Writer, path, text string) error {
	c, err := new(net.Dialer).DialContext(w.ctx, "tcp", w.gateway.Proxy)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	const key = "dGhlIHNhbXBsZSBub25jZQ=="
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n", path, key)
	read := bufio.NewReader(c)
	response, err := http.ReadResponse(read, nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	fmt.Fprintln(out, response.Status)
	if response.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf("status %s", response.Status)
	}
	if got := response.Header.Get("Sec-WebSocket-Accept"); got != origin.Accept(key) {
		return fmt.Errorf("accept %q", got)
	}
	for _, f := range []struct {
		op      byte
		payload string
	}{{1, text}, {8, "\x03\xe8"}} {
		if _, err := c.Write(mask(f.op, f.payload)); err != nil {
			return err
		}
	}
	for {
		op, payload, err := readFrame(read)
		if err != nil {
			return err
		}
		if op == 8 {
			fmt.Fprintf(out, "close %d\n", binary.BigEndian.Uint16(payload))
			_, err := read.ReadByte()
			if err != io.EOF { //nolint:errorlint // ReadByte returns it as it is
				return fmt.Errorf("after the close frame: %v", err)
			}
			return nil
		}
		fmt.Fprintf(out, "frame %s\n", bytes.TrimSpace(payload))
	}
}

// mask is a client's frame: masked with zeros, which a server cannot tell from
// any other mask.
func mask(op byte, payload string) []byte {
	return append([]byte{0x80 | op, 0x80 | byte(len(payload)), 0, 0, 0, 0}, payload...)
}

func readFrame(r io.Reader) (op byte, payload []byte, err error) {
	head := make([]byte, 2)
	if _, err := io.ReadFull(r, head); err != nil {
		return 0, nil, err
	}
	size := int(head[1])
	if size == 126 {
		long := make([]byte, 2)
		if _, err := io.ReadFull(r, long); err != nil {
			return 0, nil, err
		}
		size = int(binary.BigEndian.Uint16(long))
	}
	payload = make([]byte, size)
	_, err = io.ReadFull(r, payload)
	return head[0] & 0x0f, payload, err
}
