package resolver

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/miekg/dns"
)

// query asks the servers for one type of one name, until one of them knows
// something.
func (r *Resolver) query(c *conf, name string, t uint16) (*reply, error) {
	first := 0
	if c.rotate {
		first = int(r.turn.Add(1)-1) % len(c.servers)
	}
	var failure error
	for range c.attempts {
		for i := range c.servers {
			server := c.servers[(first+i)%len(c.servers)]
			got, err := r.exchange(c, server, name, t)
			if r.ctx.Err() != nil {
				return nil, r.ctx.Err()
			}
			var e *Error
			if err == nil || errors.As(err, &e) && (e.NotFound || e.Text == textRecursion) {
				return got, err
			}
			r.o.Log.Debug("dns server does not answer", "server", server, "name", name, "type", dns.TypeToString[t], "error", err)
			failure = err
		}
	}
	return nil, failure
}

// exchange asks one server, by TCP when the answer is too long for UDP.
func (r *Resolver) exchange(c *conf, server, name string, t uint16) (*reply, error) {
	ctx, cancel := context.WithTimeout(r.ctx, c.timeout)
	defer cancel()
	q := new(dns.Msg)
	q.SetQuestion(dns.Fqdn(name), t) // with a random id
	raw, err := q.Pack()
	if err != nil {
		return nil, &Error{Text: textInvalidName, NotFound: true}
	}
	got, err := r.send(ctx, "udp", server, q, raw)
	if err == nil && got.truncated {
		got, err = r.send(ctx, "tcp", server, q, raw)
	}
	return got, err
}

// send asks one server by one protocol.
func (r *Resolver) send(ctx context.Context, network, server string, q *dns.Msg, raw []byte) (*reply, error) {
	conn, err := r.o.dial(ctx, network, server)
	if err != nil {
		return nil, unanswered(network, server, err)
	}
	defer func() { _ = conn.Close() }() // nothing depends on it
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	var got *reply
	if network == "tcp" {
		got, err = overTCP(conn, q, raw)
	} else {
		got, err = overUDP(conn, q, raw)
	}
	var e *Error
	if err != nil && !errors.As(err, &e) {
		return nil, unanswered(network, server, err)
	}
	return got, err
}

// overUDP waits for the answer to q. Datagrams that are not it may come from
// anybody, so they are passed over.
func overUDP(conn net.Conn, q *dns.Msg, raw []byte) (*reply, error) {
	if _, err := conn.Write(raw); err != nil {
		return nil, err
	}
	buf := make([]byte, maxDatagram)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return nil, err
		}
		if got, err := readReply(q, buf[:n]); !errors.Is(err, errForeign) {
			return got, err
		}
	}
}

func overTCP(conn net.Conn, q *dns.Msg, raw []byte) (*reply, error) {
	framed := binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(raw)), uint16(len(raw)))
	if _, err := conn.Write(append(framed, raw...)); err != nil {
		return nil, err
	}
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return nil, err
	}
	buf := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(conn, buf); err != nil {
		return nil, err
	}
	got, err := readReply(q, buf)
	if err == nil && got.truncated {
		err = errForeign // there is nothing longer than what TCP carries
	}
	return got, err
}

// unanswered says that a server could not be asked.
func unanswered(network, server string, err error) *Error {
	reason := err.Error()
	var netErr net.Error
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		reason = errno.Error() // without our port
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) ||
		errors.As(err, &netErr) && netErr.Timeout() {
		reason = "timeout"
	}
	return &Error{Text: fmt.Sprintf("failed to receive reply from %s server %s: %s", strings.ToUpper(network), server, reason)}
}

const (
	maxDatagram = 4096 // bytes of an answer by UDP; we do not ask for more than 512
	maxRecords  = 4096 // of an answer
)

// errForeign says that a message is not the answer to our question.
var errForeign = errors.New("not an answer to the question")

// A reply is what a server's answer says about a name.
type reply struct {
	records   []Record      // of the type asked for
	alias     string        // without records: the name to ask for instead, in lower case, without trailing dot
	ttl       time.Duration // the least of the records' and of the aliases' on the way
	truncated bool          // the answer has to be asked for by TCP
}

// readReply reads the answer to q. It takes nothing that was not asked for:
// records of other names than the one in question and those that its aliases
// lead to are passed over, and so are all sections but the answer. The error is
// an *Error, or errForeign for messages that are malformed or the answer to
// something else.
func readReply(q *dns.Msg, raw []byte) (*reply, error) {
	m := new(dns.Msg)
	if err := m.Unpack(raw); err != nil && !m.Truncated {
		return nil, errForeign
	}
	if !m.Response || m.Id != q.Id || m.Opcode != dns.OpcodeQuery || len(m.Question) != 1 {
		return nil, errForeign
	}
	asked, echoed := &q.Question[0], &m.Question[0]
	if echoed.Qtype != asked.Qtype || echoed.Qclass != asked.Qclass || !strings.EqualFold(echoed.Name, asked.Name) {
		return nil, errForeign
	}
	switch {
	case m.Truncated:
		return &reply{truncated: true}, nil
	case m.Rcode != dns.RcodeSuccess:
		return nil, serverError(m.Rcode)
	case len(m.Answer) > maxRecords:
		return nil, &Error{Text: "dns client error: too many records"}
	}
	return readAnswer(m.Answer, asked)
}

// readAnswer follows the aliases within an answer as far as they go.
func readAnswer(answer []dns.RR, asked *dns.Question) (*reply, error) {
	got := &reply{ttl: forever}
	name := strings.ToLower(asked.Name)
	for range maxAliases {
		next := ""
		for _, rr := range answer {
			h := rr.Header()
			if h.Class != dns.ClassINET || !strings.EqualFold(h.Name, name) {
				continue
			}
			if record, ok := toRecord(rr); ok && h.Rrtype == asked.Qtype {
				got.records = append(got.records, record)
				got.ttl = min(got.ttl, ttlOf(h))
			} else if alias, ok := rr.(*dns.CNAME); ok && next == "" {
				next = strings.ToLower(alias.Target)
				got.ttl = min(got.ttl, ttlOf(h))
			}
		}
		if len(got.records) > 0 || next == "" {
			return got, nil
		}
		if _, ok := dns.IsDomainName(next); !ok || next == "." {
			return nil, &Error{Text: textEmpty, NotFound: true}
		}
		if next == name {
			return nil, &Error{Text: textRecursion}
		}
		name, got.alias = next, strings.TrimSuffix(next, ".")
	}
	return nil, &Error{Text: textRecursion}
}

// ttlOf returns the TTL of a record. One with the highest bit set counts as 0
// (RFC 2181, section 8).
func ttlOf(h *dns.RR_Header) time.Duration {
	if h.Ttl > 1<<31-1 {
		return 0
	}
	return time.Duration(h.Ttl) * time.Second
}

// toRecord is false for records that say nothing of use.
func toRecord(rr dns.RR) (Record, bool) {
	switch rr := rr.(type) {
	case *dns.A:
		ip, ok := netip.AddrFromSlice(rr.A.To4())
		return Record{IP: ip}, ok
	case *dns.AAAA:
		ip, ok := netip.AddrFromSlice(rr.AAAA.To16())
		return Record{IP: ip.Unmap()}, ok
	case *dns.SRV:
		target := strings.ToLower(strings.TrimSuffix(rr.Target, "."))
		record := Record{Target: target, Port: rr.Port, Weight: rr.Weight, Priority: rr.Priority}
		if ip, err := netip.ParseAddr(target); err == nil {
			record.IP, record.Target = ip, ""
		}
		return record, target != "" // "." says that there is no such service
	}
	return Record{}, false
}
