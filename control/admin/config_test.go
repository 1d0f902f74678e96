package admin

import (
	"crypto/rand"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"gibbon/control/declarative"
	"gibbon/control/store/memory"
)

// gatedRandom holds those who need random bytes until the gate is opened.
type gatedRandom struct {
	once    sync.Once
	reached chan struct{} // closed when the first has come
	gate    chan struct{}
}

func (g *gatedRandom) Read(b []byte) (int, error) {
	g.once.Do(func() { close(g.reached) })
	<-g.gate
	return rand.Read(b)
}

// TestOneConfigurationAtATime posts a second one while the first is being loaded.
func TestOneConfigurationAtATime(t *testing.T) {
	random := &gatedRandom{reached: make(chan struct{}), gate: make(chan struct{})}
	store := memory.New(memory.Options{})
	o := testOptions()
	o.Store = store
	o.Declarative = &declarative.Node{
		Loader: declarative.Loader{Kinds: o.Kinds, Now: time.Now, Random: random}, Store: store,
	}
	c := newClient(t, o)
	// A route without a name has a random id.
	const first = `POST /config {"_format_version":"3.0","routes":[{"paths":["/first"]}]}`
	const second = `POST /config {"_format_version":"3.0","services":[{"name":"second","host":"h"}]}`
	answer := make(chan *httptest.ResponseRecorder)
	go func() { answer <- c.send(c.request(first)) }()
	<-random.reached
	busy := c.send(c.request(second))
	if got, after := text(busy), busy.Header().Get("Retry-After"); got != `429 {"message":"Currently loading previous configuration"}` || after != "1" {
		t.Errorf("meanwhile: %s, Retry-After %q", got, after)
	}
	c.check("GET /services", `200 {"data":[],"next":null}`)
	close(random.gate)
	if got := text(<-answer); !strings.HasPrefix(got, "201 ") || !strings.Contains(got, "/first") {
		t.Errorf("the first one: %s", got)
	}
	c.check("GET /routes", `200 {…"paths":["/first"]`)
	if got := c.do(second); !strings.HasPrefix(got, "201 ") {
		t.Errorf("the second one, again: %s", got)
	}
	c.check("GET /services", `200 {…"name":"second"`)
	c.check("GET /routes", `200 {"data":[],"next":null}`)
}
