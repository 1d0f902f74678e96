package balancer

import (
	"fmt"
	"maps"
	"math/big"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// parseEntries makes addresses of "name:weight:in flight:average", the latter
// two optional; a "down" at the end says what it says.
func parseEntries(tb testing.TB, text string) []Entry {
	tb.Helper()
	var entries []Entry
	for word := range strings.FieldsSeq(text) {
		parts := strings.Split(word, ":")
		a := &Address{host: parts[0], Text: parts[0], target: new(target), cell: new(cell)}
		a.top = a
		e := Entry{Address: a, Weight: 100}
		for i, part := range parts[1:] {
			if part == "down" {
				a.setDown(true)
				continue
			}
			n, err := strconv.ParseFloat(part, 64)
			if err != nil {
				tb.Fatalf("%q: %v", word, err)
			}
			switch i {
			case 0:
				e.Weight = uint32(n)
			case 1:
				a.cell.load.Store(int64(n))
			case 2:
				a.cell.average.begin(n, time.Now())
			}
		}
		entries = append(entries, e)
	}
	return entries
}

// build makes a picker whose first turn is 0.
func build(algorithm string, entries []Entry) Picker {
	turn := new(atomic.Uint64)
	turn.Store(^uint64(0))
	return Algorithms[algorithm](Candidates{Entries: entries, Targets: len(entries), Slots: 10_000, Turn: turn})
}

// after returns an attempt that has tried the addresses of these names.
func after(entries []Entry, names string) *Attempt {
	a := new(Attempt)
	for name := range strings.FieldsSeq(names) {
		for _, e := range entries {
			if e.Address.Text == name {
				a.add(e.Address)
			}
		}
	}
	return a
}

func describe(a *Address) string {
	if a == nil {
		return "none"
	}
	return a.Text
}

// picks returns the names that n picks for different requests give.
func picks(p Picker, n int) string {
	var names []string
	for range n {
		names = append(names, describe(p.Pick(new(Attempt))))
	}
	return strings.Join(names, ",")
}

func TestLeastConnections(t *testing.T) {
	tests := []struct{ name, entries, tried, want string }{ // name:weight:in flight
		{"fewest in flight", "a:100:2 b:100:1", "", "b"},
		{"per unit of weight", "a:200:2 b:100:1", "", "a"},
		{"idle: heaviest first", "a:100:0 b:200:0 c:100:0", "", "b"},
		{"down is passed over", "a:100:0:down b:100:9", "", "b"},
		{"retry goes elsewhere", "a:100:0 b:100:9", "a", "b"},
		{"all tried", "a:100:0 b:100:9", "a b", "none"},
		{"all down", "a:100:0:down", "", "none"},
		{"nobody there", "", "", "none"},
		{"large counts do not overflow", "a:65535:100000000000 b:1:1", "", "b"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			entries := parseEntries(t, tt.entries)
			if got := describe(build("least-connections", entries).Pick(after(entries, tt.tried))); got != tt.want {
				t.Errorf("Pick(%s) after %q = %s, want %s", tt.entries, tt.tried, got, tt.want)
			}
		})
	}
	entries := parseEntries(t, "a b c")
	if got := picks(build("least-connections", entries), 7); got != "a,b,c,a,b,c,a" {
		t.Errorf("equals do not take turns: %s", got)
	}
}

// TestLeastConnectionsSplitsByWeight holds every request open, as the recordings
// lc2w and lc3 of the reference did.
func TestLeastConnectionsSplitsByWeight(t *testing.T) {
	for text, want := range map[string]string{"a:100 b:50": "a=8 b=4", "a b c": "a=4 b=4 c=4"} {
		entries := parseEntries(t, text)
		p := build("least-connections", entries)
		for range 12 {
			p.Pick(new(Attempt))
		}
		var got []string
		for _, e := range entries {
			got = append(got, fmt.Sprintf("%s=%d", e.Address.Text, e.Address.InFlight()))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("12 held over %s: %v, want %s", text, got, want)
		}
	}
}

func TestLatency(t *testing.T) {
	tests := []struct{ name, entries, tried, want string }{ // name:weight:in flight:seconds
		{"fastest", "a:100:0:0.2 b:100:0:0.1", "", "b"},
		{"per unit of weight", "a:400:0:0.2 b:100:0:0.1", "", "a"},
		{"in flight counts", "a:100:4:0.1 b:100:1:0.2", "", "b"},
		{"nothing known: in flight decides", "a:100:1 b:100:0", "", "b"},
		{"down is passed over", "a:100:0:0.1:down b:100:0:0.5", "", "b"},
		{"retry goes elsewhere", "a:100:0:0.1 b:100:0:0.5", "a", "b"},
		{"all tried", "a:100:0:0.1", "a", "none"},
		{"nobody there", "", "", "none"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			entries := parseEntries(t, tt.entries)
			if got := describe(build("latency", entries).Pick(after(entries, tt.tried))); got != tt.want {
				t.Errorf("Pick(%s) after %q = %s, want %s", tt.entries, tt.tried, got, tt.want)
			}
		})
	}
}

func TestAverageDecays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var v average
		check := func(what string, want float64) {
			t.Helper()
			if got, _ := v.at(time.Now()); got < want*0.999 || got > want*1.001 {
				t.Errorf("%s: %v, want %v", what, got, want)
			}
		}
		if _, ok := v.at(time.Now()); ok {
			t.Error("there is an average before the first observation")
		}
		v.observe(time.Second, time.Now())
		check("first observation", 1)
		<-time.After(10 * time.Second)
		check("faded for 10 s", 0.36788)
		v.observe(2*time.Second, time.Now())
		check("a higher one takes its place", 2)
		v.observe(time.Second, time.Now())
		check("a lower one at the same time: nothing", 2)
		v.begin(7, time.Now())
		check("begun already", 2)
		<-time.After(10 * time.Second)
		v.observe(time.Second, time.Now())
		check("a lower one draws it down", 2*0.36788+0.63212)
		v.observe(3*time.Second, time.Now())
		check("a higher one at the same time takes its place", 3)
		v.forget()
		v.observe(time.Second, time.Now())
		check("one at the same time as the forgotten ones", 1)
		v = average{}
		v.observe(0, time.Now())
		check("no time at all", leastLatency)
	})
}

func TestRoundRobinOrder(t *testing.T) {
	tests := []struct{ name, entries, want string }{
		{"one", "a", "a,a,a"},
		{"two alternate", "a b", "a,b,a,b"},
		{"three in turn", "a b c", "a,c,b,a,c,b"},
		{"weights spread", "a:200 b:100", "a,b,a,a,b,a"},
		{"7 to 3", "a:7 b:3", "a,b,a,a,b,a,a,b,a,a"},
		{"10 to 1", "a:10 b:1", "a,a,a,b,a,a,a,a,a,a,a"},
		{"down is passed over", "a b:100:0:down c", "a,c,a,c"},
		{"all down", "a:100:0:down b:100:0:down", "none"},
		{"nobody there", "", "none"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := build("round-robin", parseEntries(t, tt.entries))
			if got := picks(p, 1+strings.Count(tt.want, ",")); got != tt.want {
				t.Errorf("%s gives %s, want %s", tt.entries, got, tt.want)
			}
		})
	}
}

// TestRoundRobinSharesAreExactAndEven counts over whole cycles, and looks how far
// any address is from its share at any time in between.
func TestRoundRobinSharesAreExactAndEven(t *testing.T) {
	for _, text := range []string{
		"a:1", "a:1 b:1", "a:100 b:50", "a:5 b:3 c:2", "a:300 b:100 c:100", "a:10 b:1", "a:1 b:1000",
		"a:65535 b:65534", "a:65535 b:1", "a:97 b:89 c:83 d:79 e:73", "a:3 b:3 c:3 d:3 e:3 f:3 g:3",
		"a:1 b:2 c:4 d:8 e:16 f:32 g:64 h:128",
	} {
		entries := parseEntries(t, text)
		p := build("round-robin", entries).(*roundRobin)
		p.turn.Store(rand.Uint64N(1 << 40)) // any whole cycle will do
		counts := make(map[*Address]uint64)
		var worst float64
		for n := uint64(1); n <= 2*p.length; n++ {
			counts[p.Pick(new(Attempt))]++
			for _, e := range entries {
				share := float64(n) * float64(e.Weight) / float64(p.length*divisor(entries))
				worst = max(worst, share-float64(counts[e.Address]), float64(counts[e.Address])-share)
			}
		}
		for _, e := range entries {
			if want := 2 * uint64(e.Weight) / divisor(entries); counts[e.Address] != want {
				t.Errorf("%s: %s got %d of two cycles, want %d", text, e.Address.Text, counts[e.Address], want)
			}
		}
		if worst > 5 {
			t.Errorf("%s: somebody was %.1f picks away from the share", text, worst)
		}
	}
}

func divisor(entries []Entry) (d uint64) {
	for _, e := range entries {
		d = gcd(d, uint64(e.Weight))
	}
	return d
}

// TestRoundRobinOfManyTargets: a cycle of 3×10^9 picks cannot be counted, but
// that each position comes once and belongs to the right address can be seen.
func TestRoundRobinOfManyTargets(t *testing.T) {
	for _, n := range []int{1000, 100_000} { // the latter's cycle exceeds 32 bits
		entries := make([]Entry, n)
		for i := range entries {
			entries[i] = Entry{&Address{cell: new(cell)}, uint32(1 + rand.IntN(65535))}
			entries[i].Address.top = entries[i].Address
		}
		entries[0].Weight = 1
		p := build("round-robin", entries).(*roundRobin)
		if gcd(p.stride, p.length) != 1 {
			t.Fatalf("stride %d divides the cycle %d", p.stride, p.length)
		}
		for range 10_000 {
			turn := rand.Uint64()
			product := new(big.Int).Mul(new(big.Int).SetUint64(turn), new(big.Int).SetUint64(p.stride))
			want := product.Mod(product, new(big.Int).SetUint64(p.length)).Uint64()
			got := p.position(turn)
			if got != want {
				t.Fatalf("position(%d) = %d, want %d", turn, got, want)
			}
			i := p.owner(got)
			if got >= p.ends[i] || i > 0 && got < p.ends[i-1] {
				t.Fatalf("position %d given to entry %d, which ends at %d", got, i, p.ends[i])
			}
		}
		if size := len(p.guide); size > 4*n+2 {
			t.Errorf("guide of %d for %d targets", size, n)
		}
	}
}

func TestRoundRobinFindsTheLastOneUp(t *testing.T) {
	entries := parseEntries(t, strings.Repeat("x:65535 ", 999)+"last:1")
	p := build("round-robin", entries)
	for _, e := range entries[:999] {
		e.Address.setDown(true) // after the picker was built
	}
	if got := picks(p, 3); got != "last,last,last" {
		t.Errorf("got %s", got)
	}
}

// TestEveryPickerFindsWhatThereIs: whatever is down and tried, a usable address is
// found if there is one.
func TestEveryPickerFindsWhatThereIs(t *testing.T) {
	for name := range Algorithms {
		for range 300 {
			n := 1 + rand.IntN(20)
			var text strings.Builder
			for i := range n {
				fmt.Fprintf(&text, "t%d:%d:%d ", i, 1+rand.IntN(200), rand.IntN(5))
			}
			entries := parseEntries(t, text.String())
			p := build(name, entries)
			a := &Attempt{Hash: rand.Uint32()}
			usableLeft := false
			for _, e := range entries {
				e.Address.setDown(rand.IntN(2) == 0)
				if rand.IntN(3) == 0 && a.n < 12 {
					a.add(e.Address)
				}
				usableLeft = usableLeft || usable(e.Address, a)
			}
			got := p.Pick(a)
			if (got != nil) != usableLeft || got != nil && !usable(got, a) {
				t.Fatalf("%s: picked %s of %s, tried %d", name, describe(got), text.String(), a.n)
			}
		}
	}
}

func TestPickerDoesNotAllocate(t *testing.T) {
	for name := range Algorithms {
		p := build(name, manyEntries(16))
		a := new(Attempt)
		a.Session = []byte("nobody's")
		if n := testing.AllocsPerRun(1000, func() { p.Pick(a) }); n != 0 {
			t.Errorf("%s: %v allocations per Pick, want 0", name, n)
		}
	}
}

func manyEntries(n int) []Entry {
	entries, b := make([]Entry, n), new(Balancer)
	for i := range entries {
		ip := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		t := &target{text: ip.String() + ":80", host: ip.String(), port: 80, ip: ip}
		entries[i] = Entry{newAddress(t, b.newCell(), ip, "", 80), 100}
		entries[i].Address.cell.average.begin(rand.Float64(), time.Now())
	}
	return entries
}

func BenchmarkPick(b *testing.B) {
	for _, name := range slices.Sorted(maps.Keys(Algorithms)) {
		for _, n := range []int{3, 100, 1000, 10_000} {
			b.Run(fmt.Sprintf("%s/targets=%d", name, n), func(b *testing.B) {
				entries := manyEntries(n)
				for _, e := range entries {
					e.Address.cell.load.Add(1) // an idle one would end a search early
				}
				p := Algorithms[name](Candidates{Entries: entries, Targets: n, Slots: 10_000, Turn: new(atomic.Uint64), Drawn: name == "latency"})
				b.ReportAllocs()
				b.ResetTimer()
				b.RunParallel(func(pb *testing.PB) {
					a := new(Attempt)
					a.Hash = rand.Uint32()
					var sessions [1024][2 * sessionBytes]byte // each pick another client's
					for i := range sessions {
						copy(sessions[i][:], entries[rand.IntN(n)].Address.session)
					}
					for pb.Next() {
						a.Hash += 2654435761
						if name == "sticky-sessions" {
							a.Session = sessions[a.Hash>>22][:]
						}
						p.Pick(a).cell.load.Add(-1)
					}
				})
			})
		}
	}
}

func BenchmarkBuild(b *testing.B) {
	entries := manyEntries(10_000)
	for _, name := range slices.Sorted(maps.Keys(Algorithms)) {
		b.Run(name+"/targets=10000", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				build(name, entries)
			}
		})
	}
}
