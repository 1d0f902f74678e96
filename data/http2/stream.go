package http2

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"
)

// answer has the engine answer the request of a stream.
func answer(w http.ResponseWriter, r *http.Request) {
	c, _ := r.Context().Value(connectionKey{}).(*connection)
	if c == nil || !lengthHolds(r) {
		panic(http.ErrAbortHandler) // malformed (RFC 9113, section 8.1.1)
	}
	l := c.line()
	stop := context.AfterFunc(r.Context(), func() { _ = l.Close() }) // whoever uses it then fails
	sent := make(chan error, 1)
	go func() { sent <- l.send(r) }() // the answer may come before all is sent
	again, err := l.answer(w, r)
	if err != nil {
		stop()
		_ = l.Close()               // it is broken
		panic(http.ErrAbortHandler) // resets the stream, which is how its end is not taken for that of the body
	}
	if !again {
		_ = l.Close() // ends sending
	}
	err = <-sent
	if !stop() || err != nil {
		again = false
	}
	if again {
		c.free(l)
	} else {
		_ = l.Close() // perhaps once more
	}
}

// lengthHolds reports whether the request tells no length, or one that can be that of its body. The
// library makes 0 of what it does not understand, and later compares with what comes.
func lengthHolds(r *http.Request) bool {
	told := r.Header["Content-Length"]
	switch len(told) {
	case 0:
		return true
	case 1:
		n, err := strconv.ParseInt(told[0], 10, 64)
		return err == nil && n == r.ContentLength && told[0][0] != '+' && told[0][0] != '-'
	}
	return false
}

// dropped are fields that say something about a connection or the framing of a message,
// which are made anew, and Expect, which is met when the body is first read.
var dropped = map[string]bool{
	"Connection": true, "Proxy-Connection": true, "Keep-Alive": true, "Transfer-Encoding": true, "Upgrade": true,
	"Content-Length": true, "Trailer": true, "Host": true, "Expect": true,
}

// send writes a request. The engine parses it as it does all others.
func (l *line) send(r *http.Request) error {
	out := bufio.NewWriter(l)
	put := func(texts ...string) {
		for _, s := range texts {
			_, _ = out.WriteString(s) // an error stays until the end
		}
	}
	put(r.Method, " ", r.RequestURI, " HTTP/1.1\r\nHost: ", r.Host, "\r\n")
	writeFields(put, r.Header)
	chunked := r.ContentLength < 0 || r.ContentLength > 0 && r.Trailer != nil
	switch {
	case chunked:
		put("Transfer-Encoding: chunked\r\n")
		for name := range r.Trailer {
			put("Trailer: ", name, "\r\n")
		}
	case r.ContentLength > 0 || r.Header.Get("Content-Length") != "":
		put("Content-Length: ", strconv.FormatInt(r.ContentLength, 10), "\r\n")
	}
	put("\r\n")
	if !chunked && r.ContentLength == 0 {
		return out.Flush()
	}
	if err := out.Flush(); err != nil {
		return err
	}
	return l.sendBody(out, r, chunked)
}

func (l *line) sendBody(out *bufio.Writer, r *http.Request, chunked bool) error {
	buffer, _ := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	for {
		n, err := r.Body.Read(*buffer)
		if n > 0 {
			if chunked {
				_, _ = out.WriteString(strconv.FormatInt(int64(n), 16) + "\r\n") // an error stays until Flush
			}
			_, _ = out.Write((*buffer)[:n])
			if chunked {
				_, _ = out.WriteString("\r\n")
			}
			if err := out.Flush(); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF) && !chunked:
			return nil
		case errors.Is(err, io.EOF):
			put := func(texts ...string) {
				for _, s := range texts {
					_, _ = out.WriteString(s)
				}
			}
			put("0\r\n")
			writeFields(put, r.Trailer)
			put("\r\n")
			return out.Flush()
		case err != nil:
			_ = l.Close() // the target must not take it for the end of the body
			return err
		}
	}
}

func writeFields(put func(...string), fields http.Header) {
	for name, values := range fields {
		if dropped[name] {
			continue
		}
		for _, value := range values {
			put(name, ": ", value, "\r\n")
		}
	}
}

// answer passes the engine's answer on, interim ones first, and reports whether the line
// can be used again.
func (l *line) answer(w http.ResponseWriter, r *http.Request) (again bool, err error) {
	for {
		answer, err := http.ReadResponse(l.in, r) //nolint:bodyclose // it is a part of the line, which ends with it or goes on behind it
		if err != nil {
			return false, err
		}
		header := w.Header()
		clear(header)
		for name, values := range answer.Header {
			if !dropped[name] || name == "Content-Length" {
				header[name] = values
			}
		}
		if answer.StatusCode >= 100 && answer.StatusCode < 200 {
			w.WriteHeader(answer.StatusCode)
			continue
		}
		for _, name := range []string{"Date", "Content-Type"} { // which would be made up
			if header[name] == nil {
				header[name] = nil
			}
		}
		w.WriteHeader(answer.StatusCode)
		if err := l.passBody(w, answer); err != nil {
			return false, err
		}
		for name, values := range answer.Trailer {
			header[http.TrailerPrefix+name] = values
		}
		return !answer.Close, nil
	}
}

// passBody copies the body of an answer, and keeps nothing back when more of it is not there yet.
func (l *line) passBody(w http.ResponseWriter, answer *http.Response) error {
	buffer, _ := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	flush := http.NewResponseController(w).Flush
	for {
		n, err := answer.Body.Read(*buffer)
		if n > 0 {
			if _, err := w.Write((*buffer)[:n]); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case l.in.Buffered() == 0:
			if err := flush(); err != nil {
				return err
			}
		}
	}
}

var buffers = sync.Pool{New: func() any {
	b := make([]byte, 16<<10)
	return &b
}}
