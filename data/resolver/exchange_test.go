package resolver

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// TestOverTheNetwork asks a real server by UDP and, as the answer is too long,
// by TCP.
func TestOverTheNetwork(t *testing.T) {
	packet, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := packet.LocalAddr().String()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Skipf("the port is taken: %v", err)
	}
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		for i := range 100 {
			m.Answer = append(m.Answer, &dns.A{
				Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60},
				A:   net.IPv4(10, 0, 0, byte(i)),
			})
		}
		if w.LocalAddr().Network() == "udp" {
			m.Truncate(512)
		}
		_ = w.WriteMsg(m)
	})
	for _, s := range []*dns.Server{{PacketConn: packet, Handler: handler}, {Listener: listener, Handler: handler}} {
		ready := make(chan struct{})
		s.NotifyStartedFunc = func() { close(ready) }
		go func() { _ = s.ActivateAndServe() }()
		<-ready
		t.Cleanup(func() { _ = s.Shutdown() })
	}
	r, err := New(Options{Servers: []string{address}, HostsFile: "off", Order: []string{"A"}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	a, err := r.Lookup(t.Context(), "many.test")
	if err != nil || len(a.Records) != 100 {
		t.Fatalf("got %v, %v, want 100 records", a, err)
	}
}

func TestNobodyListens(t *testing.T) {
	packet, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := packet.LocalAddr().String()
	if err := packet.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := New(Options{Servers: []string{address}, HostsFile: "off", Order: []string{"A"}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	want := "failed to receive reply from UDP server " + address + ": connection refused"
	if got := lookup(t, r, "a.test"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestServerErrors(t *testing.T) {
	for code, want := range map[int]string{
		1: "dns server error: 1 format error", 2: "dns server error: 2 server failure", 3: "dns server error: 3 name error",
		4: "dns server error: 4 not implemented", 5: "dns server error: 5 refused", 9: "dns server error: 9 unknown",
	} {
		if e := serverError(code); e.Text != want || e.NotFound != (code == 3) {
			t.Errorf("code %d: %+v, want %s", code, e, want)
		}
	}
}

// FuzzAnswer reads messages as answers to a question. Whatever they are, what
// is taken from them belongs to the name asked for.
func FuzzAnswer(f *testing.F) {
	question := func(t uint16) *dns.Msg {
		q := new(dns.Msg).SetQuestion("a.test.", t)
		q.Id = 7
		return q
	}
	for _, lines := range []string{
		"a.test. 60 A 10.0.0.1\na.test. 5 A 10.0.0.2", "b.test. 6 A 10.0.0.1\na.test. 60 CNAME b.test.", "a.test. 60 CNAME b.test.",
		"a.test. 60 AAAA ::1", "a.test. 60 SRV 1 2 3 b.test.", "A.TEST. 4294967295 A 10.0.0.1", "c.test. 60 A 10.0.0.1", "a.test. 60 CH TXT x",
		"a.test. 60 CNAME b.test.\nx.test. 60 A 10.0.0.1\nb.test. 60 CNAME a.test.", "a.test. 60 CNAME .", "a.test. 60 SRV 0 0 0 .", "",
	} {
		m := new(dns.Msg).SetReply(question(dns.TypeA))
		for line := range strings.Lines(lines) {
			rr, err := dns.NewRR(line)
			if err != nil {
				f.Fatal(err)
			}
			m.Answer = append(m.Answer, rr)
		}
		raw, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw, dns.TypeA)
		f.Add(raw, dns.TypeSRV)
		f.Add(raw[:len(raw)-1], dns.TypeA)
	}
	f.Fuzz(func(t *testing.T, raw []byte, kind uint16) {
		q := question(kind)
		got, err := readReply(q, raw)
		if err != nil {
			var e *Error
			if !errors.Is(err, errForeign) && (!errors.As(err, &e) || e.Text == "") {
				t.Fatalf("unexpected error %v", err)
			}
			return
		}
		m := new(dns.Msg)
		if err := m.Unpack(raw); err != nil && !m.Truncated {
			t.Fatalf("took a message that is malformed: %v", err)
		}
		if m.Id != q.Id || !m.Response || len(m.Question) != 1 || !strings.EqualFold(m.Question[0].Name, "a.test.") {
			t.Fatalf("took %v", m)
		}
		if got.truncated != m.Truncated || got.ttl < 0 {
			t.Fatalf("%+v of %v", got, m)
		}
		// All names that aliases lead to from a.test.
		names := map[string]bool{"a.test.": true}
		for range m.Answer {
			for _, rr := range m.Answer {
				if alias, ok := rr.(*dns.CNAME); ok && names[strings.ToLower(alias.Hdr.Name)] {
					names[strings.ToLower(alias.Target)] = true
				}
			}
		}
		if got.alias != "" && !names[got.alias+"."] {
			t.Fatalf("alias %q of %v", got.alias, m)
		}
		addresses := make(map[netip.Addr]bool)
		for _, rr := range m.Answer {
			if record, ok := toRecord(rr); ok && names[strings.ToLower(rr.Header().Name)] {
				addresses[record.IP] = true
			}
		}
		for _, record := range got.records {
			if !addresses[record.IP] {
				t.Fatalf("record %+v of %v", record, m)
			}
			if (kind == dns.TypeA && !record.IP.Is4()) || (kind == dns.TypeSRV && record.Target == "" && !record.IP.IsValid()) {
				t.Fatalf("record %+v for type %d", record, kind)
			}
		}
	})
}
