package settings

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// A Listener is one entry of a listen property, such as "0.0.0.0:8443 http2 ssl".
type Listener struct {
	Host          string // an address, IPv6 without brackets, or a host name
	Port          uint16 // 0: any free one
	UDP           bool   // streams only
	SSL           bool
	HTTP2         bool
	ProxyProtocol bool
	Deferred      bool
	Bind          bool
	ReusePort     bool
	Backlog       int    // 0: the system's
	IPv6Only      string // on, off or empty
	KeepAlive     string // so_keepalive: on, off, idle:interval:count or empty
}

const listenForm = "must be of form: [off] | <ip>:<port> %s[ssl] %s[proxy_protocol] %s[bind] [reuseport] " +
	"[backlog=<number>] [ipv6only=on|off] [so_keepalive=on|off|<idle>:<interval>:<count>], [... next entry ...]; %s in '%s'"

// parseListeners reads the value of a listen property. Each fault names its entry.
func parseListeners(text string, stream bool) ([]Listener, error) {
	entries := split(text)
	if len(entries) == 0 || len(entries) == 1 && entries[0] == "off" {
		return nil, nil
	}
	var parsed []Listener
	for _, entry := range entries {
		l, err := parseListener(entry, stream)
		if err != nil {
			udp, http2, deferred := "", "[http2] ", "[deferred] "
			if stream {
				udp, http2, deferred = "[udp] ", "", ""
			}
			return nil, fmt.Errorf(listenForm, udp, http2, deferred, err, entry)
		}
		if l.Port != 0 && slices.ContainsFunc(parsed, l.clashes) {
			return nil, fmt.Errorf("names %s twice", l.Address())
		}
		parsed = append(parsed, l)
	}
	return parsed, nil
}

func (l Listener) clashes(other Listener) bool {
	return l.Host == other.Host && l.Port == other.Port && l.UDP == other.UDP
}

func parseListener(entry string, stream bool) (Listener, error) {
	fields := strings.Fields(entry)
	l, err := parseAddress(fields[0])
	if err != nil {
		return Listener{}, err
	}
	for i, flag := range fields[1:] {
		name, value, hasValue := strings.Cut(flag, "=")
		for _, earlier := range fields[1 : 1+i] {
			if before, _, _ := strings.Cut(earlier, "="); before == name {
				return Listener{}, fmt.Errorf("'%s' is given twice", name)
			}
		}
		if hasValue {
			err = l.setValue(name, value)
		} else {
			err = l.setFlag(name, stream)
		}
		if err != nil {
			return Listener{}, err
		}
	}
	return l, nil
}

// parseAddress reads ip:port, [ipv6]:port or name:port.
func parseAddress(text string) (Listener, error) {
	host, portText, err := net.SplitHostPort(text)
	if err != nil {
		return Listener{}, errors.New("no address and port")
	}
	port, err := parsePort(portText)
	if err != nil {
		return Listener{}, fmt.Errorf("bad port '%s'", portText)
	}
	if addr, err := netip.ParseAddr(host); err == nil && addr.Zone() == "" {
		if addr.Is6() != strings.HasPrefix(text, "[") {
			return Listener{}, fmt.Errorf("bad address '%s'", host)
		}
		return Listener{Host: addr.String(), Port: port}, nil
	}
	if !validHostName(host) {
		return Listener{}, fmt.Errorf("bad address '%s'", host)
	}
	return Listener{Host: host, Port: port}, nil
}

// validHostName takes letters, digits, hyphens and dots (RFC 1123). What looks like a
// mistyped IPv4 address, digits and dots only, is none.
func validHostName(name string) bool {
	if name == "" || len(name) > 253 || strings.Trim(name, "0123456789.") == "" {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range []byte(label) {
			if !letterOrDigit(c) && c != '-' {
				return false
			}
		}
	}
	return true
}

func (l *Listener) setFlag(name string, stream bool) error {
	switch {
	case name == "ssl":
		l.SSL = true
	case name == "proxy_protocol":
		l.ProxyProtocol = true
	case name == "bind":
		l.Bind = true
	case name == "reuseport":
		l.ReusePort = true
	case name == "udp" && stream:
		l.UDP = true
	case name == "http2" && !stream:
		l.HTTP2 = true
	case name == "deferred" && !stream:
		l.Deferred = true
	default:
		return fmt.Errorf("unknown flag '%s'", name)
	}
	return nil
}

func (l *Listener) setValue(name, value string) error {
	switch name {
	case "backlog":
		n, err := strconv.ParseUint(value, 10, 31)
		if err != nil || n == 0 || strings.HasPrefix(value, "+") {
			return fmt.Errorf("bad backlog '%s'", value)
		}
		l.Backlog = int(n)
	case "ipv6only":
		if value != "on" && value != "off" {
			return fmt.Errorf("bad ipv6only '%s'", value)
		}
		l.IPv6Only = value
	case "so_keepalive":
		if !validKeepAlive(value) {
			return fmt.Errorf("bad so_keepalive '%s'", value)
		}
		l.KeepAlive = value
	default:
		return fmt.Errorf("unknown flag '%s'", name)
	}
	return nil
}

// validKeepAlive takes on, off or idle:interval:count, of which any may be left out.
func validKeepAlive(value string) bool {
	if value == "on" || value == "off" {
		return true
	}
	parts := strings.Split(value, ":")
	if len(parts) != 3 || value == "::" {
		return false
	}
	for i, part := range parts {
		if part == "" {
			continue
		}
		if _, err := strconv.ParseUint(part, 10, 31); err == nil {
			continue
		}
		if _, err := parseDuration(part); err != nil || i == 2 {
			return false
		}
	}
	return true
}

// Address returns host and port as net.Listen takes them.
func (l *Listener) Address() string {
	return net.JoinHostPort(l.Host, strconv.Itoa(int(l.Port)))
}

// String returns the entry as it would be written.
func (l *Listener) String() string {
	flags := l.flags()
	if l.HTTP2 {
		flags = slices.Insert(flags, slices.Index(flags, "ssl")+1, "http2")
	}
	return strings.Join(append([]string{l.Address()}, flags...), " ")
}

// flags lists the flags in the reference's order, http2 aside: there it is no flag of the
// socket.
func (l *Listener) flags() []string {
	var flags []string
	add := func(set bool, flag string) {
		if set {
			flags = append(flags, flag)
		}
	}
	add(l.UDP, "udp")
	add(l.SSL, "ssl")
	add(l.ProxyProtocol, "proxy_protocol")
	add(l.Deferred, "deferred")
	add(l.Bind, "bind")
	add(l.ReusePort, "reuseport")
	add(l.Backlog != 0, "backlog="+strconv.Itoa(l.Backlog))
	add(l.IPv6Only != "", "ipv6only="+l.IPv6Only)
	add(l.KeepAlive != "", "so_keepalive="+l.KeepAlive)
	return flags
}

// shown is the object that GET / prints for a listener. Its keys are patterns, as clients
// know them.
func (l *Listener) shown(stream bool) map[string]any {
	host := l.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	object := map[string]any{
		"ip":                       host,
		"port":                     l.Port,
		"listener":                 strings.Join(append([]string{l.Address()}, l.flags()...), " "),
		"ssl":                      l.SSL,
		"proxy_protocol":           l.ProxyProtocol,
		"bind":                     l.Bind,
		"reuseport":                l.ReusePort,
		"backlog=%d+":              l.Backlog != 0,
		"ipv6only=on":              l.IPv6Only == "on",
		"ipv6only=off":             l.IPv6Only == "off",
		"so_keepalive=on":          l.KeepAlive == "on",
		"so_keepalive=off":         l.KeepAlive == "off",
		"so_keepalive=%w*:%w*:%d*": strings.Contains(l.KeepAlive, ":"),
	}
	if stream {
		object["udp"] = l.UDP
	} else {
		object["http2"], object["deferred"] = l.HTTP2, l.Deferred
	}
	return object
}
