package main

import (
	"crypto/tls"
	"fmt"

	"gibbon/data/certs"
)

// controlTLS is the TLS side of the Admin API, the Manager or the Status API. It shows the certificate of the
// settings for it, or the self-signed one; never those that are configured for the proxy.
func (g *gateway) controlTLS(name string) (*tls.Config, error) {
	s := g.settings
	o := certs.Options{Dir: s.Path("ssl"), Log: g.options.log}
	switch name {
	case "admin":
		o.Certificates, o.Keys = s.AdminSSLCert, s.AdminSSLCertKey
	case "manager":
		o.Certificates, o.Keys = s.AdminGUISSLCert, s.AdminGUISSLCertKey
		name = "admin_gui"
	case "status":
		o.Certificates, o.Keys = s.StatusSSLCert, s.StatusSSLCertKey
	}
	own, err := certs.Load(o)
	if err != nil {
		return nil, fmt.Errorf("certificates of %s_listen: %w", name, err)
	}
	return &tls.Config{GetCertificate: own.Get, MinVersion: tls.VersionTLS12}, nil
}
