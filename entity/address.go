package entity

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// An address is a host name or an IP address, maybe with a port.
type address struct {
	host    string // normal form; IPv6 in brackets
	isIP    bool
	hasPort bool
	port    int
}

var errPort = errors.New("invalid port number")

// parseAddress takes host, host:port, an IPv4 address with or without port, and
// an IPv6 address, in brackets if there is a port. Several colons make it IPv6,
// digits and dots alone make it IPv4: such a text is never a host name.
func parseAddress(s string) (address, error) {
	if strings.Count(s, ":") > 1 {
		return parseIPv6(s)
	}
	var a address
	name, portText, hasPort := strings.Cut(s, ":")
	isIPv4 := name != "" && strings.Trim(name, "0123456789.") == ""
	switch {
	case isIPv4:
		a.host, a.isIP = normalIPv4(name), true
		if a.host == "" {
			return a, fmt.Errorf("invalid ipv4 address: %s", s)
		}
	case !isHostname(name), hasPort && strings.Trim(portText, "0123456789") != "":
		return a, fmt.Errorf("invalid hostname: %s", s)
	default:
		a.host = name
	}
	if hasPort {
		return a.withPort(portText)
	}
	return a, nil
}

func parseIPv6(s string) (address, error) {
	var a address
	text, rest := s, ""
	if inner, ok := strings.CutPrefix(s, "["); ok {
		text, rest, ok = strings.Cut(inner, "]")
		if !ok {
			return a, fmt.Errorf("invalid ipv6 address: %s", s)
		}
	}
	ip, err := netip.ParseAddr(text)
	if err != nil || !ip.Is6() || ip.Zone() != "" {
		return a, fmt.Errorf("invalid ipv6 address: %s", s)
	}
	a.host, a.isIP = "["+ip.StringExpanded()+"]", true
	if ip.Is4In6() {
		a.host = "[" + expanded(ip) + "]"
	}
	if rest == "" {
		return a, nil
	}
	portText, ok := strings.CutPrefix(rest, ":")
	if !ok {
		return a, errPort
	}
	return a.withPort(portText)
}

// expanded writes an IPv6 address in eight groups, also one that holds an IPv4
// address.
func expanded(ip netip.Addr) string {
	b := ip.As16()
	groups := make([]string, 8)
	for i := range groups {
		groups[i] = fmt.Sprintf("%02x%02x", b[2*i], b[2*i+1])
	}
	return strings.Join(groups, ":")
}

func (a address) withPort(text string) (address, error) {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return a, errPort
	}
	a.hasPort, a.port = true, int(n)
	return a, nil
}

// normalIPv4 drops leading zeros; it returns "" for what is no address.
func normalIPv4(s string) string {
	parts := strings.Split(s, ".")
	if len(parts) != 4 {
		return ""
	}
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 8)
		if err != nil {
			return ""
		}
		parts[i] = strconv.FormatUint(n, 10)
	}
	return strings.Join(parts, ".")
}

// isHostname is lenient as the reference is: underscores and labels beginning
// with a dash pass, and so does a final dot.
func isHostname(s string) bool {
	s = strings.TrimSuffix(s, ".")
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || label[len(label)-1] == '-' {
			return false
		}
		for i := range len(label) {
			if c := label[i]; !isAlphanumeric(c) && c != '-' && c != '_' {
				return false
			}
		}
	}
	return true
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// CheckHost wants a host name or an address, without a port.
func CheckHost(s string) error {
	a, err := parseAddress(s)
	switch {
	case err != nil:
		return fmt.Errorf("invalid value: %s", s)
	case a.hasPort:
		return errors.New("must not have a port")
	}
	return nil
}

func checkHostAndPort(s string) error {
	_, err := parseAddress(s)
	return err
}

// checkRouteHost is checkHostAndPort for a host in which one label may be a
// wildcard; where it may stand is told by patterns.
func checkRouteHost(s string) error {
	if _, err := parseAddress(strings.Replace(s, "*", "wildcard", 1)); err != nil {
		if errors.Is(err, errPort) {
			return err
		}
		return fmt.Errorf("invalid hostname: %s", s)
	}
	return nil
}

// CheckSNI wants a host name: addresses and ports have no place in a TLS handshake.
func CheckSNI(s string) error {
	a, err := parseAddress(s)
	switch {
	case err != nil:
		return fmt.Errorf("invalid value: %s", s)
	case a.isIP:
		return errors.New("must not be an IP")
	case a.hasPort:
		return errors.New("must not have a port")
	}
	return nil
}

func checkWildcardHost(s string) error {
	i := strings.IndexByte(s, '*')
	switch {
	case i < 0:
		return CheckSNI(s)
	case i > 0 && i < len(s)-1:
		return errors.New("wildcard must be leftmost or rightmost character")
	case strings.Count(s, "*") > 1:
		return errors.New("only one wildcard must be specified")
	}
	if err := CheckSNI(strings.Replace(s, "*", "x", 1)); err != nil {
		if strings.HasPrefix(err.Error(), "invalid value") {
			return fmt.Errorf("invalid value: %s", s)
		}
		return err
	}
	return nil
}

func checkIPOrCIDR(s string) error {
	if _, err := netip.ParseAddr(s); err == nil {
		return nil
	}
	if _, err := netip.ParsePrefix(s); err == nil {
		return nil
	}
	return fmt.Errorf("invalid ip or cidr range: '%s'", s)
}
