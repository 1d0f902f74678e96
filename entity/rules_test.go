package entity

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"

	"gibbon/schema"
)

// refusal decodes a body for a kind and returns the error's text.
func refusal(t *testing.T, o Options, kind, body string) string {
	t.Helper()
	var tree map[string]any
	decodeJSON(t, []byte(body), &tree)
	if err := schema.Decode(tree, NewKinds(o).Of(kind).New()); err != nil {
		return err.Error()
	}
	return ""
}

func TestTextRules(t *testing.T) {
	const badTag = "expected printable ascii (except `,` and `/`) or valid utf-8 sequences"
	tests := []struct {
		name  string
		check func(string) error
		s     string
		want  string
	}{
		{"name", checkName, "a.b-c_d~e\u00fc", ""},
		{"name with a blank", checkName, "a b", "invalid value 'a b': the only accepted ascii characters are alphanumerics or ., -, _, and ~"},
		{"name that is not UTF-8", checkName, "ab\xffc", "invalid utf-8 character sequence detected at position 3"},
		{"tag", CheckTag, "a b;\u00fc", ""},
		{"tag with a comma", CheckTag, "a,b", "invalid tag 'a,b': " + badTag},
		{"tag with a slash", CheckTag, "a/b", "invalid tag 'a/b': " + badTag},
		{"tag with a control character", CheckTag, "a\tb", "invalid tag 'a\tb': " + badTag},
		{"host", CheckHost, "a-b_c.d.", ""},
		{"host, IPv4", CheckHost, "1.2.3.4", ""},
		{"host, IPv6", CheckHost, "::1", ""},
		{"host, IPv6 in brackets", CheckHost, "[::1]", ""},
		{"host, digits are an IPv4 address", CheckHost, "1.2.3", "invalid value: 1.2.3"},
		{"host, octet too large", CheckHost, "300.1.1.1", "invalid value: 300.1.1.1"},
		{"host with a port", CheckHost, "a:80", "must not have a port"},
		{"host, label ends in a dash", CheckHost, "a-.b", "invalid value: a-.b"},
		{"host, empty label", CheckHost, "a..b", "invalid value: a..b"},
		{"host, only a dot", CheckHost, ".", "invalid value: ."},
		{"host, IPv6 with a zone", CheckHost, "fe80::1%eth0", "invalid value: fe80::1%eth0"},
		{"host and port", checkHostAndPort, "a:80", ""},
		{"host and port, bad port", checkHostAndPort, "a:65536", "invalid port number"},
		{"host and port, empty port", checkHostAndPort, "a:", "invalid port number"},
		{"host and port, bad host", checkHostAndPort, "a b", "invalid hostname: a b"},
		{"host and port, bad IPv4", checkHostAndPort, "1.2.3:80", "invalid ipv4 address: 1.2.3:80"},
		{"host and port, bad IPv6", checkHostAndPort, "[::g]:80", "invalid ipv6 address: [::g]:80"},
		{"host and port, open bracket", checkHostAndPort, "[::1", "invalid ipv6 address: [::1"},
		{"host and port, text after the bracket", checkHostAndPort, "[::1]x", "invalid port number"},
		{"sni", CheckSNI, "a.test", ""},
		{"sni, address", CheckSNI, "1.2.3.4", "must not be an IP"},
		{"sni, port", CheckSNI, "a:1", "must not have a port"},
		{"sni, wildcard", CheckSNI, "*.a", "invalid value: *.a"},
		{"wildcard host", checkWildcardHost, "*.a", ""},
		{"wildcard host, right", checkWildcardHost, "a.*", ""},
		{"wildcard host, alone", checkWildcardHost, "*", ""},
		{"wildcard host, in the middle", checkWildcardHost, "a.*.b", "wildcard must be leftmost or rightmost character"},
		{"wildcard host, two", checkWildcardHost, "*.a.*", "only one wildcard must be specified"},
		{"wildcard host, bad", checkWildcardHost, "*.a b", "invalid value: *.a b"},
		{"ip or block", checkIPOrCIDR, "2001:db8::/32", ""},
		{"ip or block, name", checkIPOrCIDR, "a", "invalid ip or cidr range: 'a'"},
		{"ip or block, bits", checkIPOrCIDR, "1.2.3.4/33", "invalid ip or cidr range: '1.2.3.4/33'"},
		{"path", CheckPath, "/~a*(b)%20/../c;d", ""},
		{"path, character", CheckPath, "/a?b", "invalid path: '/a?b' (characters outside of the reserved list of RFC 3986 found)"},
		{"path, escape", CheckPath, "/a%zz", "invalid url-encoded value: '%zz'"},
		{"path, half an escape", CheckPath, "/a%2", "invalid url-encoded value: '%2'"},
		{"header name", CheckHeaderName, "X-a_1", ""},
		{"header name, blank", CheckHeaderName, "x y", "bad header name 'x y', allowed characters are A-Z, a-z, 0-9, '_', and '-'"},
		{"cookie name", checkCookieName, "a!#$%&'*+-.^_`|~", ""},
		{"cookie name, separator", checkCookieName, "a;b", `contains one or more invalid characters. ASCII control characters (0-31;127), space, tab and the characters ()<>@,;:\"/?={}[] are not allowed.`},
		{"target that is not UTF-8", checkTarget, "\xff", "Invalid target; invalid utf-8 character sequence detected at position 1"},
		{"upstream name that is not UTF-8", checkUpstreamName, "a\xff", "Invalid name; invalid utf-8 character sequence detected at position 2"},
		{"upstream name, bad IPv4", checkUpstreamName, "300.1.1.1", "Invalid name ('300.1.1.1'); must be a valid hostname"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			if err := tt.check(tt.s); err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("%q: got %q, want %q", tt.s, got, tt.want)
			}
		})
	}
}

func TestNormalTarget(t *testing.T) {
	tests := []struct{ name, s, want string }{
		{"port is added", "a.test", "a.test:8000"},
		{"port is kept", "a.test:0", "a.test:0"},
		{"leading zeros of the port", "a.test:0080", "a.test:80"},
		{"names keep their case", "A.Test:80", "A.Test:80"},
		{"leading zeros", "010.001.0.1:80", "10.1.0.1:80"},
		{"IPv6 is written out", "2001:DB8::1", "[2001:0db8:0000:0000:0000:0000:0000:0001]:8000"},
		{"IPv6 with a port", "[::1]:80", "[0000:0000:0000:0000:0000:0000:0000:0001]:80"},
		{"IPv4 in IPv6", "::ffff:1.2.3.4", "[0000:0000:0000:0000:0000:ffff:0102:0304]:8000"},
		{"empty", "", "error"},
		{"no host", ":80", "error"},
		{"bad port", "a:65536", "error"},
		{"sign in the port", "a:+80", "error"},
		{"underscore in the port", "a:8_0", "error"},
		{"bad address", "1.2.3:80", "error"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := NormalTarget(tt.s)
			if err != nil {
				got = "error"
			}
			if got != tt.want {
				t.Errorf("NormalTarget(%q) = %q, want %q", tt.s, got, tt.want)
			}
		})
	}
}

func TestNormalPath(t *testing.T) {
	tests := []struct{ name, path, want string }{
		{"as it is", "/a/b", "/a/b"},
		{"root", "/", "/"},
		{"final slash", "/a/", "/a/"},
		{"unreserved is decoded", "/a%20%7e%C3%A9", "/a ~é"},
		{"reserved is not, and capitalised", "/a%2fb%25", "/a%2Fb%25"},
		{"dot", "/a/./b/.", "/a/b/"},
		{"two dots", "/a/../b/..", "/"},
		{"above the root", "/../../a", "/a"},
		{"slashes merge", "//a///b", "/a/b"},
		{"decoded dots", "/a/%2e%2E/b", "/b"},
		{"three dots are a name", "/...", "/..."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := normalPath(tt.path); got != tt.want {
				t.Errorf("normalPath(%q) = %q, want %q", tt.path, got, tt.want)
			}
		})
	}
}

func TestURLShorthand(t *testing.T) {
	tests := []struct{ url, want string }{
		{`"http://h/a?b=c#d"`, `{"host":"h","path":"/a","port":80,"protocol":"http"}`},
		{`"https://u:p@h"`, `{"host":"h","path":null,"port":443,"protocol":"https"}`},
		{`"grpcs://h"`, `{"host":"h","path":null,"port":80,"protocol":"grpcs"}`},
		{`"//h:443"`, `{"host":"h","path":null,"port":443,"protocol":"https"}`},
		{`"//h:81/"`, `{"host":"h","path":"/","port":81,"protocol":"http"}`},
		{`"http://[::1]:8080/x"`, `{"host":"::1","path":"/x","port":8080,"protocol":"http"}`},
		{`"http://h:x"`, `{"host":"h","path":null,"port":80,"protocol":"http"}`},
		{`"http://h?a"`, `{"host":"h","path":null,"port":80,"protocol":"http"}`},
		{`"nope"`, `{"host":null,"path":"nope","port":80,"protocol":"http"}`},
		{`"h.test:80"`, `{"host":null,"path":"80","port":80,"protocol":"h.test"}`},
		{`null`, `{"host":null,"path":"null","port":80,"protocol":"null"}`},
	}
	for _, tt := range tests {
		t.Run(tt.url, func(t *testing.T) {
			var v any
			decodeJSON(t, []byte(tt.url), &v)
			got, err := json.Marshal(expandURL(v))
			if err != nil || string(got) != tt.want {
				t.Errorf("got %s, %v, want %s", got, err, tt.want)
			}
		})
	}
}

func TestAlgorithmAndHashOnAgree(t *testing.T) {
	tests := []struct{ name, stored, body, want string }{
		{"nothing sent", ``, `{}`, "round-robin none"},
		{"least-connections hashes nothing", ``, `{"algorithm":"least-connections","hash_on":"ip"}`, "least-connections none"},
		{"latency hashes nothing", ``, `{"algorithm":"latency"}`, "latency none"},
		{"hash_on chooses", ``, `{"algorithm":"round-robin","hash_on":"ip"}`, "consistent-hashing ip"},
		{"hash_on none chooses", ``, `{"algorithm":"consistent-hashing","hash_on":"none"}`, "round-robin none"},
		{"hash_on null is none", ``, `{"hash_on":null}`, "round-robin none"},
		{"hashing without an input", ``, `{"algorithm":"consistent-hashing"}`, "round-robin none"},
		{"stored hash_on chooses", `{"algorithm":"consistent-hashing","hash_on":"ip"}`, `{"algorithm":"round-robin"}`, "consistent-hashing ip"},
		{"least-connections clears the stored one", `{"algorithm":"consistent-hashing","hash_on":"ip"}`, `{"algorithm":"least-connections"}`, "least-connections none"},
		{"hash_on beats the stored algorithm", `{"algorithm":"least-connections"}`, `{"hash_on":"ip"}`, "consistent-hashing ip"},
		{"sticky-sessions hashes nothing", ``, `{"algorithm":"sticky-sessions","sticky_sessions_cookie":"s"}`, "sticky-sessions none"},
		{"another field", `{"algorithm":"latency"}`, `{"slots":10}`, "latency none"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var stored, body map[string]any
			decodeJSON(t, []byte(tt.body), &body)
			u := new(Upstream)
			var err error
			if tt.stored == "" {
				body["name"] = "u"
				err = schema.Decode(body, u)
			} else {
				decodeJSON(t, []byte(tt.stored), &stored)
				stored["name"] = "u"
				load(t, stored, u)
				err = schema.Merge(body, u)
			}
			if got := u.Algorithm + " " + u.HashOn; err != nil || got != tt.want {
				t.Errorf("got %s, %v, want %s", got, err, tt.want)
			}
		})
	}
}

func TestRouteFamilies(t *testing.T) {
	tests := []struct{ name, body, want string }{
		{"none known", `{"protocols":["ftp","x"]}`, "schema violation (protocols: unknown type: ftp)"},
		{"empty", `{"protocols":{}}`, "schema violation (protocols: unknown type: nil)"},
		{
			"the first known one counts", `{"protocols":["ftp","grpc"],"hosts":["a"],"methods":["GET"]}`,
			"2 schema violations (methods: cannot set 'methods' when 'protocols' is 'grpc' or 'grpcs'; protocols.1: expected one of: grpc, grpcs, http, https, tcp, tls, tls_passthrough, udp)",
		},
		{"type", `{"protocols":"http","paths":["/"]}`, "schema violation (protocols: expected a set)"},
		{"type of an element", `{"protocols":[5],"paths":["/"]}`, "schema violation (protocols.1: expected a string)"},
		{"https may have only snis", `{"protocols":["http","https"],"snis":["a"]}`, ""},
		{"grpcs may have only snis", `{"protocols":["grpcs"],"snis":["a"]}`, ""},
		{"grpc", `{"protocols":["grpc"]}`, "schema violation (must set one of 'hosts', 'headers', 'paths' when 'protocols' is 'grpc')"},
		{"grpcs", `{"protocols":["grpcs"]}`, "schema violation (must set one of 'hosts', 'headers', 'paths', 'snis' when 'protocols' is 'grpcs')"},
		{
			"tls_passthrough with an end only", `{"protocols":["tls_passthrough"],"sources":[{"port":1}]}`,
			"schema violation (must set snis when 'protocols' is 'tls_passthrough')",
		},
		{
			"forbidden even when empty", `{"protocols":["tcp"],"sources":[{"port":1}],"paths":[]}`,
			"schema violation (paths: cannot set 'paths' when 'protocols' is 'tcp', 'tls', 'tls_passthrough' or 'udp')",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := refusal(t, Options{}, "routes", tt.body); got != tt.want {
				t.Errorf("%s:\n got %s\nwant %s", tt.body, got, tt.want)
			}
		})
	}
	r := new(Route)
	if err := schema.Decode(map[string]any{"protocols": []any{"grpc"}, "hosts": []any{"a"}}, r); err != nil || r.StripPath {
		t.Errorf("strip_path of a grpc route is %v, %v, want false by default", r.StripPath, err)
	}
	err := schema.Merge(map[string]any{"methods": []any{"GET"}}, r)
	if want := "schema violation (methods: cannot set 'methods' when 'protocols' is 'grpc' or 'grpcs')"; err == nil || err.Error() != want {
		t.Errorf("PATCH of a grpc route: %v, want %s", err, want)
	}
}

// The traditional flavour knows no wildcards in SNIs, and tells at the field
// itself which expressions the gateway cannot run.
func TestTraditionalFlavour(t *testing.T) {
	tests := []struct{ name, body, want string }{
		{"wildcard", `{"protocols":["https"],"snis":["*.a"]}`, "schema violation (snis.1: invalid value: *.a)"},
		{
			"look-around in a path", `{"paths":["~/(?=x)"]}`,
			"schema violation (paths.1: invalid regex: '/(?=x)' (look-around, including look-ahead and look-behind, is not supported))",
		},
		{
			"look-around in a header", `{"headers":{"x":["~*(?!x)"]}}`,
			"schema violation (invalid regex: '(?!x)' (look-around, including look-ahead and look-behind, is not supported))",
		},
		{"header without values", `{"headers":{"x":[]},"paths":["/"]}`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := refusal(t, Options{RouterFlavour: Traditional}, "routes", tt.body); got != tt.want {
				t.Errorf("%s:\n got %s\nwant %s", tt.body, got, tt.want)
			}
		})
	}
}

func TestRegularExpressions(t *testing.T) {
	tests := []struct{ name, pattern, pcre, engine string }{
		{"fine", `/a(?<id>\d+)$`, "", ""},
		{"unclosed group", `/a(b(c)`, `missing closing parenthesis in "/a(b(c)"`, "2: unclosed group"},
		{"unopened group", `/a)b`, `unmatched closing parenthesis in "/a)b" at ")b"`, "2: unopened group"},
		{"parentheses that do not count", `/\([(]a)`, `unmatched closing parenthesis in "/\([(]a)" at ")"`, "7: unopened group"},
		{"unclosed class", `/[a`, `missing terminating ] for character class in "/[a"`, "1: unclosed character class"},
		{"range", `/[z-a]`, `range out of order in character class in "/[z-a]" at "z-a]"`, "2: invalid character class range, the start must be <= the end"},
		{"nothing to repeat", `*a`, `quantifier does not follow a repeatable item in "*a" at "*a"`, "0: repetition operator missing expression"},
		{"backslash at the end", `/a\`, `\ at end of pattern in "/a\"`, "2: incomplete escape sequence, reached end of pattern prematurely"},
		{"unknown escape", `/\y`, `unrecognized character follows \ in "/\y" at "\y"`, "1: unrecognized escape sequence"},
		{"escape of PCRE", `/\K`, "", "1: unrecognized escape sequence"},
		{"back reference", `(a)\1`, "", "3: backreferences are not supported"},
		{"back reference to nothing", `a\1`, `reference to non-existent subpattern in "a\1" at "\1"`, "1: backreferences are not supported"},
		{"look-ahead", `a(?!b)`, "", "1: look-around, including look-ahead and look-behind, is not supported"},
		{"look-behind", `(?<=a)b`, "", "0: look-around, including look-ahead and look-behind, is not supported"},
		{"atomic group", `(?>a)`, "", "0: unrecognized flag"},
		{"unknown group", `(?@a)`, `unrecognized character after (? or (?- in "(?@a)" at "(?@a)"`, "0: unrecognized flag"},
		{"counts in the wrong order", `a{2,1}`, `numbers out of order in {} quantifier in "a{2,1}" at "{2,1}"`, "1: invalid repetition count range, the start must be <= the end"},
		{"count over our limit", `a{1001}`, "", "1: repetition count is over 1000"},
		{"possessive", `a++`, "", "1: invalid nested repetition operator"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := compileProblem(tt.pattern)
			pcre, engine := "", ""
			if p != nil {
				pcre = strings.TrimPrefix(p.pcre, "pcre2_compile() failed: ")
				engine = string(rune('0'+p.at)) + ": " + p.engine
			}
			if pcre != tt.pcre || engine != tt.engine {
				t.Errorf("%s:\n got %s | %s\nwant %s | %s", tt.pattern, pcre, engine, tt.pcre, tt.engine)
			}
			if _, err := regexp.Compile(tt.pattern); (err == nil) != (p == nil) {
				t.Errorf("%s: problem %v, but compiling gives %v", tt.pattern, p, err)
			}
		})
	}
}

func TestExpressionShowsThePlace(t *testing.T) {
	got := refusal(t, Options{}, "routes", `{"paths":["/a","~/b(?=c)"],"headers":{"X-Y":["1"],"z":["~*(?<=q)"]}}`)
	want := "schema violation (Router Expression failed validation:  --> 1:38\n" +
		"  |\n" +
		`1 | (http.path ^= r#"/a"# || http.path ~ r#"^/b(?=c)"#) && (any(lower(http.headers.x_y)) == r#"1"#) && ` +
		`(any(lower(http.headers.z)) ~ r#"(?<=q)"#)` + "\n" +
		"  |                                      ^-----------^\n" +
		"  |\n" +
		"  = regex parse error:\n" +
		"    ^/b(?=c)\n" +
		"       ^^^\n" +
		"error: look-around, including look-ahead and look-behind, is not supported)"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestNewTargetsAreJudgedFirst(t *testing.T) {
	body := `{"target":"h:x","bogus":1}`
	if got, want := refusal(t, Options{}, "targets", body), "schema violation (target: Invalid target; not a valid hostname or ip address)"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	var tree map[string]any
	decodeJSON(t, []byte(body), &tree)
	err := schema.Check(tree, new(Target))
	want := "3 schema violations (bogus: unknown field; target: Invalid target ('h:x'); not a valid hostname or ip address; upstream: required field missing)"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestKinds(t *testing.T) {
	kinds := NewKinds(Options{RouterFlavour: Traditional})
	for _, kind := range kinds {
		e := kind.New()
		if e.Kind() != kind.Name {
			t.Errorf("%s makes a %s", kind.Name, e.Kind())
		}
		if _, ok := e.(*described); ok {
			continue
		}
		e.SetKey("x")
		if e.Key() != "x" {
			t.Errorf("%s: the id is %q after SetKey", kind.Name, e.Key())
		}
		loaded, err := kind.NewLoader()(schema.Append(nil, e))
		if err != nil || loaded.Key() != "x" || loaded.Kind() != kind.Name {
			t.Errorf("%s: loaded %v, %v", kind.Name, loaded, err)
		}
		for _, field := range []string{kind.EndpointKey, kind.SiblingKey, kind.Query} {
			if err := schema.CheckField(e, field, 5); field != "" && (err == nil || err.Error() == "unknown field") {
				t.Errorf("%s has no field %s", kind.Name, field)
			}
		}
	}
	children := func(name string) string {
		var all []string
		for _, c := range kinds.Children(name) {
			all = append(all, c.Kind.Name+"."+c.Field)
		}
		return strings.Join(all, " ")
	}
	for parent, want := range map[string]string{
		"services": "routes.service plugins.service oauth2_tokens.service oauth2_authorization_codes.service filter_chains.service",
		"routes":   "plugins.route filter_chains.route", "upstreams": "targets.upstream", "snis": "",
		"certificates": "snis.certificate services.client_certificate upstreams.client_certificate",
		"consumers": "plugins.consumer keyauth_credentials.consumer basicauth_credentials.consumer " +
			"hmacauth_credentials.consumer jwt_secrets.consumer acls.consumer oauth2_credentials.consumer",
	} {
		if got := children(parent); got != want {
			t.Errorf("children of %s: %s, want %s", parent, got, want)
		}
	}
	if kinds.Of("nope") != nil {
		t.Error("there is a kind nope")
	}
	keys := schema.Keys(&Target{Upstream: "u", Target: "h:80"})
	if len(keys) != 1 || keys[0].Name != "upstream,target" {
		t.Errorf("keys of a target: %v, want the composite one", keys)
	}
	if r, ok := kinds.Of("routes").New().(*Route); !ok || r.flavour != Traditional {
		t.Error("a new route does not know its flavour")
	}
	if _, err := kinds.Of("routes").NewLoader()([]byte("x")); err == nil || errors.Unwrap(err) == nil {
		t.Errorf("loading no document: %v, want a wrapped error", err)
	}
}
