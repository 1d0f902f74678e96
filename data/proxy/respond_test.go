package proxy

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"testing"

	"gibbon/plugin"
	"gibbon/plugin/plugintest"
	"gibbon/schema"
)

// whole is settings of a plugin that sees whole answers.
type whole struct{ Do string }

func (w *whole) Fields() schema.Fields { return schema.Fields{schema.String("do", &w.Do)} }

func (w *whole) Access(x *plugin.Exchange) *plugin.Reply {
	x.Response.Set("X-Early", "1")
	return nil
}

func (w *whole) Response(x *plugin.Exchange) *plugin.Reply {
	r := &x.Response
	switch w.Do {
	case "change":
		r.Set("X-Length", fmt.Sprint(r.Status(), " ", len(r.Body())))
		r.Remove("X-Secret")
		r.SetBody([]byte(strings.ToUpper(string(r.Body())) + "!"))
	case "status":
		r.SetStatus(203)
	case "replace":
		return plugin.Message(418, "no "+string(r.Body())).With("X-Reply", "1")
	case "panic":
		panic("told to")
	}
	return nil
}

const (
	lengthAnswer = "HTTP/1.1 200 OK\r\nX-Secret: 1\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nabcdef"
	closedAnswer = "HTTP/1.1 200 OK\r\nX-Secret: 1\r\nContent-Type: text/plain\r\n\r\nabcdef"
	brokenAnswer = "HTTP/1.1 200 OK\r\nX-Secret: 1\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nabcdef"
	emptyAnswer  = "HTTP/1.1 304 Not Modified\r\nX-Secret: 1\r\n\r\n"
)

func TestResponsePhase(t *testing.T) {
	const ( // of the gateway
		badGateway = "An invalid response was received from the upstream server"
		internal   = "An unexpected error occurred"
	)
	tests := []struct {
		name, plugins, method, answer string
		status                        int
		body, fields                  string
		reason                        Reason
	}{
		{"nothing changed", `whole {"do":"nothing"}`, "GET", lengthAnswer, 200, "abcdef", "X-Secret: 1|X-Early: 1|Content-Length: 6", ""},
		{"chunks get a length", `whole {"do":"nothing"}`, "GET", chunkedAnswer, 200, "abcdef", "X-Secret: 1|Content-Length: 6|Transfer-Encoding", ""},
		{"as does what ends with the connection", `whole {"do":"nothing"}`, "GET", closedAnswer, 200, "abcdef", "Content-Length: 6", ""},
		{"fields and body", `whole {"do":"change"}`, "GET", lengthAnswer, 200, "ABCDEF!", "X-Secret|X-Early: 1|X-Length: 200 6|Content-Length: 7|Via: 1.1 kong/3.9.3", ""},
		{"status", `whole {"do":"status"}`, "GET", lengthAnswer, 203, "abcdef", "", ""},
		{"another answer", `whole {"do":"replace"}`, "GET", lengthAnswer, 418, `{"message":"no abcdef"}`, "X-Secret|X-Early: 1|X-Reply: 1|Content-Length: 23|Via", "plugin_whole"},
		{"no body to HEAD", `whole {"do":"change"}`, "HEAD", lengthAnswer, 200, "", "X-Secret|X-Length: 200 0|Content-Length: 6", ""},
		{"no body of 304", `whole {"do":"change"}`, "GET", emptyAnswer, 304, "", "X-Secret|X-Length: 304 0", ""},
		{"broken off", `whole {"do":"nothing"}`, "GET", brokenAnswer, 502, badGateway, "X-Secret|X-Early: 1", ReasonTruncatedAnswer},
		{"panic", `whole {"do":"panic"}`, "GET", lengthAnswer, 500, internal, "X-Secret", ReasonPluginPanic},
		{"filters run after it", `whole {"do":"change"}|probe {"do":"body"}`, "GET", lengthAnswer, 200, "ABCDEF!-end", "X-Length: 200 6|Content-Length: 11", ""},
		{"and see what it has changed", `whole {"do":"status"}|probe {"do":"head"}`, "GET", lengthAnswer, 202, "abcdef", "X-Status: 203 true", ""},
		{"filters run on another answer", `whole {"do":"replace"}|probe {"do":"body"}`, "GET", lengthAnswer, 418, `{"MESSAGE":"NO ABCDEF"}-end`, "X-Secret", "plugin_whole"},
		{"not on answers of the gateway", `probe {"do":"reply"}|whole {"do":"change"}`, "GET", lengthAnswer, 418, `{"message":"teapot"}`, "X-Length", "plugin_probe"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := newGateway(t)
			g.configure(t, nil, newOrigin(t, func(_ []byte, _ *bufio.Reader, w io.Writer) bool {
				_, err := io.WriteString(w, tt.answer)
				return err == nil && tt.answer != closedAnswer && tt.answer != brokenAnswer
			}))
			g.plug(t, strings.Split(tt.plugins, "|")...)
			head, body := g.exchange(t, tt.method+" /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
			if head.StatusCode != tt.status || body != tt.body && (head.StatusCode < 500 || !strings.Contains(body, tt.body)) {
				t.Errorf("%d %q, want %d %q", head.StatusCode, body, tt.status, tt.body)
			}
			for f := range strings.SplitSeq(tt.fields, "|") {
				name, want, _ := strings.Cut(f, ": ")
				if got := head.Header.Get(name); name != "" && got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			if err := g.access.Close(); err != nil {
				t.Fatal(err)
			}
			if line := g.log.String(); tt.reason != "" && !strings.Contains(line, `"`+string(tt.reason)+`"`) {
				t.Errorf("the reason %s is not in %s", tt.reason, line)
			}
		})
	}
}

// What does not fit is not sent in part: the plugin may be what keeps it from clients.
func TestResponsePhaseIsBounded(t *testing.T) {
	for length, want := range map[int]int{mostWhole: 200, mostWhole + 1: 502} {
		g := newGateway(t)
		g.configure(t, nil, newOrigin(t, respond(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", length, strings.Repeat("x", length)))))
		g.plug(t, `whole {"do":"nothing"}`)
		head, body := g.exchange(t, "GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
		if head.StatusCode != want || want == 200 && len(body) != length {
			t.Errorf("%d bytes: %d with %d bytes, want %d", length, head.StatusCode, len(body), want)
		}
	}
}

// A connection to a target goes on after its answer was kept, whatever the client got.
func TestResponsePhaseKeepsConnections(t *testing.T) {
	conns := 0
	g := newGateway(t)
	origin := newOrigin(t, func(_ []byte, r *bufio.Reader, w io.Writer) bool {
		conns++
		for {
			if _, err := io.WriteString(w, lengthAnswer); err != nil {
				return false
			}
			for line := ""; line != "\r\n"; {
				var err error
				if line, err = r.ReadString('\n'); err != nil {
					return false
				}
			}
		}
	})
	g.configure(t, nil, origin)
	for _, do := range []string{"nothing", "change", "replace", "nothing"} {
		g.plug(t, `whole {"do":"`+do+`"}`)
		g.exchange(t, "GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
	}
	if conns != 1 {
		t.Errorf("%d connections for four requests, want 1", conns)
	}
}

func TestWholeAnswersInPlugintest(t *testing.T) {
	x, _ := plugintest.New(plugintest.Request{}, nil)
	plugintest.Whole(x, 200, "abc", plugin.Field{Name: "X-Secret", Value: "1"})
	if r := (&whole{Do: "change"}).Response(x); r != nil || string(x.Response.Body()) != "ABC!" || x.Response.Get("X-Secret") != nil {
		t.Errorf("%v %q %q", r, x.Response.Body(), plugintest.Fields(&x.Response.Header))
	}
}
