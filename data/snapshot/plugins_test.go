package snapshot

import (
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"gibbon/data/balancer"
	"gibbon/data/router"
	"gibbon/entity"
	"gibbon/plugin"
	"gibbon/schema"
	"gibbon/telemetry"
)

// nothing is settings of a plugin that only has to be found.
type nothing struct{}

func (*nothing) Fields() schema.Fields                 { return nil }
func (*nothing) Access(*plugin.Exchange) *plugin.Reply { return nil }

func testPlugins() []*plugin.Plugin {
	create := func() schema.Record { return new(nothing) }
	breaks := func() schema.Record { return new(broken) }
	return []*plugin.Plugin{
		{Name: "early", New: create},
		{Name: "auth", New: create},
		{Name: "broken", New: breaks},
		{Name: "late", New: create},
		{Name: "counts", New: func() schema.Record { return new(counting) }},
	}
}

// broken is settings of a plugin that does not start.
type broken struct{ nothing }

func (*broken) Start(*plugin.Env) error { return errors.New("broken") }

// counting is settings of a plugin that chooses what is counted.
type counting struct{ nothing }

func (*counting) Measures() telemetry.Measures { return telemetry.Measures{Status: true} }

func newPluginBuilder(tb testing.TB) *Builder {
	tb.Helper()
	registry := balancer.NewRegistry(balancer.Options{})
	tb.Cleanup(registry.Close)
	log := slog.New(slog.DiscardHandler)
	b, err := NewBuilder(Options{
		Balancer: registry, Metrics: telemetry.NewMetrics(telemetry.MetricsOptions{}), Log: log,
		Plugins: testPlugins(), State: plugin.NewState(log, time.Now, "node"),
	})
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// configured returns a plugin by a name like "late r s c": letters say what it is restricted to.
func configured(id, words string) Change {
	kinds := entity.NewKinds(entity.Options{Plugins: plugin.Types(testPlugins())})
	e := kinds.Of("plugins").New().(*entity.Plugin)
	e.ID, e.Enabled = id, true
	for i, word := range strings.Fields(words) {
		switch {
		case i == 0:
			e.Name = word
		case word == "off":
			e.Enabled = false
		case word == "tcp":
			e.Protocols = []string{"tcp"}
		case word[0] == 'r':
			e.Route = word
		case word[0] == 's':
			e.Service = word
		default:
			e.Consumer = word
		}
	}
	return Change{Kind: "plugins", ID: id, Entity: e}
}

// routed returns the route that /a leads to.
func routed(s *Snapshot) *Route {
	var m router.Match
	if !s.Router().Match(&router.Query{Method: []byte("GET"), Host: []byte("h"), Port: 80, Path: []byte("/a")}, &m) {
		return nil
	}
	return m.Entry.Value.(*Route)
}

func ids(p *Plan) string {
	if p == nil {
		return ""
	}
	var words []string
	for _, i := range p.Access {
		words = append(words, i.Entity.ID)
	}
	return strings.Join(words, " ")
}

func TestTheMostSpecialPluginRuns(t *testing.T) {
	scopes := []string{"r s c", "r c", "s c", "r s", "c", "r", "s", ""}
	b := newPluginBuilder(t)
	changes := []Change{service("s", "10.0.0.9"), route("r", "s", "/a"), configured("auth", "auth")}
	for i, s := range scopes {
		changes = append(changes, configured(strconv.Itoa(i), "late "+s))
	}
	if err := b.Apply(changes); err != nil {
		t.Fatal(err)
	}
	for i := range scopes {
		s := b.Current()
		r := routed(s)
		p := s.Plan(r)
		got := ids(s.PlanFor(p, r, "c", p.Access[0]))
		if want := fmt.Sprint("auth ", i); got != want {
			t.Errorf("with the scopes from %q on: %q, want %q", scopes[i], got, want)
		}
		if err := b.Apply([]Change{gone("plugins", strconv.Itoa(i))}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPlans(t *testing.T) {
	b := newPluginBuilder(t)
	apply := func(changes ...Change) {
		t.Helper()
		if err := b.Apply(changes); err != nil {
			t.Fatal(err)
		}
	}
	check := func(what, want string) {
		t.Helper()
		s := b.Current()
		if got := ids(s.Plan(nil)) + "|" + ids(s.Plan(routed(s))); got != want {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	apply(service("s", "10.0.0.9"), route("r", "s", "/a"))
	if b.Current().Plan(nil) != nil {
		t.Error("there is a plan without plugins")
	}
	apply(configured("1", "late"), configured("2", "early"))
	check("in order of execution", "2 1|2 1")
	apply(configured("3", "late s"))
	check("one for the service", "2 1|2 3")
	apply(configured("3", "late s off"))
	check("disabled: the next one", "2 1|2 1")
	apply(configured("4", "auth r tcp"))
	check("for streams only", "2 1|2 1")
	apply(configured("5", "early c"))
	check("for a consumer", "2 1|2 1")
	before := b.Current()
	apply(gone("plugins", "1"), gone("plugins", "2"), gone("plugins", "5"))
	if got := ids(before.Plan(routed(before))); got != "2 1" {
		t.Errorf("a snapshot changed: %q", got)
	}
	if b.Current().Plan(nil) != nil || b.Current().Plan(routed(b.Current())) != nil {
		t.Error("plans are left without plugins")
	}
}

// A plugin that ran before the consumer was known keeps its settings to the end.
// Once a plugin chooses what is counted, the requests that none of its kind is for are not.
func TestCounted(t *testing.T) {
	b := newPluginBuilder(t)
	of := func() string {
		s := b.Current()
		var words []string
		for _, r := range []*Route{nil, routed(s)} {
			switch m := s.Counted(s.Plan(r)); {
			case m == nil:
				words = append(words, "everything")
			case *m == telemetry.Measures{}:
				words = append(words, "nothing")
			default:
				words = append(words, "status")
			}
		}
		return strings.Join(words, ", ")
	}
	for _, tt := range []struct {
		change Change
		want   string // of requests without route, and of those for the route
	}{
		{route("r", "s", "/a"), "everything, everything"},
		{configured("1", "late"), "everything, everything"},
		{configured("2", "counts r2"), "nothing, nothing"},
		{configured("3", "counts r"), "nothing, status"},
		{configured("3", "counts r off"), "nothing, nothing"},
		{configured("4", "counts"), "status, status"},
		{gone("plugins", "4"), "nothing, nothing"},
		{gone("plugins", "2"), "everything, everything"},
	} {
		if err := b.Apply([]Change{service("s", "10.0.0.9"), tt.change}); err != nil {
			t.Fatal(err)
		}
		if got := of(); got != tt.want {
			t.Errorf("after %s %s: %s, want %s", tt.change.Kind, tt.change.ID, got, tt.want)
		}
	}
}

func TestWhatHasRunStays(t *testing.T) {
	b := newPluginBuilder(t)
	err := b.Apply([]Change{
		service("s", "10.0.0.9"), route("r", "s", "/a"), configured("1", "early"), configured("2", "auth"),
		configured("3", "late"), configured("4", "early c"), configured("5", "late c"),
	})
	if err != nil {
		t.Fatal(err)
	}
	s := b.Current()
	r := routed(s)
	p := s.Plan(r)
	if got := ids(s.PlanFor(p, r, "c", p.Access[1])); got != "1 2 5" {
		t.Errorf("the plan for the consumer is %q, want 1 2 5", got)
	}
	if s.PlanFor(p, r, "other", p.Access[1]) != p {
		t.Error("a consumer without plugins gets another plan")
	}
}

func TestDirectory(t *testing.T) {
	b := newPluginBuilder(t)
	key := func(id, consumer, key string, expires int64) Change {
		return Change{Kind: "keyauth_credentials", ID: id, Entity: &entity.KeyAuthCredential{ID: id, Consumer: consumer, APIKey: key}, Expires: expires}
	}
	acl := func(id, consumer, group string) Change {
		return Change{Kind: "acls", ID: id, Entity: &entity.ACL{ID: id, Consumer: consumer, Group: group}}
	}
	consumer := func(id, name string) Change {
		return Change{Kind: "consumers", ID: id, Entity: &entity.Consumer{ID: id, Username: name}}
	}
	steps := []struct {
		changes []Change
		want    string // consumer named ann, owner of key k, groups of c1
	}{
		{nil, "- - []"},
		{[]Change{consumer("c1", "ann"), key("k1", "c1", "k", 0), acl("a2", "c1", "g2"), acl("a1", "c1", "g1")}, "c1 k1 [g1 g2]"},
		{[]Change{consumer("c1", "bob"), key("k1", "c1", "k2", 0)}, "- - [g1 g2]"},
		{[]Change{consumer("c2", "ann"), key("k3", "c2", "k", time.Now().Unix()+60), gone("acls", "a1")}, "c2 k3 [g2]"},
		{[]Change{key("k3", "c2", "k", 1)}, "c2 - [g2]"},
		{[]Change{gone("keyauth_credentials", "k3"), gone("keyauth_credentials", "k1"), key("k4", "c2", "k", 0)}, "c2 k4 [g2]"},
		{[]Change{key("k5", "c2", "k", 0), gone("keyauth_credentials", "k4"), gone("consumers", "c2")}, "- k5 [g2]"},
	}
	for i, step := range steps {
		if err := b.Apply(step.changes); err != nil {
			t.Fatal(err)
		}
		d := b.Current().Directory()
		named, owner := "-", "-"
		if c := d.ConsumerNamed("ann"); c != nil {
			named = c.ID
		}
		if k := d.KeyAuth([]byte("k")); k != nil {
			owner = k.ID
		}
		if got := fmt.Sprint(named, " ", owner, " ", d.Groups("c1")); got != step.want {
			t.Errorf("step %d: %q, want %q", i, got, step.want)
		}
	}
}

func BenchmarkApplyCredential(b *testing.B) {
	builder := newPluginBuilder(b)
	var changes []Change
	one := func(i int) Change {
		id := fmt.Sprint("k", i)
		return Change{Kind: "keyauth_credentials", ID: id, Entity: &entity.KeyAuthCredential{ID: id, APIKey: "key-" + id}}
	}
	for i := range 100_000 {
		changes = append(changes, one(i))
	}
	if err := builder.Apply(changes); err != nil {
		b.Fatal(err)
	}
	for i := 100_000; b.Loop(); i++ {
		if err := builder.Apply([]Change{one(i)}); err != nil {
			b.Fatal(err)
		}
	}
}

// What does not run may be what protects a route.
func TestPluginsThatDoNotRunRefuse(t *testing.T) {
	b := newPluginBuilder(t)
	apply := func(changes ...Change) {
		t.Helper()
		if err := b.Apply(changes); err != nil {
			t.Fatal(err)
		}
	}
	apply(service("s", "10.0.0.9"), route("r", "s", "/a"), configured("p3", "early"), configured("p4", "late"),
		configured("p1", "missing r"), configured("p2", "broken r c"))
	s := b.Current()
	plan := s.Plan(routed(s))
	if got := ids(plan); got != "p3 p4 p1" {
		t.Errorf("they are in the order %q", got)
	}
	last := plan.Access[2]
	if r := last.Access.Access(nil); !last.Refuses || r == nil || r.Status != 500 {
		t.Errorf("the plugin that is missing answers %v", r)
	}
	for _, i := range s.PlanFor(plan, routed(s), "c", plan.Access[0]).Access {
		if i.Entity.ID == "p2" && !i.Refuses {
			t.Error("the plugin that does not start lets requests pass")
		}
	}
	if got := ids(s.PlanFor(plan, routed(s), "c", plan.Access[0])); got != "p3 p2 p4 p1" {
		t.Errorf("with a consumer they are in the order %q", got)
	}
	apply(gone("plugins", "p1"), gone("plugins", "p2"))
	s = b.Current()
	if got := ids(s.Plan(routed(s))); got != "p3 p4" {
		t.Errorf("when they are gone %q remain", got)
	}
}
