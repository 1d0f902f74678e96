package gateway

import (
	"context"
	"net"

	"github.com/miekg/dns"
)

// nameServer is a DNS server that knows no name.
type nameServer struct {
	address string
	server  *dns.Server
}

// serveNames listens on a UDP port of host.
func serveNames(host string) (*nameServer, error) {
	var config net.ListenConfig
	packets, err := config.ListenPacket(context.Background(), "udp", net.JoinHostPort(host, "0"))
	if err != nil {
		return nil, err
	}
	unknown := dns.HandlerFunc(func(w dns.ResponseWriter, query *dns.Msg) {
		_ = w.WriteMsg(new(dns.Msg).SetRcode(query, dns.RcodeNameError)) // a lost answer is asked for again
	})
	n := &nameServer{address: packets.LocalAddr().String(), server: &dns.Server{PacketConn: packets, Handler: unknown}}
	go func() { _ = n.server.ActivateAndServe() }() // ends with Close
	return n, nil
}

// Close stops the server.
func (n *nameServer) Close() error { return n.server.PacketConn.Close() }
