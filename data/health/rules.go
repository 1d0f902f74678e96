package health

import (
	"cmp"
	"net"
	"regexp"
	"strings"
	"time"

	"gibbon/entity"
)

// Rules are an upstream's health checks, compiled.
type Rules struct {
	active, passive check
	probe           probe
	intervals       [classes]time.Duration // 0: the class is not probed
	concurrency     int
	outlier         *outlier // nil: no outlier detection
}

// A check holds the thresholds of the active or the passive checks. A threshold
// of 0 means that reports of its kind are ignored.
type check struct {
	limits  [kinds]int
	good    statuses
	bad     statuses
	reports [kinds]string // the Cause code of each kind
}

// Compile returns the rules of an upstream, or nil when its checks are off:
// when both intervals and all passive failure thresholds are 0 and no outliers
// are looked for.
func Compile(u *entity.Upstream) *Rules {
	h := &u.Healthchecks
	a, p := &h.Active, &h.Passive
	r := &Rules{
		active: check{
			limits: [kinds]int{
				success:     number(a.Healthy.Successes),
				tcpFailure:  number(a.Unhealthy.TCPFailures),
				timeout:     number(a.Unhealthy.Timeouts),
				httpFailure: number(a.Unhealthy.HTTPFailures),
			},
			good: statusesOf(a.Healthy.HTTPStatuses),
			bad:  statusesOf(a.Unhealthy.HTTPStatuses),
			reports: [kinds]string{
				CauseProbeSuccess, CauseProbeConnect, CauseProbeTimeout, CauseProbeStatus,
			},
		},
		passive: check{
			limits: [kinds]int{
				success:     number(p.Healthy.Successes),
				tcpFailure:  number(p.Unhealthy.TCPFailures),
				timeout:     number(p.Unhealthy.Timeouts),
				httpFailure: number(p.Unhealthy.HTTPFailures),
			},
			reports: [kinds]string{
				CausePassiveSuccess, CausePassiveConnect, CausePassiveTimeout, CausePassiveStatus,
			},
		},
		intervals:   [classes]time.Duration{up: seconds(a.Healthy.Interval), down: seconds(a.Unhealthy.Interval)},
		concurrency: int(max(number(a.Concurrency), 1)),
		probe:       compileProbe(u),
		outlier:     compileOutlier(h.Outlier),
	}
	r.probe.good, r.probe.bad = &r.active.good, &r.active.bad
	limits := &r.passive.limits
	if r.intervals == [classes]time.Duration{} && limits[tcpFailure]+limits[timeout]+limits[httpFailure] == 0 && r.outlier == nil {
		return nil
	}
	if p.Type != "tcp" { // of a TCP check, connections are all that counts
		r.passive.good = statusesOf(p.Healthy.HTTPStatuses)
		r.passive.bad = statusesOf(p.Unhealthy.HTTPStatuses)
	}
	return r
}

// compileProbe gathers what a probe sends. The order of the head is the
// reference's: configured headers first, Host last.
func compileProbe(u *entity.Upstream) probe {
	a := &u.Healthchecks.Active
	p := probe{
		kind:        a.Type,
		timeout:     seconds(a.Timeout),
		sni:         a.HTTPSSNI,
		verify:      a.HTTPSVerifyCertificate,
		certificate: u.ClientCertificate,
		host:        u.HostHeader,
		port:        uint16(a.Port),
		method:      cmp.Or(a.HTTPMethod, "GET"),
		keep:        a.Keepalive == nil || *a.Keepalive,
		service:     a.GRPCService,
	}
	if a.BodyMatch != "" && p.method != "HEAD" {
		p.body, _ = regexp.Compile(a.BodyMatch) // checked when it was configured; else there is nothing to match
	}
	if p.timeout == 0 {
		p.timeout = time.Second // a probe that may not take any time could never succeed
	}
	var head strings.Builder
	path := a.HTTPPath
	if path == "" {
		path = "/"
	}
	version := "HTTP/1.0"
	if a.Keepalive == nil {
		p.renew = renewal
	} else if p.keep {
		version = "HTTP/1.1"
	}
	head.WriteString(p.method + " " + path + " " + version + "\r\n")
	if p.renew > 0 && isHTTP(p.kind) {
		if namesConnection(a.Headers) {
			p.keep = false
		} else {
			head.WriteString("Connection: keep-alive\r\n")
		}
	}
	for _, name := range sortedNames(a.Headers) {
		for _, value := range a.Headers[name] {
			if !strings.ContainsAny(name+value, "\r\n\x00") { // a line break would begin a second header
				head.WriteString(name + ": " + value + "\r\n")
				p.fields = append(p.fields, [2]string{strings.ToLower(name), value})
			}
		}
	}
	head.WriteString("Host: ")
	p.head = head.String()
	return p
}

func isHTTP(kind string) bool { return kind == "http" || kind == "https" }

// namesConnection reports whether headers say by themselves what becomes of the connection.
func namesConnection(headers map[string][]string) bool {
	for name := range headers {
		if strings.EqualFold(name, "Connection") {
			return true
		}
	}
	return false
}

// serverName returns the SNI of a probe. A host_header may carry a port, and an
// IPv6 target brackets, which neither the SNI nor a certificate has.
func (p *probe) serverName(k Key) string {
	name := p.sni
	if name == "" {
		name = p.hostHeader(k)
		if host, _, err := net.SplitHostPort(name); err == nil {
			name = host
		}
	}
	return strings.Trim(name, "[]")
}

// hostHeader returns the Host header of a probe.
func (p *probe) hostHeader(k Key) string {
	switch {
	case p.host != "":
		return p.host
	case k.Target != "":
		return k.Target
	}
	return k.Host
}

// statuses is a set of the status codes below 1024.
type statuses [16]uint64

func statusesOf(list []int) (s statuses) {
	for _, code := range list {
		if code >= 0 && code < 1024 {
			s[code>>6] |= 1 << (code & 63)
		}
	}
	return s
}

func (s *statuses) has(code int) bool {
	return uint(code) < 1024 && s[code>>6]&(1<<(code&63)) != 0
}

// seconds turns the seconds of a field into a duration; null is 0.
func seconds(s *float64) time.Duration {
	if s == nil || *s <= 0 {
		return 0
	}
	return time.Duration(*s * float64(time.Second))
}

// number returns what p points to; null is 0.
func number[T int | int64](p *T) T {
	if p == nil {
		return 0
	}
	return *p
}
