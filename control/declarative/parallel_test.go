package declarative_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"gibbon/control/declarative"
)

// TestManyAreReadAsFew compares what becomes of many entities, which are divided
// among the cores, with what becomes of each service alone.
func TestManyAreReadAsFew(t *testing.T) {
	t.Parallel()
	const services = 300
	config, err := load(t, string(jsonFile(services)))
	if err != nil {
		t.Fatal(err)
	}
	puts := config.Puts(0)
	if len(puts) != 11*services {
		t.Fatalf("%d rows, want %d", len(puts), 11*services)
	}
	for s := range services {
		alone, err := load(t, fmt.Sprintf(`{"_format_version":"3.0","services":[{"name":"service-%d","host":"127.0.0.1","port":1,"routes":[
			{"name":"route-%d","paths":["/large/%[2]d"]}]}]}`, s, 10*s))
		if err != nil {
			t.Fatal(err)
		}
		for n, want := range alone.Puts(0) {
			got := puts[s]
			if n == 1 {
				got = puts[services+10*s]
			}
			if got.ID != want.ID || !slices.Equal(got.Keys, want.Keys) || !slices.Equal(got.Refs, want.Refs) || len(got.Doc) != len(want.Doc) {
				t.Fatalf("%s %+v, alone %+v", want.Kind, got, want)
			}
		}
	}
}

// TestFaultsAmongMany finds them wherever they are.
func TestFaultsAmongMany(t *testing.T) {
	t.Parallel()
	for _, at := range []int{0, 511, 512, 1999} {
		for _, tt := range []struct{ entity, want string }{
			{`{"name":"bad","paths":["no"]}`, "should start with: / (fixed path) or ~/ (regex path)"},
			{`{"name":"route-7","paths":["/x"]}`, "uniqueness violation: 'routes' entity with name set to 'route-7' already declared"},
			{
				`{"id":"00000000-0000-4000-8000-000000000007","paths":["/x"]}`,
				"uniqueness violation: 'routes' entity with primary key set to '00000000-0000-4000-8000-000000000007' already declared",
			},
		} {
			var b strings.Builder
			b.WriteString(`{"_format_version":"3.0","routes":[`)
			for n := range 2000 {
				if n > 0 {
					b.WriteByte(',')
				}
				if n == at {
					b.WriteString(tt.entity + ",")
				}
				fmt.Fprintf(&b, `{"id":"00000000-0000-4000-8000-%012d","name":"route-%d","paths":["/%[1]d"]}`, n, n)
			}
			b.WriteString("]}")
			_, err := load(t, b.String())
			invalid, ok := errors.AsType[*declarative.InvalidError](err)
			if !ok {
				t.Fatalf("%s at %d: %v", tt.entity, at, err)
			}
			flat, rest := invalid.Flatten()
			if len(flat) != 1 || len(rest.Fields) != 0 || len(flat[0].Errors) != 1 || flat[0].Errors[0].Message != tt.want {
				t.Errorf("%s at %d: %+v, want %q of one route", tt.entity, at, flat, tt.want)
			}
		}
	}
}
