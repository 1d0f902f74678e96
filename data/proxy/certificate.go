package proxy

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"runtime/debug"

	"gibbon/data/snapshot"
)

// Certificates returns what chooses a certificate for a client: plugins first, and otherwise those that are
// configured. Both have the form of tls.Config.GetCertificate.
func (p *Proxy) Certificates(configured func(*tls.ClientHelloInfo) (*tls.Certificate, error)) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if plan := p.current().Plan(nil); plan != nil {
			for _, i := range plan.Certifiers {
				if c := p.certificate(i, hello); c != nil {
					return c, nil
				}
			}
		}
		return configured(hello)
	}
}

// certificate asks one plugin. A panic ends its turn only.
func (p *Proxy) certificate(i *snapshot.Instance, hello *tls.ClientHelloInfo) (c *tls.Certificate) {
	defer func() {
		if v := recover(); v != nil {
			c = nil
			p.log.Error("a plugin's choice of a certificate was ended by a panic", slog.String("plugin", i.Plugin.Name),
				slog.String("panic", fmt.Sprint(v)), slog.String("stack", string(debug.Stack())))
		}
	}()
	return i.Certificate.Certificate(hello)
}
