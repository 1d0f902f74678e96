package balancer

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gibbon/entity"
)

func TestHash(t *testing.T) { // vectors of xxHash32 with seed 0
	for text, want := range map[string]uint32{
		"": 0x02cc5d05, "a": 0x550d7456, "abc": 0x32d153ff,
		"Nobody inspects the spammish repetition": 0xe2293b2f,
	} {
		if got := Hash(text); got != want || HashBytes([]byte(text)) != want {
			t.Errorf("Hash(%q) = %#x, want %#x", text, got, want)
		}
	}
}

// recordedAddress is where the server of a letter listened in the recordings.
func recordedAddress(letter string) string {
	return fmt.Sprintf("127.0.0.%d:19001", letter[0]-'A'+1)
}

// TestRingIsTheReferences replays picks that were recorded from the reference gateway.
func TestRingIsTheReferences(t *testing.T) {
	file, err := os.Open("testdata/ring.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	replayed := 0
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var v struct {
			Name, Weights, Down, Prefix, Picks string
			Slots                              int
			Keys                               []string
		}
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		t.Run(v.Name, func(t *testing.T) {
			r := NewRegistry(Options{Resolver: fakeNames{}})
			defer r.Close()
			one := 1
			u := &entity.Upstream{
				ID: "u", Name: "users", Algorithm: "consistent-hashing", HashOn: "header", Slots: &v.Slots,
				Healthchecks: entity.Healthchecks{Passive: entity.PassiveChecks{Unhealthy: entity.PassiveUnhealthy{TCPFailures: &one}}},
			}
			var targets []*entity.Target
			for word := range strings.FieldsSeq(v.Weights) {
				letter, weight, _ := strings.Cut(word, ":")
				n, err := strconv.Atoi(weight)
				if err != nil {
					t.Fatal(err)
				}
				targets = append(targets, &entity.Target{ID: letter, Target: recordedAddress(letter), Weight: n})
			}
			b := r.Set(u, targets)
			if v.Down != "" {
				if err := r.SetHealth("u", v.Down, "", false, ""); err != nil {
					t.Fatal(err)
				}
			}
			for i, want := range strings.Split(v.Picks, "") {
				key := v.Prefix + strconv.Itoa(i)
				if v.Keys != nil {
					key = v.Keys[i]
				}
				got, err := b.Pick(&Attempt{Hash: Hash(key)})
				if err != nil || got.Text != recordedAddress(want) {
					t.Errorf("key %q: %s, %v; recorded %s", key, describe(got), err, recordedAddress(want))
				}
				replayed++
			}
		})
	}
	if replayed < 500 {
		t.Errorf("only %d picks replayed", replayed)
	}
}

// plainRing follows the published rule word by word, for comparison.
func plainRing(entries []Entry, points int) []*Address {
	var total uint32
	for _, e := range entries {
		total += e.Weight
	}
	ring := make([]*Address, points)
	for _, e := range entries {
		n := max(int(float64(e.Weight)/float64(total)*float64(len(entries))*160), 1)
		for i := 1; n > 0; i++ {
			at := Hash(fmt.Sprintf("%s::%d %d", e.Address.ip, e.Address.port, i)) % uint32(points)
			if ring[at] == nil {
				ring[at] = e.Address
				n--
			}
		}
	}
	return ring
}

func TestRingAgreesWithThePublishedRule(t *testing.T) {
	for range 20 {
		entries := manyEntries(1 + rand.IntN(40))
		for i := range entries {
			entries[i].Weight = 1 + rand.Uint32N(1000)
		}
		slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.Address.host, b.Address.host) })
		ring := plainRing(entries, 10_000)
		rand.Shuffle(len(entries), func(i, j int) { entries[i], entries[j] = entries[j], entries[i] })
		p := build("consistent-hashing", entries)
		for range 10_000 {
			a := Attempt{Hash: rand.Uint32()}
			at := int(a.Hash % 10_000)
			for ring[at] == nil {
				at = (at + 9_999) % 10_000
			}
			if got := p.Pick(&a); got != ring[at] {
				t.Fatalf("%d targets, hash %d: %s, want %s", len(entries), a.Hash, got.Text, ring[at].Text)
			}
		}
	}
}

// TestRingDoesNotDependOnItsPast: whatever came and went, the ring is the one
// that a node which starts now builds.
func TestRingDoesNotDependOnItsPast(t *testing.T) {
	pool := manyEntries(30)
	for range 200 {
		rand.Shuffle(len(pool), func(i, j int) { pool[i], pool[j] = pool[j], pool[i] })
		some := pool[:1+rand.IntN(len(pool))]
		got := build("consistent-hashing", some).(*consistentHashing)
		fresh := slices.Clone(some)
		for i := range fresh {
			a := fresh[i].Address
			fresh[i].Address = newAddress(a.target, new(cell), a.AddrPort.Addr(), "", a.port)
		}
		want := build("consistent-hashing", fresh).(*consistentHashing)
		if !slices.Equal(got.owners, want.owners) {
			t.Fatalf("rings of %d addresses differ", len(some))
		}
		for i := range got.entries {
			if got.entries[i].address.Text != want.entries[i].address.Text {
				t.Fatalf("entry %d is %s, want %s", i, got.entries[i].address.Text, want.entries[i].address.Text)
			}
		}
	}
}

func TestRingMovesOnlyKeysOfTheTargetThatLeaves(t *testing.T) {
	entries := manyEntries(10)
	before, gone := build("consistent-hashing", entries), entries[3].Address
	gone.setDown(true)
	moved := make(map[*Address]int)
	for range 10_000 {
		a := Attempt{Hash: rand.Uint32()}
		down := before.Pick(&a)
		gone.setDown(false)
		up := before.Pick(&a)
		gone.setDown(true)
		if up != gone && down != up {
			t.Fatalf("key %d moved from %s to %s", a.Hash, up.Text, down.Text)
		}
		if up == gone {
			moved[down]++
		}
	}
	if len(moved) < 9 {
		t.Errorf("its keys went to %d of 9 others only", len(moved))
	}
}

func TestRingRetryWalksOn(t *testing.T) {
	entries := manyEntries(5)
	p := build("consistent-hashing", entries)
	for range 1000 {
		hash := rand.Uint32()
		a := Attempt{Hash: hash}
		seen := make(map[*Address]bool)
		for range entries {
			got := p.Pick(&a)
			if got == nil || seen[got] {
				t.Fatalf("try %d of key %d: %s again", len(seen), hash, describe(got))
			}
			// Where the walk goes is where the keys go when the address is down.
			for tried := range seen {
				tried.setDown(true)
			}
			if want := p.Pick(&Attempt{Hash: hash}); got != want {
				t.Fatalf("retry goes to %s, without the tried ones it would be %s", got.Text, want.Text)
			}
			for tried := range seen {
				tried.setDown(false)
			}
			seen[got] = true
			a.add(got)
		}
		if got := p.Pick(&a); got != nil {
			t.Fatalf("all tried, but got %s", got.Text)
		}
	}
}

// TestRingOfManyMovesFewKeys: with more targets than the slots have room for, too, one
// more or less moves about as many keys as it has.
func TestRingOfManyMovesFewKeys(t *testing.T) {
	for _, n := range []int{63, 200, 2000} {
		entries := manyEntries(n)
		before, after := build("consistent-hashing", entries), build("consistent-hashing", slices.Delete(slices.Clone(entries), n/2, n/2+1))
		moved := 0
		for range 10_000 {
			a := Attempt{Hash: rand.Uint32()}
			if before.Pick(&a) != after.Pick(&a) {
				moved++
			}
		}
		if most := 3 * 10_000 / n; moved > most {
			t.Errorf("of %d targets one left: %d of 10000 keys moved, want %d at most", n, moved, most)
		}
	}
}

// TestRingHasRoomForAll: with the default slots, the reference leaves all but
// the first 60 or so targets without points.
func TestRingHasRoomForAll(t *testing.T) {
	for _, n := range []int{63, 100, 1000, 10_000} {
		entries := manyEntries(n)
		p := build("consistent-hashing", entries).(*consistentHashing)
		counts := make(map[*Address]int, n)
		for _, owner := range p.owners {
			counts[p.entries[owner].address]++
		}
		if len(counts) != n {
			t.Errorf("%d of %d targets own points", len(counts), n)
		}
		if n > 1000 {
			continue
		}
		for a, count := range counts {
			if share := float64(count) * float64(n) / float64(p.points); share < 0.5 || share > 1.7 {
				t.Errorf("%d targets: %s gets %.2f of its share", n, a.Text, share)
			}
		}
	}
}
