package main

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"strings"
	"testing"
	"time"

	"gibbon/control/events"
	"gibbon/data/certs"
)

func TestCertificatesThatRunOutAreTold(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	ends := start.Add(40 * 24 * time.Hour)
	bus := events.New(start, events.Options{})
	s, err := bus.Subscribe(events.Interest{Topics: []string{events.Certificates}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	w := &expiryWatch{bus: bus, told: map[expiring]int{}, leaves: func() []certs.Leaf {
		return []certs.Leaf{{Kind: "certificates", ID: "c", Certificate: &x509.Certificate{
			Subject: pkix.Name{CommonName: "shop.test"}, DNSNames: []string{"shop.test"}, NotAfter: ends,
		}}}
	}}
	for day := range 43 {
		w.look(start.Add(time.Duration(day) * 24 * time.Hour))
	}
	ends = ends.Add(90 * 24 * time.Hour)
	w.look(start.Add(50 * 24 * time.Hour))
	list, err := s.Take(nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range list[1:] {
		_, rest, _ := strings.Cut(string(m.Data), `"days":`)
		got = append(got, strings.TrimSuffix(rest, `"}`))
	}
	want := `30,"state":"expires_soon 14,"state":"expires_soon 7,"state":"expires_soon 3,"state":"expires_soon 1,"state":"expires_soon ` +
		`0,"state":"expired 80,"state":"valid`
	if text := strings.Join(got, " "); text != want {
		t.Errorf("told\n%s\nwant\n%s", text, want)
	}
}
