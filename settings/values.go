package settings

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// split cuts a comma separated list and trims its items; empty items are left out.
func split(text string) []string {
	var items []string
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

func parseBool(text string) (bool, error) {
	switch strings.ToLower(text) {
	case "on", "true", "yes":
		return true, nil
	case "off", "false", "no":
		return false, nil
	}
	return false, typeError{"boolean", text}
}

var errSyntax = errors.New("invalid syntax")

// parseDecimal takes plain decimals only: no exponent, no infinity, no hexadecimal.
func parseDecimal(text string) (float64, error) {
	if strings.Trim(text, "-.0123456789") != "" {
		return 0, errSyntax
	}
	return strconv.ParseFloat(text, 64)
}

// parseSize reads digits and an optional k, m or g (powers of 1024).
func parseSize(text string) (int64, error) {
	digits := strings.TrimRight(text, "kKmMgG")
	factor := uint64(1)
	switch strings.ToLower(text[len(digits):]) {
	case "":
	case "k":
		factor = 1 << 10
	case "m":
		factor = 1 << 20
	case "g":
		factor = 1 << 30
	default:
		return 0, errSyntax
	}
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil || n > math.MaxInt64/factor {
		return 0, errSyntax
	}
	return int64(n * factor), nil
}

// parseDuration reads digits and a unit: ms, s, m, h, d, w, M (30 days) or y (365 days);
// several may follow each other, as in 1h30m, and seconds are meant when none is given.
func parseDuration(text string) (time.Duration, error) {
	if text == "" {
		return 0, errSyntax
	}
	var total time.Duration
	for rest := text; rest != ""; {
		end := 0
		for end < len(rest) && '0' <= rest[end] && rest[end] <= '9' {
			end++
		}
		n, err := strconv.ParseInt(rest[:end], 10, 32)
		if err != nil {
			return 0, errSyntax
		}
		rest = rest[end:]
		end = 0
		for end < len(rest) && (rest[end] < '0' || rest[end] > '9') {
			end++
		}
		unit, ok := timeUnit(strings.TrimSpace(rest[:end]))
		if !ok || time.Duration(n) > (math.MaxInt64-total)/unit {
			return 0, errSyntax
		}
		total += time.Duration(n) * unit
		rest = rest[end:]
	}
	return total, nil
}

func timeUnit(name string) (time.Duration, bool) {
	const day = 24 * time.Hour
	switch name {
	case "ms":
		return time.Millisecond, true
	case "s", "":
		return time.Second, true
	case "m":
		return time.Minute, true
	case "h":
		return time.Hour, true
	case "d":
		return day, true
	case "w":
		return 7 * day, true
	case "M":
		return 30 * day, true
	case "y":
		return 365 * day, true
	}
	return 0, false
}

// parseLog reads a path and perhaps the name of a format. The path stays relative.
func parseLog(text string) (Log, error) {
	fields := strings.Fields(text)
	switch {
	case len(fields) == 0, len(fields) == 1 && fields[0] == "off":
		return Log{}, nil
	case len(fields) == 1:
		return Log{Path: fields[0]}, nil
	case len(fields) == 2:
		return Log{Path: fields[0], Format: fields[1]}, nil
	}
	return Log{}, fmt.Errorf("must be of form: off | <path> [<format>], got '%s'", text)
}

// Headers says which of the gateway's own headers are added.
type Headers struct {
	Server          bool
	Via             bool
	ProxyLatency    bool // X-Kong-Proxy-Latency
	ResponseLatency bool // X-Kong-Response-Latency
	UpstreamLatency bool // X-Kong-Upstream-Latency
	AdminLatency    bool // X-Kong-Admin-Latency
	UpstreamStatus  bool // X-Kong-Upstream-Status
	RequestID       bool // X-Kong-Request-Id
}

// named lists the headers as GET / names them.
func (h *Headers) named() map[string]*bool {
	return map[string]*bool{
		"Server":                  &h.Server,
		"Via":                     &h.Via,
		"X-Kong-Proxy-Latency":    &h.ProxyLatency,
		"X-Kong-Response-Latency": &h.ResponseLatency,
		"X-Kong-Upstream-Latency": &h.UpstreamLatency,
		"X-Kong-Admin-Latency":    &h.AdminLatency,
		"X-Kong-Upstream-Status":  &h.UpstreamStatus,
		"X-Kong-Request-Id":       &h.RequestID,
	}
}

// headers declares a list of headers, by their own names or by the names of groups.
func headers(name string, v *Headers, accepted ...string) *property {
	return &property{name: name, kind: "array", set: func(text string) (any, error) {
		var parsed Headers
		items := split(text)
		for i, item := range items {
			items[i] = strings.ToLower(item)
			if !containsFold(accepted, item) {
				return nil, fmt.Errorf("has an invalid value: '%s' (%s)", item, strings.Join(accepted, ", "))
			}
			parsed.enable(items[i])
		}
		*v = parsed
		return shownList(items), nil
	}}
}

func containsFold(list []string, item string) bool {
	for _, s := range list {
		if strings.EqualFold(s, item) {
			return true
		}
	}
	return false
}

// enable takes a name in lower case; off takes everything back.
func (h *Headers) enable(item string) {
	switch item {
	case "off":
		*h = Headers{}
	case "server_tokens":
		h.Server, h.Via = true, true
	case "latency_tokens":
		h.ProxyLatency, h.ResponseLatency, h.UpstreamLatency, h.AdminLatency = true, true, true, true
	}
	for name, v := range h.named() {
		if strings.EqualFold(name, item) {
			*v = true
		}
	}
}

// TrustedIPs are the peers whose forwarding headers are believed.
type TrustedIPs struct {
	Prefixes []netip.Prefix
	Unix     bool // peers on Unix sockets
}

// Contains reports whether addr is trusted. It does not allocate.
func (t *TrustedIPs) Contains(addr netip.Addr) bool {
	addr = addr.Unmap()
	for _, p := range t.Prefixes {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

func trustedIPs(name string, v *TrustedIPs) *property {
	return &property{name: name, kind: "array", set: func(text string) (any, error) {
		parsed, items := TrustedIPs{}, split(text)
		for _, item := range items {
			if item == "unix:" {
				parsed.Unix = true
				continue
			}
			prefix, err := parsePrefix(item)
			if err != nil {
				return nil, fmt.Errorf("must be a comma separated list in the form of IPv4 or IPv6 address or CIDR block or 'unix:', got '%s'", item)
			}
			parsed.Prefixes = append(parsed.Prefixes, prefix)
		}
		*v = parsed
		return shownList(items), nil
	}}
}

// parsePrefix reads an address or a CIDR block, whose host bits are ignored.
func parsePrefix(text string) (netip.Prefix, error) {
	if !strings.Contains(text, "/") {
		addr, err := netip.ParseAddr(text)
		if err != nil || addr.Zone() != "" {
			return netip.Prefix{}, errSyntax
		}
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, err
	}
	if addr := prefix.Addr(); addr.Is4In6() && prefix.Bits() >= 96 {
		prefix = netip.PrefixFrom(addr.Unmap(), prefix.Bits()-96)
	}
	return prefix.Masked(), nil
}

// portMaps declares pairs outside:inside; the value is keyed by the inside port.
func portMaps(name string, v *map[uint16]uint16) *property {
	return &property{name: name, kind: "array", set: func(text string) (any, error) {
		parsed, items := map[uint16]uint16{}, split(text)
		for _, item := range items {
			outside, inside, _ := strings.Cut(item, ":")
			from, err := parsePort(outside)
			to, err2 := parsePort(inside)
			if err != nil || err2 != nil || from == 0 || to == 0 {
				return nil, fmt.Errorf("must be of form: <outside>:<inside>, got '%s'", item)
			}
			parsed[to] = from
		}
		*v = parsed
		return shownList(items), nil
	}}
}

func parsePort(text string) (uint16, error) {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return 0, errSyntax
	}
	n, err := strconv.ParseUint(text, 10, 16)
	return uint16(n), err
}
