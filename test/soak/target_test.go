package soak

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"testing"
	"time"
)

// What a target tells about the request that it got.
const (
	idField  = "X-Soak-Id"  // sent by the client, and told back
	sumField = "X-Soak-Sum" // SHA-256 of the body that arrived
	endField = "X-Soak-End" // trailer field after a body without a length
)

func sum(body []byte) string {
	s := sha256.Sum256(body)
	return hex.EncodeToString(s[:])
}

// newTarget starts a server that sends back the bodies of requests, and returns
// its address.
func newTarget(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(echo), ReadHeaderTimeout: time.Minute}
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	}()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

// echo answers with the body of the request, framed in one of four ways.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler) // the client went away, or the gateway broke the framing: no answer shows it
	}
	w.Header().Set(idField, r.Header.Get(idField))
	w.Header().Set(sumField, sum(body))
	switch rand.IntN(4) { //nolint:gosec // any answer is right
	case 0: // chunks as they come
		for chunk := range chunks(body) {
			_, _ = w.Write(chunk)                     // the client of the gateway sees what is missing
			_ = http.NewResponseController(w).Flush() // as above
		}
		return
	case 1:
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	case 2:
		w.Header().Set("Connection", "close")
	case 3:
		w.Header().Set("Trailer", endField)
		defer w.Header().Set(endField, sum(body))
	}
	_, _ = w.Write(body) // the client of the gateway sees what is missing
}

// chunks parts body into pieces of random lengths.
func chunks(body []byte) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(body) > 0 {
			n := min(len(body), 1+rand.IntN(50_000)) //nolint:gosec // any length is right
			if !yield(body[:n]) {
				return
			}
			body = body[n:]
		}
	}
}
