package hmacauth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"gibbon/entity"
	"gibbon/plugin"
	"gibbon/plugin/plugintest"
)

// date is the time of the tests.
const date = "Tue, 14 Nov 2023 22:13:20 GMT"

// mac signs a text as a client does.
func mac(algorithm, secret, text string) string {
	m := hmac.New(hashes[algorithm], []byte(secret))
	m.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(m.Sum(nil))
}

func header(algorithm, headers, signature string) string {
	return fmt.Sprintf(`hmac username="bob", algorithm="%s", headers="%s", signature="%s"`, algorithm, headers, signature)
}

func run(tb testing.TB, config string, r plugintest.Request) string {
	tb.Helper()
	d := &plugintest.Directory{
		Consumers: []*entity.Consumer{{ID: "c1", Username: "bob"}, {ID: "c2", Username: "guest"}},
		HMACs:     []*entity.HMACAuthCredential{{ID: "h1", Consumer: "c1", Username: "bob", Secret: "secret"}},
	}
	state := plugin.NewState(slog.New(slog.DiscardHandler), func() time.Time { return time.Unix(1_700_000_000, 0) }, "node")
	s := plugintest.Start[plugin.Accessor](tb, &Plugin, config, state)
	x, _ := plugintest.New(r, d)
	if r := s.Access(x); r != nil {
		return fmt.Sprintf("%d %s | %s", r.Status, r.Message, r.Headers[0].Value)
	}
	words := fmt.Sprintf("%s as %s", x.Consumer.ID, x.Request.Get("X-Credential-Identifier"))
	if x.Request.Get("Authorization") == nil && x.Request.Get("Proxy-Authorization") == nil {
		words += ", hidden"
	}
	return words
}

func TestAccess(t *testing.T) {
	const unfit, mismatch = "401 HMAC signature cannot be verified | hmac", "401 HMAC signature does not match | hmac"
	const dateless = "401 HMAC signature cannot be verified, a valid date or x-date header is required for HMAC Authentication | hmac"
	const usual = "date request-line"
	text := "date: " + date + "\nGET /a%20b?c=d HTTP/1.1"
	good := header("hmac-sha256", usual, mac("hmac-sha256", "secret", text))
	body := []byte("hello")
	sum := sha256.Sum256(body)
	digest := "SHA-256=" + base64.StdEncoding.EncodeToString(sum[:])
	tests := []struct {
		name, config  string
		authorization string
		fields        string // "Name: value", joined by "|"
		body          []byte
		want          string
	}{
		{"nothing", `{}`, "", "Date: " + date, nil, "401 Unauthorized | hmac"},
		{"realm", `{"realm":"r"}`, "", "Date: " + date, nil, `401 Unauthorized | hmac realm="r"`},
		{"signed", `{}`, good, "Date: " + date, nil, "c1 as bob"},
		{"hidden", `{"hide_credentials":true}`, good, "Date: " + date, nil, "c1 as bob, hidden"},
		{"for a proxy", `{}`, "", "Date: " + date + "|Proxy-Authorization: " + good, nil, "c1 as bob"},
		{"no date", `{}`, good, "", nil, dateless},
		{"no date that is one", `{}`, good, "Date: yesterday", nil, dateless},
		{"too old", `{}`, good, "Date: Tue, 14 Nov 2023 22:08:19 GMT", nil, dateless},
		{"too new", `{"clock_skew":10}`, good, "Date: Tue, 14 Nov 2023 22:13:31 GMT", nil, dateless},
		{"x-date counts, too", `{}`, good, "Date: " + date + "|X-Date: yesterday", nil, "c1 as bob"},
		{"x-date", `{}`, header("hmac-sha256", "x-date", mac("hmac-sha256", "secret", "x-date: "+date)), "X-Date: " + date, nil, "c1 as bob"},
		{"another scheme", `{}`, "Basic x", "Date: " + date, nil, unfit},
		{"another user", `{}`, strings.Replace(good, "bob", "eve", 1), "Date: " + date, nil, unfit},
		{"another secret", `{}`, header("hmac-sha256", usual, mac("hmac-sha256", "guess", text)), "Date: " + date, nil, mismatch},
		{"another request", `{}`, header("hmac-sha256", usual, mac("hmac-sha256", "secret", strings.Replace(text, "c=d", "c=e", 1))), "Date: " + date, nil, mismatch},
		{"signed with nothing", `{}`, header("hmac-sha256", usual, mac("hmac-sha256", "", text)), "Date: " + date, nil, mismatch},
		{"half a signature", `{}`, header("hmac-sha256", usual, mac("hmac-sha256", "secret", text)[:20]), "Date: " + date, nil, mismatch},
		{"oversized", `{}`, header("hmac-sha256", usual, strings.Repeat("AAAA", 20_000)), "Date: " + date, nil, mismatch},
		{"many headers", `{}`, header("hmac-sha256", strings.Repeat("date ", 20_000), "AAAA"), "Date: " + date, nil, mismatch},
		{"two users", `{}`, strings.Replace(good, `hmac username="bob"`, `hmac username="eve", username="bob"`, 1), "Date: " + date, nil, unfit},
		{"no algorithm", `{}`, strings.Replace(good, `algorithm="hmac-sha256", `, "", 1), "Date: " + date, nil, unfit},
		{"not base64", `{}`, header("hmac-sha256", usual, "!"), "Date: " + date, nil, mismatch},
		{"target", `{}`, header("hmac-sha512", "date @request-target", mac("hmac-sha512", "secret", "date: "+date+"\n@request-target: get /a%20b?c=d")), "Date: " + date, nil, "c1 as bob"},
		{"a header that is missing", `{}`, header("hmac-sha1", "date x-no", mac("hmac-sha1", "secret", "date: "+date+"\nx-no:")), "Date: " + date, nil, "c1 as bob"},
		{"algorithm allowed", `{"algorithms":["hmac-sha256"]}`, good, "Date: " + date, nil, "c1 as bob"},
		{"algorithm not allowed", `{"algorithms":["hmac-sha1"]}`, good, "Date: " + date, nil, unfit},
		{"unknown algorithm", `{}`, strings.Replace(good, "hmac-sha256", "hmac-md5", 1), "Date: " + date, nil, unfit},
		{"enforced", `{"enforce_headers":["Date"]}`, good, "Date: " + date, nil, "c1 as bob"},
		{"not signed although enforced", `{"enforce_headers":["host"]}`, good, "Date: " + date, nil, unfit},
		{"body", `{"validate_request_body":true}`, good, "Date: " + date + "|Digest: " + digest, body, "c1 as bob"},
		{"body of another digest", `{"validate_request_body":true}`, good, "Date: " + date + "|Digest: SHA-256=x", body, mismatch},
		{"body without digest", `{"validate_request_body":true}`, good, "Date: " + date, body, mismatch},
		{"neither body nor digest", `{"validate_request_body":true}`, good, "Date: " + date, nil, "c1 as bob"},
		{"body not looked at", `{}`, good, "Date: " + date + "|Digest: SHA-256=x", body, "c1 as bob"},
		{"anonymous", `{"anonymous":"guest"}`, "", "", nil, "c2 as , hidden"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := plugintest.Request{Target: "/a%20b?c=d", Body: tt.body}
			for f := range strings.SplitSeq(tt.fields, "|") {
				if name, value, ok := strings.Cut(f, ": "); ok {
					r.Headers = append(r.Headers, plugin.Field{Name: name, Value: value})
				}
			}
			if tt.authorization != "" {
				r.Headers = append(r.Headers, plugin.Field{Name: "Authorization", Value: tt.authorization})
			}
			if got := run(t, tt.config, r); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add(header("hmac-sha256", "date", "eA=="))
	f.Add(`Hmac username="a",algorithm="b",headers="c d",signature="e"`)
	f.Fuzz(func(t *testing.T, value string) {
		if g, ok := parse(value); ok && (g.username == "" || g.signature == "" || len(g.headers) == 0) {
			t.Errorf("parse(%q) = %+v", value, g)
		}
	})
}

func TestSchemaIsTheReferences(t *testing.T) { plugintest.CheckSchema(t, &Plugin) }
