package hmacauth

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"strings"

	"gibbon/plugin"
)

// hashes are the digests of the algorithms.
var hashes = map[string]func() hash.Hash{
	"hmac-sha1": sha1.New, "hmac-sha256": sha256.New, "hmac-sha384": sha512.New384, "hmac-sha512": sha512.New,
}

// given is what a header tells of a signature.
type given struct {
	username  string
	algorithm string
	headers   []string // what was signed, in order
	signature string   // base64
	hidden    string   // the header to take out
}

// parse parses hmac username="…", algorithm="…", headers="…", signature="…", which must come in this order.
func parse(value string) (g given, ok bool) {
	i := strings.Index(value, "mac")
	if i < 1 || value[i-1]|0x20 != 'h' {
		return given{}, false
	}
	rest := value[i+len("mac"):]
	var headers string
	for n, p := range []struct {
		name string
		to   *string
	}{{"username", &g.username}, {"algorithm", &g.algorithm}, {"headers", &headers}, {"signature", &g.signature}} {
		if rest = strings.TrimLeft(rest, " \t"); n > 0 {
			if rest, ok = strings.CutPrefix(rest, ","); !ok {
				return given{}, false
			}
			rest = strings.TrimLeft(rest, " \t")
		}
		if rest, ok = strings.CutPrefix(rest, p.name+`="`); !ok {
			return given{}, false
		}
		if *p.to, rest, ok = strings.Cut(rest, `"`); !ok || *p.to == "" {
			return given{}, false
		}
	}
	g.headers = strings.Fields(headers)
	return g, len(g.headers) > 0
}

// signed is the text that a client has to sign.
func signed(r *plugin.Request, headers []string) []byte {
	var b []byte
	for i, name := range headers {
		if i > 0 {
			b = append(b, '\n')
		}
		value := r.Get(name)
		switch {
		case value != nil:
			b = append(append(append(b, name...), ": "...), value...)
		case name == "@request-target":
			b = append(append(b, name...), ": "...)
			b = append(append(b, bytes.ToLower(r.Method())...), ' ')
			b = appendTarget(b, r)
		case name == "request-line":
			b = append(append(b, r.Method()...), ' ')
			b = append(append(appendTarget(b, r), ' '), r.Version()...)
		default:
			b = append(append(b, name...), ':')
		}
	}
	return b
}

func appendTarget(b []byte, r *plugin.Request) []byte {
	b = append(b, r.RawPath()...)
	if query, has := r.RawQuery(); has {
		b = append(append(b, '?'), query...)
	}
	return b
}
