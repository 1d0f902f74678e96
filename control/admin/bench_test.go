package admin

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// The API's own share of a write: the store is in memory, and there is no network.
func BenchmarkWrite(b *testing.B) {
	h := New(testOptions())
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "http://localhost:8001/routes",
			strings.NewReader(fmt.Sprintf(`{"name":"r%d","paths":["/r%d","~/x/\\d+"],"hosts":["h.test"],"tags":["a","b"]}`, i, i)))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusCreated {
			b.Fatal(w.Body)
		}
	}
}

func BenchmarkList(b *testing.B) {
	h := New(testOptions())
	for i := range 1000 {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(b.Context(), http.MethodPut, fmt.Sprintf("http://localhost:8001/services/s%d", i), strings.NewReader("host=h"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		h.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			b.Fatal(w.Body)
		}
	}
	r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "http://localhost:8001/services?size=1000", nil)
	b.Run("items=1000", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			h.ServeHTTP(httptest.NewRecorder(), r)
		}
	})
}
