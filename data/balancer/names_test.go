package balancer

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
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
