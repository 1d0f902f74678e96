package rows_test

import (
	"crypto/rand"
	"errors"
	"reflect"
	"testing"
	"time"

	"gibbon/control/rows"
	"gibbon/control/store"
	"gibbon/control/store/memory"
	"gibbon/entity"
	"gibbon/schema"
)

const (
	one   = "00000000-0000-4000-8000-000000000001"
	two   = "00000000-0000-4000-8000-000000000002"
	three = "00000000-0000-4000-8000-000000000003"
	four  = "00000000-0000-4000-8000-000000000004"
)

var kinds = entity.NewKinds(entity.Options{}) //nolint:gochecknoglobals // never changed

// put is a row made of a body as a client sends it.
func put(t *testing.T, kind string, body map[string]any, expires int64) store.Put {
	t.Helper()
	k := kinds.Of(kind)
	e := k.New()
	if err := schema.Decode(body, e); err != nil {
		t.Fatal(err)
	}
	stamp := schema.Stamp{Now: func() time.Time { return time.UnixMilli(1_800_000_000_250) }, Random: rand.Reader}
	if err := stamp.Create(e); err != nil {
		t.Fatal(err)
	}
	p := rows.Of(k, e, expires)
	if bound := rows.Of(k, entity.Bind(e), expires); !reflect.DeepEqual(p, bound) {
		t.Errorf("bound: %+v, otherwise %+v", bound, p)
	}
	return p
}

func service(t *testing.T, id, name string) store.Put {
	t.Helper()
	return put(t, "services", map[string]any{"id": id, "name": name, "host": "h.test"}, 0)
}

func route(t *testing.T, id, service string) store.Put {
	t.Helper()
	body := map[string]any{"id": id, "paths": []any{"/"}}
	if service != "" {
		body["service"] = map[string]any{"id": service}
	}
	return put(t, "routes", body, 0)
}

func TestOfTellsTheStoreWhatItHasToKnow(t *testing.T) {
	parent := func(id string) map[string]any { return map[string]any{"id": id} }
	for _, tt := range []struct {
		name, kind string
		body       map[string]any
		expires    int64
		want       store.Put
	}{
		{
			"keys and tags", "services",
			map[string]any{"id": one, "name": "a", "host": "h.test", "tags": []any{"x", "y"}},
			0,
			store.Put{Keys: []store.Key{{Name: "name", Value: "a"}}, Tags: []string{"x", "y"}},
		},
		{"no name, no key", "services", map[string]any{"id": one, "host": "h.test"}, 0, store.Put{}},
		{
			"a reference that forbids removal", "routes",
			map[string]any{"id": one, "paths": []any{"/"}, "service": parent(two)},
			0,
			store.Put{Refs: []store.Ref{{Field: "service", Kind: "services", ID: two}}},
		},
		{
			"a key of two fields, a reference that goes along, a rank", "targets",
			map[string]any{"id": one, "target": "h.test:80", "upstream": parent(two)},
			0,
			store.Put{
				Keys: []store.Key{{Name: "upstream,target", Value: store.Join(two, "h.test:80")}},
				Refs: []store.Ref{{Field: "upstream", Kind: "upstreams", ID: two, Cascade: true}}, Order: 1_800_000_000_250,
			},
		},
		{
			"a lifetime", "keyauth_credentials",
			map[string]any{"id": one, "key": "k", "consumer": parent(two)},
			1_900_000_000,
			store.Put{
				Row: store.Row{Expires: 1_900_000_000}, Keys: []store.Key{{Name: "key", Value: "k"}},
				Refs: []store.Ref{{Field: "consumer", Kind: "consumers", ID: two, Cascade: true}},
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := put(t, tt.kind, tt.body, tt.expires)
			tt.want.Kind, tt.want.ID, tt.want.Doc = tt.kind, one, got.Doc
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
			again := kinds.Of(tt.kind).New()
			if err := schema.Load(got.Doc, again); err != nil || again.Key() != one {
				t.Errorf("the document %s is loaded as %+v, %v", got.Doc, again, err)
			}
		})
	}
}

func TestExpiry(t *testing.T) {
	seconds := int64(60)
	for _, tt := range []struct {
		ttl  *int64
		want int64
	}{{nil, 0}, {new(int64), 0}, {&seconds, 1060}} {
		e := kinds.Of("keyauth_credentials").New()
		schema.SetTTL(e, tt.ttl)
		if got := rows.Expiry(e, 1000); got != tt.want {
			t.Errorf("Expiry = %d, want %d", got, tt.want)
		}
	}
	if got := rows.Expiry(kinds.Of("services").New(), 1000); got != 0 {
		t.Errorf("a service ends at %d", got)
	}
}

func TestKeyValue(t *testing.T) {
	if got := rows.KeyValue([]string{"a"}); got != "a" {
		t.Errorf("KeyValue of one = %q", got)
	}
	if a, b := rows.KeyValue([]string{"a", "bc"}), rows.KeyValue([]string{"ab", "c"}); a == b {
		t.Errorf("different values have the key %q", a)
	}
}

func TestExchange(t *testing.T) {
	gone := func(kind, id string) store.Row { return store.Row{Kind: kind, ID: id} }
	for _, tt := range []struct {
		name string
		had  []store.Put
		gone []store.Row
		puts []store.Put
		want map[string]string // names or services by id, "" without one
		err  error             // of this type
	}{
		{
			name: "two swap their names",
			had:  []store.Put{service(t, one, "a"), service(t, two, "b")},
			puts: []store.Put{service(t, one, "b"), service(t, two, "a")},
			want: map[string]string{one: "b", two: "a"},
		},
		{
			name: "children are written after parents and removed before them",
			had:  []store.Put{service(t, one, "a"), route(t, three, one)},
			gone: []store.Row{gone("services", one), gone("routes", three)},
			puts: []store.Put{route(t, four, two), service(t, two, "a")},
			want: map[string]string{two: "a", four: two},
		},
		{
			name: "what is gone may go",
			had:  []store.Put{service(t, one, "a")}, gone: []store.Row{gone("services", two)},
			want: map[string]string{one: "a"},
		},
		{
			name: "a name that stays is taken",
			had:  []store.Put{service(t, one, "a")}, puts: []store.Put{service(t, two, "a")},
			err: &store.UniqueError{},
		},
		{
			name: "somebody needs what should go",
			had:  []store.Put{service(t, one, "a"), route(t, three, one)}, gone: []store.Row{gone("services", one)},
			err: &store.ReferencedError{},
		},
		{
			name: "a parent is missing",
			puts: []store.Put{route(t, three, one)},
			err:  &store.MissingReferenceError{},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := memory.New(memory.Options{})
			if _, err := s.ReplaceAll(t.Context(), "test", tt.had); err != nil {
				t.Fatal(err)
			}
			_, err := s.Write(t.Context(), "test", func(tx store.Tx) error {
				var puts []rows.Replacement
				for _, p := range tt.puts {
					old, err := tx.Get(t.Context(), p.Kind, p.ID)
					switch {
					case err == nil:
						puts = append(puts, rows.Replacement{Put: p, Old: &old})
					case errors.Is(err, store.ErrNotFound):
						puts = append(puts, rows.Replacement{Put: p})
					default:
						return err
					}
				}
				return rows.Exchange(tx, kinds, tt.gone, puts)
			})
			if tt.err != nil || err != nil {
				if reflect.TypeOf(err) != reflect.TypeOf(tt.err) {
					t.Fatalf("Exchange: %v, want a %T", err, tt.err)
				}
				return
			}
			got := map[string]string{}
			for _, kind := range []string{"services", "routes"} {
				err := s.Each(t.Context(), kind, func(row store.Row) error {
					e := kinds.Of(kind).New()
					err := schema.Load(row.Doc, e)
					switch e := e.(type) {
					case *entity.Service:
						got[row.ID] = e.Name
					case *entity.Route:
						got[row.ID] = e.Service
					default:
						err = errors.New("neither a service nor a route")
					}
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("left with %v, want %v", got, tt.want)
			}
		})
	}
}
