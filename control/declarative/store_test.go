package declarative_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gibbon/control/declarative"
	"gibbon/control/store"
	"gibbon/control/store/memory"
	"gibbon/control/store/sqlite"
)

func parse(t *testing.T, text string) map[string]any {
	t.Helper()
	d, err := declarative.Parse("", []byte(text))
	if err != nil {
		t.Fatalf("Parse: %v\n%s", err, text)
	}
	return d.Tree
}

func export(t *testing.T, from store.Reader) string {
	t.Helper()
	var b strings.Builder
	if err := declarative.Export(t.Context(), &b, from, kinds(), time.Unix(1_800_000_000, 0)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// onBothStores runs a test on each store.
func onBothStores(t *testing.T, test func(t *testing.T, s store.Store)) {
	t.Helper()
	for name, open := range map[string]func(t *testing.T) store.Store{
		"memory": func(*testing.T) store.Store { return memory.New(memory.Options{}) },
		"sqlite": func(t *testing.T) store.Store {
			t.Helper()
			s, err := sqlite.Open(t.Context(), sqlite.Options{File: filepath.Join(t.TempDir(), "test.db")})
			if err != nil {
				t.Fatal(err)
			}
			return s
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			t.Cleanup(func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
			test(t, s)
		})
	}
}

func bring(t *testing.T, s store.Store, text string, mode declarative.Mode) (*declarative.Plan, store.Revision) {
	t.Helper()
	plan, r, err := loader().Bring(t.Context(), s, "test", parse(t, text), mode)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return plan, r
}

// randomFile makes a right file of many kinds, references and odd texts.
func randomFile(random *rand.Rand) string {
	odd := []string{
		"", " x ", "a: b", "'", `"`, "#", "- x", "~", "null", "yes", "1.5", "0x10", "1e3", "2001-01-01", "ünï", "\t", "a\nb\n", "a\n\n b",
		"{x}", "[y]", "&a", "*b", "!t", "|", ">", "%", "@", "`", "12:30:00", "-", "?", "\u2028", strings.Repeat("long ", 80), "1_000", ".5", "=", "<<",
	}
	text := func() string { return odd[random.IntN(len(odd))] }
	list := func(n int, each func(i int)) {
		for i := range random.IntN(n) {
			each(i)
		}
	}
	var services, upstreams, consumers, sets []string
	list(8, func(i int) {
		tags := ""
		if s := text(); s != "" && !strings.ContainsAny(s, ",/\n\t") {
			tags = fmt.Sprintf(", tags: [%q]", s)
		}
		s := new(strings.Builder)
		fmt.Fprintf(s, "- {name: s%d, host: h, port: %d%s, routes: [", i, random.IntN(9), tags)
		for j := range random.IntN(4) {
			fmt.Fprintf(s, "{name: r%d-%d, paths: [/%d], headers: {x-a: [%q]}, plugins: [{name: key-auth, config: {flag: %t}}]},", i, j, j, "v"+text(), j%2 == 0)
		}
		services = append(services, s.String()+"]}")
	})
	list(5, func(i int) {
		s := new(strings.Builder)
		fmt.Fprintf(s, "- {name: u%d, healthchecks: {active: {headers: {x: [a, b]}}}, targets: [", i)
		for j := range random.IntN(5) {
			fmt.Fprintf(s, "{target: \"10.0.0.%d:80\", weight: %d},", j, random.IntN(200))
		}
		upstreams = append(upstreams, s.String()+"]}")
	})
	list(5, func(i int) {
		custom := text()
		consumers = append(consumers, fmt.Sprintf("- {username: c%d, custom_id: %q, acls: [{group: g}], keyauth_credentials: [{key: k%d}], basicauth_credentials: [{username: b%d, password: p}]}",
			i, fmt.Sprintf("%d%s", i, custom), i, i))
	})
	list(3, func(i int) {
		sets = append(sets, fmt.Sprintf("- {name: set%d}", i))
	})
	out := new(strings.Builder)
	out.WriteString("_format_version: \"3.0\"\n")
	for name, items := range map[string][]string{"services": services, "upstreams": upstreams, "consumers": consumers, "key_sets": sets} {
		if len(items) > 0 {
			out.WriteString(name + ":\n" + strings.Join(items, "\n") + "\n")
		}
	}
	return out.String()
}

// TestExportImportExport brings what was exported into an empty store, where it
// gives the same export, and finds that nothing differs.
func TestExportImportExport(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, s store.Store) {
		t.Helper()
		random := rand.New(rand.NewPCG(3, 4))
		for range 12 {
			file := randomFile(random)
			bring(t, s, file, declarative.Sync)
			first := export(t, s)
			plan, err := loader().Compare(t.Context(), s, parse(t, first), declarative.Sync)
			if err != nil || len(plan.Changes) != 0 {
				t.Fatalf("%d differences, %v, between a store and its export\n%s", len(plan.Changes), err, first)
			}
			other := memory.New(memory.Options{})
			bring(t, other, first, declarative.Import)
			if second := export(t, other); second != first {
				t.Fatalf("second export\n%s\nfirst\n%s\nof\n%s", second, first, file)
			}
			if strings.Contains(file, "flag: true") != strings.Contains(first, "flag: true") {
				t.Fatalf("settings of plugins are lost in\n%s\nof\n%s", first, file)
			}
			if plan, r := bring(t, s, file, declarative.Sync); r.Number != 0 || len(plan.Changes) != 0 {
				t.Fatalf("the same file again is revision %d with %d changes\n%s", r.Number, len(plan.Changes), file)
			}
		}
	})
}

// TestSyncMovesWhatIsUnique swaps names, and keeps ids.
func TestSyncMovesWhatIsUnique(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, s store.Store) {
		t.Helper()
		const one, two = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
		file := func(a, b string) string {
			return fmt.Sprintf(`{_format_version: "3.0", services: [{id: %s, name: a, host: h}, {id: %s, name: b, host: h}], routes: [{name: r, paths: [/], service: a}]}`, a, b)
		}
		bring(t, s, file(one, two), declarative.Sync)
		plan, _ := bring(t, s, file(two, one), declarative.Sync)
		if len(plan.Changes) != 3 {
			t.Errorf("%d changes, want the two services and the route", len(plan.Changes))
		}
		row, err := s.Find(t.Context(), "services", "name", "a")
		if err != nil || row.ID != two {
			t.Errorf("service a has the id %s, %v, want %s", row.ID, err, two)
		}
	})
}

func TestImportKeepsWhatSyncRemoves(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, s store.Store) {
		t.Helper()
		bring(t, s, `{_format_version: "3.0", services: [{name: a, host: h, routes: [{name: r, paths: [/]}]}, {name: b, host: h}]}`, declarative.Sync)
		second := `{_format_version: "3.0", services: [{name: b, host: i}]}`
		if plan, _ := bring(t, s, second, declarative.Import); len(plan.Changes) != 1 {
			t.Errorf("import: %d changes, want 1", len(plan.Changes))
		}
		if plan, _ := bring(t, s, second, declarative.Sync); len(plan.Changes) != 2 {
			t.Errorf("sync: %d changes, want 2", len(plan.Changes))
		}
	})
}

// TestFailuresChangeNothing brings in files that fail at the last moment.
func TestFailuresChangeNothing(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, s store.Store) {
		t.Helper()
		const id = "33333333-3333-4333-8333-333333333333"
		bring(t, s, `{_format_version: "3.0", consumers: [{username: a, custom_id: x}, {username: b, custom_id: y}]}`, declarative.Sync)
		before := export(t, s)
		for file, want := range map[string]string{
			`{_format_version: "3.0", services: [{name: new, host: h}], consumers: [{id: ` + id + `, username: c, custom_id: x}]}`: `has the custom_id "x" already`,
			`{_format_version: "3.0", services: [{name: new, host: h}, {name: bad}]}`:                                              "declarative config is invalid",
		} {
			_, _, err := loader().Bring(t.Context(), s, "test", parse(t, file), declarative.Import)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %s", file, err, want)
			}
			if after := export(t, s); after != before {
				t.Errorf("%s changed the store", file)
			}
		}
	})
}

func newNode(limit int64) *declarative.Node {
	return &declarative.Node{Loader: loader(), Store: memory.New(memory.Options{}), Limit: limit}
}

func TestNodeReplacesTheWhole(t *testing.T) {
	t.Parallel()
	n := newNode(4000)
	replace := func(text string) error {
		_, err := n.Replace(t.Context(), "test", parse(t, text), "")
		return err
	}
	if n.Hash() != declarative.EmptyHash {
		t.Errorf("hash of nothing %s", n.Hash())
	}
	file := func(host string) string {
		return `{_format_version: "3.0", services: [{name: a, host: h}, {name: b, host: ` + host + `}]}`
	}
	var revisions []store.Revision
	n.Store.OnCommit(func(r store.Revision) { revisions = append(revisions, r) })
	for _, host := range []string{"h", "h", "i"} {
		if err := replace(file(host)); err != nil {
			t.Fatal(err)
		}
	}
	if len(revisions) != 2 || len(revisions[0].Changes) != 2 || len(revisions[1].Changes) != 1 {
		t.Errorf("revisions %v, want one with both services and one with the changed", revisions)
	}
	before, hash := export(t, n.Store), n.Hash()
	if err := replace(`{_format_version: "3.0", services: [{name: a}]}`); err == nil {
		t.Error("a wrong file is taken")
	}
	large := `{_format_version: "3.0", services: [{name: a, host: h, tags: [` + strings.Repeat("x", 4000) + `]}]}`
	if err := replace(large); !errors.Is(err, declarative.ErrTooLarge) {
		t.Errorf("a large file: %v, want ErrTooLarge", err)
	}
	if export(t, n.Store) != before || n.Hash() != hash {
		t.Error("a failed load changed something")
	}
}

// TestNodeLoadsOneAtATime asks for a load while one is told to the data plane.
func TestNodeLoadsOneAtATime(t *testing.T) {
	t.Parallel()
	n := newNode(0)
	var inner error
	n.Store.OnCommit(func(store.Revision) {
		_, inner = n.Replace(context.WithoutCancel(t.Context()), "test", map[string]any{"_format_version": "3.0"}, "")
	})
	if _, err := n.Replace(t.Context(), "test", parse(t, `{_format_version: "3.0", services: [{host: h}]}`), ""); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(inner, declarative.ErrBusy) {
		t.Errorf("a load within a load: %v, want ErrBusy", inner)
	}
}
