package telemetry

import (
	"net/http"
	"net/netip"
	"time"
)

// Wrap returns a handler that adds an entry to the log for each request that next answers.
// It is for the APIs; the proxy fills its entries itself.
func (l *AccessLog) Wrap(next http.Handler) http.Handler {
	if l == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		answer := &countingWriter{ResponseWriter: w}
		defer func() { // also when next panics
			if answer.status == 0 {
				answer.status = http.StatusOK
			}
			now := time.Now()
			e := Entry{
				Time: now, Method: []byte(r.Method), URI: []byte(r.RequestURI), Proto: r.Proto, Host: []byte(r.Host),
				Status: answer.status, BodyBytes: answer.bytes,
				Referer: []byte(r.Referer()), UserAgent: []byte(r.UserAgent()),
				BytesOut:  answer.bytes,
				Latencies: Latencies{Request: now.Sub(began), Kong: now.Sub(began), Upstream: -1},
			}
			if peer, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
				e.Client = peer.Addr().Unmap()
			}
			if user, _, ok := r.BasicAuth(); ok {
				e.User = []byte(user)
			}
			l.Append(&e)
		}()
		next.ServeHTTP(answer, r)
	})
}

// A countingWriter remembers what was answered.
type countingWriter struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// WriteHeader remembers the first final status.
func (w *countingWriter) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write counts p.
func (w *countingWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// Unwrap lets an [http.ResponseController] reach the connection.
func (w *countingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
