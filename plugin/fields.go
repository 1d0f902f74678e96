package plugin

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"

	"gibbon/entity"
	"gibbon/schema"
)

// HeaderName declares the name of a header.
func HeaderName(name string, p *string) *schema.Value[string] {
	return schema.String(name, p).Check(entity.CheckHeaderName).Doc("The name of a header.")
}

// URL declares an address of the form scheme://host[:port][/path].
func URL(name string, p *string) *schema.Value[string] {
	return schema.String(name, p).Check(checkURL).Doc("A URL.")
}

var (
	errURL    = errors.New("could not parse url. it is none")
	errHost   = errors.New("missing host in url")
	errScheme = errors.New("missing scheme in url")
)

func checkURL(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return errURL
	case u.Host == "":
		return errHost
	case u.Scheme == "":
		return errScheme
	}
	return nil
}

// IPOrCIDR declares an element that is an address or a block of addresses.
func IPOrCIDR(p *string) *schema.Value[string] {
	return schema.String("", p).Check(func(s string) error {
		if _, err := ParseBlock(s); err != nil {
			return fmt.Errorf("invalid ip or cidr range: '%s'", s)
		}
		return nil
	}).Doc("An address, or a block like 10.0.0.0/8.")
}

// ParseBlock parses an address or a block of addresses.
func ParseBlock(s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return p, fmt.Errorf("parse a block of addresses: %w", err)
	}
	return p.Masked(), nil
}

// Text declares an element that is any text but an empty one.
func Text(p *string) *schema.Value[string] { return schema.String("", p) }

// Anonymous declares the consumer of requests without valid credentials; see OrAnonymous.
func Anonymous(p *string) *schema.Value[string] {
	return schema.String("anonymous", p).
		Doc("The id or the username of the consumer in whose name requests without valid credentials go on. Without one they are refused.")
}
