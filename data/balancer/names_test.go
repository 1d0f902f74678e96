package balancer

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gibbon/data/resolver"
)

// fakeNames knows no name.
type fakeNames struct{}

func (fakeNames) Lookup(_ context.Context, name string) (*resolver.Answer, error) {
	return nil, nameError(name)
}
func (fakeNames) Cached(string) (*resolver.Answer, bool) { return nil, false }
func (f fakeNames) Refresh(ctx context.Context, name string) (*resolver.Answer, error) {
	return f.Lookup(ctx, name)
}

func nameError(name string) error {
	return &resolver.Error{Name: name, Text: "dns server error: 3 name error", NotFound: true}
}

// names is a DNS whose zone can change. Lookups take a while.
type names struct {
	takes time.Duration

	mu      sync.Mutex
	zone    map[string]string // see parseAnswer
	cache   map[string]*resolver.Answer
	lookups int
}

func newNames(zone string) *names {
	n := &names{zone: make(map[string]string), cache: make(map[string]*resolver.Answer)}
	for line := range strings.SplitSeq(zone, ";") {
		n.set(line)
	}
	return n
}

// set changes the records of a name: "a.test ttl=30 A 10.0.0.1 10.0.0.2".
func (n *names) set(line string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	name, records, _ := strings.Cut(strings.TrimSpace(line), " ")
	n.zone[name] = records
}

// count returns how many lookups there were.
func (n *names) count() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.lookups
}

// parseAnswer reads "ttl=30 SRV priority,weight,port,target …"; IPs stand for
// themselves.
func parseAnswer(name, text string) (*resolver.Answer, error) {
	words := strings.Fields(text)
	if len(words) < 3 {
		return nil, nameError(name)
	}
	seconds, err := strconv.Atoi(strings.TrimPrefix(words[0], "ttl="))
	if err != nil {
		return nil, fmt.Errorf("zone of %s: %w", name, err)
	}
	ttl := time.Duration(seconds) * time.Second
	a := &resolver.Answer{Name: name, Type: words[1], TTL: ttl, Expires: time.Now().Add(ttl)}
	for _, word := range words[2:] {
		var r resolver.Record
		if a.Type == "SRV" {
			parts := strings.Split(word, ",")
			fields := [3]*uint16{&r.Priority, &r.Weight, &r.Port}
			for i, field := range fields {
				v, err := strconv.ParseUint(parts[i], 10, 16)
				if err != nil {
					return nil, fmt.Errorf("zone of %s: %w", name, err)
				}
				*field = uint16(v)
			}
			word = parts[3]
		}
		if r.IP, err = netip.ParseAddr(word); err != nil {
			r.Target = word
		}
		a.Records = append(a.Records, r)
	}
	return a, nil
}

func (n *names) Refresh(ctx context.Context, name string) (*resolver.Answer, error) {
	n.mu.Lock()
	n.lookups++
	n.mu.Unlock()
	if n.takes > 0 {
		select {
		case <-time.After(n.takes):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	a, err := parseAnswer(name, n.zone[name])
	if err != nil {
		return nil, err
	}
	n.cache[name] = a
	return a, nil
}

func (n *names) Lookup(ctx context.Context, name string) (*resolver.Answer, error) {
	if a, ok := n.Cached(name); ok && time.Now().Before(a.Expires) {
		return a, nil
	}
	return n.Refresh(ctx, name)
}

func (n *names) Cached(name string) (*resolver.Answer, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	a, ok := n.cache[name]
	return a, ok
}

// warm puts every name of the zone into the cache.
func (n *names) warm(t *testing.T) {
	t.Helper()
	for name := range n.zone {
		if _, err := n.Refresh(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
}

// pickWaiting is what the proxy does for each try.
func pickWaiting(b *Balancer, a *Attempt) (*Address, error) {
	addr, err := b.Pick(a)
	if errors.Is(err, ErrUnresolved) {
		addr, err = b.Wait(context.Background(), a)
	}
	return addr, err
}

// TestNamesGetTheirShare: an address whose name has to be resolved first is not passed over for that.
func TestNamesGetTheirShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNames("s.test ttl=3000 SRV 1,30,8001,a.test 1,10,8001,b.test; a.test ttl=1000 A 10.0.0.1; b.test ttl=1000 A 10.0.0.2")
		r := NewRegistry(Options{Resolver: n})
		defer r.Close()
		b := r.Set(upstream(t, ""), targets(t, "s.test:80"))
		synctest.Wait()
		got := map[string]int{}
		for range 40 {
			addr, err := pickWaiting(b, new(Attempt))
			if err != nil {
				t.Fatal(err)
			}
			got[addr.Text]++
			addr.Done()
		}
		if got["10.0.0.1:8001"] != 30 || got["10.0.0.2:8001"] != 10 {
			t.Errorf("40 picks by weights 30 and 10: %v", got)
		}
	})
}

// TestNameThatCannotBeResolved: others take over, and without one the resolver has the word.
func TestNameThatCannotBeResolved(t *testing.T) {
	for _, tt := range []struct{ name, algorithm, targets, want string }{
		{"another target", "round-robin", "t.test:80 10.0.0.1:80", "10.0.0.1:80"},
		{"another target, ring", "consistent-hashing hash_on=ip", "t.test:80 10.0.0.1:80", "10.0.0.1:80"},
		{"another target, latency", "latency", "t.test:80 10.0.0.1:80", "10.0.0.1:80"},
		{"another name", "round-robin", "t.test:80 u.test:80", "10.0.0.2:80"},
		{"none", "round-robin", "t.test:80", "resolve t.test: dns server error: 3 name error"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNames("t.test ttl=0 A 10.0.0.9; u.test ttl=0 A 10.0.0.2")
				r := NewRegistry(Options{Resolver: n})
				defer r.Close()
				b := r.Set(upstream(t, "algorithm="+tt.algorithm), targets(t, tt.targets))
				synctest.Wait()
				n.set("t.test")
				for i := range 8 {
					addr, err := pickWaiting(b, &Attempt{Hash: Hash(strconv.Itoa(i))})
					got := fmt.Sprint(err)
					if err == nil {
						got = addr.Text
						addr.Done()
					}
					if got != tt.want {
						t.Errorf("pick %d: %s, want %s", i, got, tt.want)
					}
				}
			})
		})
	}
}
