// Package plugintest tests one plugin alone: a request is made up, and the
// plugin's phases are called as the gateway calls them.
package plugintest

import (
	"encoding/json"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"gibbon/entity"
	"gibbon/plugin"
	"gibbon/schema"
)

// A Request is what a client sends. The zero value of a field stands for something usual.
type Request struct {
	Method  string
	Target  string // "/a?b=c"
	Host    string
	Scheme  string
	Headers []plugin.Field
	Body    []byte
	Chunked bool // the length of the body is not declared
	Client  string
	Started time.Time // zero: now
}

// A Directory is a plugin.Directory of what it has been given.
type Directory struct {
	Consumers []*entity.Consumer
	Keys      []*entity.KeyAuthCredential
	Basics    []*entity.BasicAuthCredential
	HMACs     []*entity.HMACAuthCredential
	JWTs      []*entity.JWTSecret
	Member    map[string][]string // groups by consumer id
}

// Decode makes settings of p from JSON, as the Admin API does.
func Decode(p *plugin.Plugin, config string) (*entity.Plugin, error) {
	d := json.NewDecoder(strings.NewReader(config))
	d.UseNumber()
	var all map[string]any
	if err := d.Decode(&all); err != nil {
		return nil, err
	}
	all, _ = ignoring(all, func(config map[string]any) bool {
		_, err := decode(p, config)
		return err == nil
	})
	return decode(p, all)
}

func decode(p *plugin.Plugin, config map[string]any) (*entity.Plugin, error) {
	kinds := entity.NewKinds(entity.Options{Plugins: plugin.Types([]*plugin.Plugin{p})})
	e := kinds.Of("plugins").New().(*entity.Plugin) //nolint:errcheck,forcetypeassert // that is what the kind makes
	return e, schema.Decode(map[string]any{"name": p.Name, "config": config}, e)
}

// Start makes settings of p from JSON and starts them. state may be nil.
func Start[T any](tb testing.TB, p *plugin.Plugin, config string, state *plugin.State) T {
	tb.Helper()
	e, err := Decode(p, config)
	if err != nil {
		tb.Fatalf("settings of %s: %v", p.Name, err)
	}
	return StartEntity[T](tb, e, state)
}

// StartEntity starts the settings of a configured plugin.
func StartEntity[T any](tb testing.TB, e *entity.Plugin, state *plugin.State) T {
	tb.Helper()
	if state == nil {
		state = plugin.NewState(slog.New(slog.DiscardHandler), time.Now, "node")
	}
	settings := e.Config()
	if s, ok := settings.(plugin.Starter); ok {
		if err := s.Start(state.Env(e)); err != nil {
			tb.Fatalf("start %s: %v", e.Name, err)
		}
	}
	t, ok := settings.(T)
	if !ok {
		tb.Fatalf("%T has not the phases of %T", settings, t)
	}
	return t
}

// New returns the exchange of a request. d may be nil.
func New(r Request, d *Directory) (*plugin.Exchange, *Wire) {
	if d == nil {
		d = &Directory{}
	}
	w := &Wire{request: r, started: r.Started}
	if w.started.IsZero() {
		w.started = time.Now()
	}
	w.complete()
	x := new(plugin.Exchange)
	x.Begin(w, d)
	x.Route = &entity.Route{ID: "route", Name: "route", Protocols: []string{"http", "https"}}
	x.Service = &entity.Service{ID: "service", Name: "service", Protocol: "http", Host: "h", Port: 80}
	return x, w
}

// Lines are the lines of a head.
type Lines []plugin.Field

// Len returns their number.
func (l Lines) Len() int { return len(l) }

// At returns line i.
func (l Lines) At(i int) (name, value []byte) { return []byte(l[i].Name), []byte(l[i].Value) }

// Find returns the index of the first line from i on that is called name, or -1.
func (l Lines) Find(name string, i int) int {
	for ; i < len(l); i++ {
		if strings.EqualFold(l[i].Name, name) {
			return i
		}
	}
	return -1
}

// Answer makes up the answer of a target.
func Answer(x *plugin.Exchange, status int, lines ...plugin.Field) {
	x.Response.Arrive(status, Lines(lines), true)
}

// Whole makes up the answer of a target with its body, for the phase Response.
func Whole(x *plugin.Exchange, status int, body string, lines ...plugin.Field) {
	Answer(x, status, lines...)
	x.Response.SetBody([]byte(body))
}

// Fields are the fields of a head as text: "Name: value", in order.
func Fields(h *plugin.Header) []string {
	lines := make([]string, h.Len())
	for i := range lines {
		l := h.At(i)
		lines[i] = string(l.Name) + ": " + string(l.Value)
	}
	return lines
}

// Consumer returns a consumer by id.
func (d *Directory) Consumer(id string) *entity.Consumer {
	for _, c := range d.Consumers {
		if c.ID == id {
			return c
		}
	}
	return nil
}

// ConsumerNamed returns a consumer by id or username.
func (d *Directory) ConsumerNamed(name string) *entity.Consumer {
	if c := d.Consumer(name); c != nil {
		return c
	}
	for _, c := range d.Consumers {
		if c.Username == name {
			return c
		}
	}
	return nil
}

// KeyAuth returns a credential by its key.
func (d *Directory) KeyAuth(key []byte) *entity.KeyAuthCredential {
	for _, c := range d.Keys {
		if c.APIKey == string(key) {
			return c
		}
	}
	return nil
}

// BasicAuth returns a credential by its username.
func (d *Directory) BasicAuth(username []byte) *entity.BasicAuthCredential {
	for _, c := range d.Basics {
		if c.Username == string(username) {
			return c
		}
	}
	return nil
}

// HMACAuth returns a credential by its username.
func (d *Directory) HMACAuth(username []byte) *entity.HMACAuthCredential {
	for _, c := range d.HMACs {
		if c.Username == string(username) {
			return c
		}
	}
	return nil
}

// JWT returns a secret by its issuer.
func (d *Directory) JWT(issuer []byte) *entity.JWTSecret {
	for _, c := range d.JWTs {
		if c.Issuer == string(issuer) {
			return c
		}
	}
	return nil
}

// Groups returns the groups of a consumer.
func (d *Directory) Groups(consumerID string) []string { return d.Member[consumerID] }

// parse returns an address, that of this machine when there is none.
func parse(text string) netip.Addr {
	if a, err := netip.ParseAddr(text); err == nil {
		return a
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, 1})
}
