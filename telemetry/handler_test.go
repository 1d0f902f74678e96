package telemetry

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"
)

func TestWrapLogsRequests(t *testing.T) {
	var b bytes.Buffer
	l := NewAccessLog(&b, AccessLogOptions{})
	h := l.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/services":
			w.WriteHeader(http.StatusCreated)
			_, _ = w.Write([]byte("{}"))
		case "/panic":
			panic(http.ErrAbortHandler)
		}
	}))
	for _, target := range []string{"/services?a=b", "/nothing", "/panic"} {
		r := httptest.NewRequest(http.MethodPost, target, nil)
		r.RemoteAddr = "[::ffff:10.0.0.7]:1234"
		r.Header.Set("User-Agent", "story")
		func() {
			defer func() { _ = recover() }()
			h.ServeHTTP(httptest.NewRecorder(), r)
		}()
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	got := regexp.MustCompile(`\[[^]]*\]`).ReplaceAllString(b.String(), "[]")
	const want = `10.0.0.7 - - [] "POST /services?a=b HTTP/1.1" 201 2 "-" "story"
10.0.0.7 - - [] "POST /nothing HTTP/1.1" 200 0 "-" "story"
10.0.0.7 - - [] "POST /panic HTTP/1.1" 200 0 "-" "story"
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestWrapOfNoLogIsTheHandler(t *testing.T) {
	next := http.NotFoundHandler()
	w := httptest.NewRecorder()
	(*AccessLog)(nil).Wrap(next).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if w.Code != http.StatusNotFound {
		t.Errorf("status %d", w.Code)
	}
}
