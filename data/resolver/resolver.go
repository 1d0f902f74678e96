// Package resolver finds the addresses behind host names, by DNS and the hosts
// file. It remembers what it learned: a name whose records have expired is
// answered with them at once while they are asked for anew in the background,
// so that only the first lookup of a name ever waits.
package resolver

import (
	"context"
	"log/slog"
	"net/netip"
	"time"
)

// Options say how names are resolved. Zero values stand for the defaults.
type Options struct {
	Servers     []string            // ip or ip:port; none: those of resolv.conf
	ResolvConf  string              // default /etc/resolv.conf
	HostsFile   string              // default /etc/hosts; "off" reads none
	Order       []string            // of LAST, SRV, A, AAAA, CNAME; default LAST, SRV, A, CNAME
	ValidTTL    time.Duration       // overrides the TTL of answers when not 0
	StaleTTL    time.Duration       // how long expired records are still served; default 1 h, negative: not at all
	NotFoundTTL time.Duration       // for unknown names and empty answers; default 30 s
	ErrorTTL    time.Duration       // for other failures; default 1 s
	CacheSize   int                 // names remembered; default 10,000
	NoSync      bool                // do not share identical lookups
	Concurrency int                 // lookups at the same time; default 256
	Environ     func(string) string // LOCALDOMAIN and RES_OPTIONS; default os.Getenv
	Log         *slog.Logger        // default: discards
}

// A Record is one place that a name stands for.
type Record struct {
	IP       netip.Addr // of A and AAAA, and of SRV whose target is an address
	Target   string     // SRV: the name to resolve for the address
	Port     uint16     // SRV; 0 otherwise
	Weight   uint16     // SRV; 0 otherwise
	Priority uint16     // SRV; 0 otherwise
}

// An Answer is what is known of a name. It is immutable but for the turn that Next takes.
type Answer struct {
	Name    string
	Type    string   // "A", "AAAA" or "SRV"
	Records []Record // as received; SRV of every priority
	TTL     time.Duration
	Expires time.Time
	Err     error // an *Error: nothing is known but that; Records is empty
}

// Next returns the records in turn: addresses in the order of the answer, SRV
// records of the best priority by weight, the first one first. It may be called by many
// goroutines. It returns nil when there are none.
func (a *Answer) Next() *Record { panic("skeleton") }

// An Error is a failed lookup. Its text is the reference gateway's.
type Error struct {
	Name     string
	Text     string
	NotFound bool // the name does not exist, or has no records of the types asked for
}

// Error returns the text.
func (e *Error) Error() string { return e.Text }

// A Resolver answers lookups out of its memory, the hosts file and DNS.
type Resolver struct{}

// New reads resolv.conf and the hosts file.
func New(o Options) (*Resolver, error) { panic("skeleton") }

// Close ends background lookups.
func (r *Resolver) Close() { panic("skeleton") }

// Lookup returns what a name stands for; the error is an *Error or that of ctx. It waits only when
// nothing was ever known of the name, or only things that are too old. The answer
// to an address is that address.
func (r *Resolver) Lookup(ctx context.Context, name string) (*Answer, error) { panic("skeleton") }

// Cached returns what is known of a name without waiting; a known failure is an
// answer with Err set. When that has expired a lookup is started in the background.
// It is false when nothing is known. It does not allocate unless it starts a lookup.
func (r *Resolver) Cached(name string) (*Answer, bool) { panic("skeleton") }

// Refresh asks DNS now, whatever is known, and remembers the outcome. When it
// fails and older records may still be served, these are the answer.
func (r *Resolver) Refresh(ctx context.Context, name string) (*Answer, error) { panic("skeleton") }
