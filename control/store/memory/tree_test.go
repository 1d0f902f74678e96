package memory

import (
	"cmp"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// content returns the keys of a tree from one on, and checks its shape.
func content(t *testing.T, tr tree[int, int], from int) []int {
	t.Helper()
	if limit := 1.45*math.Log2(float64(tr.length)+2) + 1; float64(tr.root.depth()) > limit {
		t.Errorf("depth %d of %d keys is over %.1f", tr.root.depth(), tr.length, limit)
	}
	var keys []int
	for k, v := range tr.from(from) {
		if v != 10*k {
			t.Errorf("value of %d is %d", k, v)
		}
		keys = append(keys, k)
	}
	return keys
}

func TestTreeAgreesWithAMap(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	tr, model := tree[int, int]{compare: cmp.Compare[int]}, map[int]int{}
	type moment struct {
		tree tree[int, int]
		keys []int
	}
	var snapshots []moment
	for step := range 300 {
		e := new(edit)
		for range 1 + rng.IntN(20) {
			key := rng.IntN(200)
			if rng.IntN(3) == 0 == (step < 200) { // grows first, then shrinks
				tr.cut(e, key)
				delete(model, key)
			} else {
				tr.put(e, key, 10*key)
				model[key] = 10 * key
			}
		}
		keys := slices.Sorted(maps.Keys(model))
		if got := content(t, tr, math.MinInt); !slices.Equal(got, keys) || tr.length != len(keys) {
			t.Fatalf("step %d: keys %v (length %d), want %v", step, got, tr.length, keys)
		}
		from := rng.IntN(200)
		i, found := slices.BinarySearch(keys, from)
		if got := content(t, tr, from); !slices.Equal(got, keys[i:]) {
			t.Fatalf("step %d: keys from %d %v, want %v", step, from, got, keys[i:])
		}
		if _, got := tr.get(from); got != found {
			t.Errorf("step %d: get(%d) finds it: %v, want %v", step, from, got, found)
		}
		snapshots = append(snapshots, moment{tr, keys})
	}
	for i, s := range snapshots {
		if got := content(t, s.tree, math.MinInt); !slices.Equal(got, s.keys) {
			t.Errorf("snapshot %d changed: %v, was %v", i, got, s.keys)
		}
	}
}

func TestTreeStaysFlat(t *testing.T) {
	tr, e := tree[int, int]{compare: cmp.Compare[int]}, new(edit)
	for i := range 100_000 {
		tr.put(e, i, 10*i)
	}
	for i := range 50_000 {
		tr.cut(e, i)
	}
	if got := content(t, tr, 99_998); !slices.Equal(got, []int{99_998, 99_999}) {
		t.Errorf("last keys: %v", got)
	}
}
