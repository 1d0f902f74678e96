package resolver

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/miekg/dns"
)

// A fakeDNS is servers in memory, one per address. Its zone may change.
type fakeDNS struct {
	mu      sync.Mutex
	records []dns.RR
	// act says how a server behaves for a question, in words; "" is as it
	// should. The key is the address, the name or the name and the type.
	act     map[string]string
	asked   []string // "name type", with the server unless it is the first one
	running int
	most    int           // questions at the same time
	release chan struct{} // when set, answers wait for it to be closed
}

const firstServer = "10.0.0.53:53"

func newFake(tb testing.TB, zone string) *fakeDNS {
	tb.Helper()
	f := &fakeDNS{act: make(map[string]string)}
	f.set(tb, zone)
	return f
}

// set replaces the zone: one record per line, in the notation of zone files.
func (f *fakeDNS) set(tb testing.TB, zone string) {
	tb.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.records = nil
	for line := range strings.Lines(zone) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		rr, err := dns.NewRR(line)
		if err != nil {
			tb.Fatal(err)
		}
		f.records = append(f.records, rr)
	}
}

func (f *fakeDNS) behave(key, how string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.act[key] = how
}

// questions returns what was asked since the last call.
func (f *fakeDNS) questions() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := strings.Join(f.asked, ", ")
	f.asked = nil
	return out
}

func (f *fakeDNS) dial(_ context.Context, network, address string) (net.Conn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.act[address] == "refused" {
		return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
	}
	client, server := net.Pipe()
	go f.serve(server, network, address)
	return client, nil
}

func (f *fakeDNS) serve(conn net.Conn, network, address string) {
	defer conn.Close()
	buf := make([]byte, 65536)
	var n int
	if network == "tcp" {
		if _, err := io.ReadFull(conn, buf[:2]); err != nil {
			return
		}
		n = int(binary.BigEndian.Uint16(buf))
		if _, err := io.ReadFull(conn, buf[:n]); err != nil {
			return
		}
	} else {
		var err error
		if n, err = conn.Read(buf); err != nil {
			return
		}
	}
	q := new(dns.Msg)
	if err := q.Unpack(buf[:n]); err != nil {
		return
	}
	for _, m := range f.answer(q, network, address) {
		raw, err := m.Pack()
		if err != nil {
			return
		}
		if network == "tcp" {
			raw = append(binary.BigEndian.AppendUint16(nil, uint16(len(raw))), raw...)
		}
		if _, err := conn.Write(raw); err != nil {
			return
		}
	}
	_, _ = conn.Read(buf) // until the client has gone
}

// answer returns the messages that a server sends.
func (f *fakeDNS) answer(q *dns.Msg, network, address string) []*dns.Msg {
	name, kind := q.Question[0].Name, dns.TypeToString[q.Question[0].Qtype]
	f.mu.Lock()
	line := strings.TrimSuffix(name, ".") + " " + kind
	if network == "tcp" {
		line += " tcp"
	}
	if address != firstServer {
		line += " @" + strings.TrimSuffix(address, ":53")
	}
	f.asked = append(f.asked, line)
	f.running++
	f.most = max(f.most, f.running)
	release := f.release
	how := f.act[address] + f.act[name] + f.act[name+" "+kind]
	f.mu.Unlock()
	if release != nil {
		<-release
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.running--
	m := new(dns.Msg).SetReply(q)
	f.fill(m, name, q.Question[0].Qtype)
	foreign := m.Copy()
	switch how {
	case "silent":
		return nil
	case "server failure":
		m.Answer, m.Rcode = nil, dns.RcodeServerFailure
	case "refuses":
		m.Answer, m.Rcode = nil, dns.RcodeRefused
	case "truncates":
		if network == "udp" {
			m.Answer, m.Truncated = nil, true
		}
	case "wrong id first":
		foreign.Id++
		return []*dns.Msg{foreign, m}
	case "wrong name first":
		foreign.Question[0].Name = "evil.test."
		return []*dns.Msg{foreign, m}
	case "question first":
		foreign.Response = false
		return []*dns.Msg{foreign, m}
	case "no question":
		m.Question = nil
	case "also says of evil.test":
		evil, _ := dns.NewRR("evil.test. 60 A 6.6.6.6")
		m.Answer = append([]dns.RR{evil}, m.Answer...)
		m.Extra = append(m.Extra, evil)
	}
	return []*dns.Msg{m}
}

func (f *fakeDNS) fill(m *dns.Msg, name string, kind uint16) {
	m.Rcode = dns.RcodeNameError
	for _, rr := range f.records {
		h := rr.Header()
		if !strings.EqualFold(h.Name, name) {
			continue
		}
		m.Rcode = dns.RcodeSuccess
		if h.Rrtype == kind || h.Rrtype == dns.TypeCNAME {
			m.Answer = append(m.Answer, rr)
		}
		if alias, ok := rr.(*dns.CNAME); ok && kind != dns.TypeCNAME && f.act["aliases"] != "alone" && len(m.Answer) < 40 {
			f.fill(m, alias.Target, kind)
			m.Rcode = dns.RcodeSuccess
		}
	}
}

// newResolver returns a resolver that asks f. Its files are conf and hosts.
func newResolver(tb testing.TB, f *fakeDNS, conf, hosts string, o Options) *Resolver {
	tb.Helper()
	dir := tb.TempDir()
	o.ResolvConf, o.HostsFile = filepath.Join(dir, "resolv.conf"), filepath.Join(dir, "hosts")
	if !strings.Contains(conf, "nameserver") {
		conf += "\nnameserver 10.0.0.53\n"
	}
	write(tb, o.ResolvConf, conf)
	write(tb, o.HostsFile, hosts)
	o.dial = f.dial
	o.Environ = func(string) string { return "" }
	r, err := New(o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(r.Close)
	return r
}

func write(tb testing.TB, path, text string) {
	tb.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
}

// lookup returns the outcome of a lookup in words.
func lookup(tb testing.TB, r *Resolver, name string) string {
	tb.Helper()
	a, err := r.Lookup(tb.Context(), name)
	if err != nil {
		return describe(&Answer{Err: err})
	}
	return describe(a)
}

func cached(r *Resolver, name string) string {
	a, ok := r.Cached(name)
	if !ok {
		return "nothing"
	}
	return describe(a)
}

func describe(a *Answer) string {
	if a.Err != nil {
		if e, ok := errors.AsType[*Error](a.Err); ok && e.NotFound {
			return "not found: " + e.Text
		}
		return a.Err.Error()
	}
	var out strings.Builder
	out.WriteString(a.Type)
	for _, r := range a.Records {
		if a.Type != "SRV" {
			out.WriteString(" " + r.IP.String())
			continue
		}
		target := r.Target
		if r.IP.IsValid() {
			target = r.IP.String()
		}
		fmt.Fprintf(&out, " %s:%d/%d/%d", target, r.Port, r.Priority, r.Weight)
	}
	return out.String()
}
