package proxy

import (
	"crypto/tls"
	"errors"
	"fmt"
	"testing"

	"gibbon/plugin"
	"gibbon/schema"
)

// certifier is settings of a plugin that chooses certificates.
type certifier struct{ Do string }

func (c *certifier) Fields() schema.Fields { return schema.Fields{schema.String("do", &c.Do)} }

func (c *certifier) Certificate(hello *tls.ClientHelloInfo) *tls.Certificate {
	switch {
	case c.Do == "panic":
		panic("told to")
	case hello.ServerName == c.Do:
		return &tls.Certificate{Certificate: [][]byte{[]byte("of the plugin")}}
	}
	return nil
}

var _ plugin.Certifier = (*certifier)(nil)

func TestPluginsChooseCertificates(t *testing.T) {
	errNone := errors.New("none is configured")
	configured := func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if hello.ServerName == "none.test" {
			return nil, errNone
		}
		return &tls.Certificate{Certificate: [][]byte{[]byte("configured")}}, nil
	}
	tests := []struct {
		name, server string
		plugins      []string
		want         string
	}{
		{"without plugins", "a.test", nil, "configured"},
		{"a plugin without this phase", "a.test", []string{`probe {"do":"nothing"}`}, "configured"},
		{"its own", "a.test", []string{`certifier {"do":"a.test"}`}, "of the plugin"},
		{"it has no opinion", "b.test", []string{`certifier {"do":"a.test"}`}, "configured"},
		{"it has none, and no other is there", "none.test", []string{`certifier {"do":"a.test"}`}, errNone.Error()},
		{"panic", "a.test", []string{`certifier {"do":"panic"}`}, "configured"},
		{"only plugins for all requests", "a.test", []string{`certifier@c1 {"do":"a.test"}`}, "configured"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := newGateway(t)
			g.configure(t, nil)
			g.plug(t, tt.plugins...)
			c, err := g.proxy.Certificates(configured)(&tls.ClientHelloInfo{ServerName: tt.server})
			got := fmt.Sprint(err)
			if err == nil {
				got = string(c.Certificate[0])
			}
			if got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}
