package resolver

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"
)

// files is what resolv.conf and the hosts file say.
type files struct {
	conf            conf
	hosts           map[string]*Answer // by name in lower case
	confAt, hostsAt stamp
}

// A stamp tells one version of a file from another.
type stamp struct {
	modified time.Time
	size     int64
}

// conf is resolv.conf, see resolv.conf(5).
type conf struct {
	servers  []string // host:port
	search   []string // in lower case, without trailing dot
	ndots    int
	timeout  time.Duration // for one try at one server
	attempts int
	rotate   bool
}

// watchInterval is how often the files are looked at.
const watchInterval = 5 * time.Second

// watch reads the files anew when they have changed.
func (r *Resolver) watch() {
	defer close(r.done)
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			r.files.Store(r.readFiles(r.files.Load()))
		case <-r.ctx.Done():
			return
		}
	}
}

// readFiles returns what the files say now; old is what is known of them.
func (r *Resolver) readFiles(old *files) *files {
	next := new(files)
	if old != nil {
		*next = *old
	}
	text, at, changed := r.read(r.o.ResolvConf, next.confAt, old == nil)
	if changed {
		next.conf, next.confAt = parseConf(text, r.o.Environ), at
		if len(r.o.Servers) > 0 {
			next.conf.servers = r.o.Servers
		}
	}
	if r.o.HostsFile == "off" {
		if old == nil {
			next.hosts = parseHosts("")
		}
		return next
	}
	if text, at, changed = r.read(r.o.HostsFile, next.hostsAt, old == nil); changed {
		next.hosts, next.hostsAt = parseHosts(text), at
	}
	return next
}

// read returns the text of a file unless it is the version known. A file that
// cannot be read is left as it was, or empty the first time.
func (r *Resolver) read(path string, known stamp, first bool) (string, stamp, bool) {
	info, err := os.Stat(path)
	if err == nil {
		at := stamp{info.ModTime(), info.Size()}
		if at == known {
			return "", known, false
		}
		var text []byte
		if text, err = os.ReadFile(path); err == nil {
			return string(text), at, true
		}
	}
	if first && !errors.Is(err, fs.ErrNotExist) {
		r.o.Log.Warn("cannot read a file for resolving names", "path", path, "error", err)
	}
	return "", known, first
}

// host returns what the hosts file has for a key, or nil.
func (f *files) host(key []byte) *Answer {
	if n := len(key); key[n-1] == '.' {
		key = key[:n-1]
	}
	return f.hosts[string(key)]
}

// parseHosts reads a hosts file, see hosts(5). A name with addresses of both
// families stands for the IPv4 ones. Lines that make no sense are passed over.
func parseHosts(text string) map[string]*Answer {
	v4, v6 := make(map[string][]Record), make(map[string][]Record)
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		ip, err := netip.ParseAddr(fields[0])
		if err != nil {
			continue
		}
		ip = ip.Unmap()
		for _, name := range fields[1:] {
			key, ok := appendKey(nil, strings.TrimSuffix(name, "."))
			if !ok {
				continue
			}
			family := v6
			if ip.Is4() {
				family = v4
			}
			family[string(key)] = append(family[string(key)], Record{IP: ip})
		}
	}
	if v4["localhost"] == nil && v6["localhost"] == nil {
		v4["localhost"] = []Record{{IP: netip.AddrFrom4([4]byte{127, 0, 0, 1})}}
	}
	hosts := make(map[string]*Answer, len(v4))
	for name, records := range v6 {
		hosts[name] = newAnswer(name, typeAAAA, records, forever)
	}
	for name, records := range v4 {
		hosts[name] = newAnswer(name, typeA, records, forever)
	}
	return hosts
}

// parseConf reads resolv.conf, with what the environment overrides. Values out
// of range are cut to the ranges of resolv.conf(5).
func parseConf(text string, environ func(string) string) conf {
	c := conf{ndots: 1, timeout: 5 * time.Second, attempts: 2}
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		line := lines.Text()
		if strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") {
			continue
		}
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		switch fields[0] {
		case "nameserver":
			if server, err := parseServer(fields[1]); err == nil && len(c.servers) < 3 {
				c.servers = append(c.servers, server)
			}
		case "domain":
			c.setSearch(fields[1:2])
		case "search":
			c.setSearch(fields[1:])
		case "options":
			c.setOptions(fields[1:])
		}
	}
	if domain := environ("LOCALDOMAIN"); domain != "" {
		c.setSearch(strings.Fields(domain))
	}
	c.setOptions(strings.Fields(environ("RES_OPTIONS")))
	if len(c.servers) == 0 {
		c.servers = []string{"127.0.0.1:53"}
	}
	return c
}

func (c *conf) setSearch(domains []string) {
	c.search = nil
	for _, d := range domains {
		if key, ok := appendKey(nil, strings.TrimSuffix(d, ".")); ok {
			c.search = append(c.search, string(key))
		}
	}
}

func (c *conf) setOptions(options []string) {
	for _, option := range options {
		name, value, _ := strings.Cut(option, ":")
		n, err := strconv.Atoi(value)
		switch {
		case name == "rotate":
			c.rotate = true
		case err != nil || n < 0:
		case name == "ndots":
			c.ndots = min(n, 15)
		case name == "timeout":
			c.timeout = time.Duration(min(max(n, 1), 30)) * time.Second
		case name == "attempts":
			c.attempts = min(max(n, 1), 5)
		}
	}
}

func parseServers(values []string) ([]string, error) {
	var out []string
	for _, v := range values {
		server, err := parseServer(v)
		if err != nil {
			return nil, err
		}
		out = append(out, server)
	}
	return out, nil
}

// parseServer completes ip, ip:port, or an IPv6 address in brackets or not.
func parseServer(value string) (string, error) {
	if ip, err := netip.ParseAddr(strings.Trim(value, "[]")); err == nil {
		return net.JoinHostPort(ip.String(), "53"), nil
	}
	server, err := netip.ParseAddrPort(value)
	if err != nil {
		return "", fmt.Errorf("dns server %q is not an address with or without port", value)
	}
	return server.String(), nil
}

// parseIP returns the answer to an address, or nil when name is none.
func parseIP(name string) *Answer {
	ip, err := netip.ParseAddr(strings.TrimSuffix(name, "."))
	if err != nil {
		return nil
	}
	ip = ip.Unmap()
	kind := typeAAAA
	if ip.Is4() {
		kind = typeA
	}
	return newAnswer(name, kind, []Record{{IP: ip}}, forever)
}
