// Package botdetection refuses programs that crawl the web.
package botdetection

import (
	"bytes"
	"fmt"
	"regexp"

	"gibbon/plugin"
	"gibbon/schema"
)

// Plugin is the line for this plugin in plugin/builtin.
var Plugin = plugin.Plugin{
	Name:       "bot-detection",
	Priority:   2500,
	Doc:        "Refuses the requests of crawlers, by what they say of themselves.",
	New:        func() schema.Record { return new(settings) },
	Allowed:    []string{"grpc", "grpcs", "http", "https"},
	NoConsumer: true,
}

type settings struct {
	Allow []string
	Deny  []string

	allow, deny []*regexp.Regexp
}

// Fields declares the settings.
func (s *settings) Fields() schema.Fields {
	pattern := func(p *string) *schema.Value[string] { return schema.String("", p).Regex() }
	return schema.Fields{
		schema.List("allow", &s.Allow, pattern).Default([]string{}).
			Doc("Regular expressions: a User-Agent that matches one passes whatever else it matches."),
		schema.List("deny", &s.Deny, pattern).Default([]string{}).
			Doc("Regular expressions: a User-Agent that matches one is refused, besides the crawlers that are known."),
	}
}

// Start compiles the patterns.
func (s *settings) Start(*plugin.Env) (err error) {
	if s.allow, err = compile(s.Allow); err != nil {
		return err
	}
	s.deny, err = compile(s.Deny)
	return err
}

func compile(patterns []string) ([]*regexp.Regexp, error) {
	compiled := make([]*regexp.Regexp, 0, len(patterns))
	for _, p := range patterns {
		re, err := regexp.Compile(p)
		if err != nil {
			return nil, fmt.Errorf("pattern %q: %w", p, err)
		}
		compiled = append(compiled, re)
	}
	return compiled, nil
}

var (
	forbidden = &plugin.Reply{Status: 403, Message: "Forbidden"}
	onlyOne   = &plugin.Reply{Status: 400, Message: "Only one User-Agent header allowed"}
)

// Access judges by User-Agent. Who says nothing passes.
func (s *settings) Access(x *plugin.Exchange) *plugin.Reply {
	agent := x.Request.Get("User-Agent")
	switch {
	case agent == nil:
		return nil
	case x.Request.Count("User-Agent") > 1:
		return onlyOne
	case matches(s.allow, agent):
		return nil
	case matches(s.deny, agent), crawls(agent):
		return forbidden
	}
	return nil
}

func matches(patterns []*regexp.Regexp, agent []byte) bool {
	for _, p := range patterns {
		if p.Match(agent) {
			return true
		}
	}
	return false
}

// crawlers are words in the User-Agent of programs that crawl the web: search
// engines, archives, previews, watchers. They are in lower case.
var crawlers = [][]byte{
	[]byte("googlebot"), []byte("mediapartners-google"), []byte("adsbot-google"), []byte("apis-google"),
	[]byte("bingbot"), []byte("bingpreview"), []byte("adidxbot"), []byte("msnbot"), []byte("slurp"),
	[]byte("duckduckbot"), []byte("baiduspider"), []byte("yandexbot"), []byte("yandeximages"), []byte("yandexmobilebot"),
	[]byte("sogou web spider"), []byte("exabot"), []byte("seznambot"), []byte("yeti/"), []byte("naverbot"), []byte("coccocbot"),
	[]byte("petalbot"), []byte("applebot"), []byte("qwantify"), []byte("mojeekbot"), []byte("teoma"), []byte("gigabot"),
	[]byte("ia_archiver"), []byte("archive.org_bot"), []byte("heritrix"), []byte("nutch"), []byte("ccbot"), []byte("commoncrawl"),
	[]byte("facebookexternalhit"), []byte("facebot"), []byte("twitterbot"), []byte("linkedinbot"), []byte("pinterestbot"),
	[]byte("slackbot"), []byte("telegrambot"), []byte("discordbot"), []byte("redditbot"),
	[]byte("ahrefsbot"), []byte("semrushbot"), []byte("mj12bot"), []byte("dotbot"), []byte("rogerbot"), []byte("blexbot"),
	[]byte("screaming frog"), []byte("dataforseobot"), []byte("seokicks"), []byte("megaindex"),
	[]byte("pingdom.com_bot"), []byte("uptimerobot"), []byte("statuscake"), []byte("site24x7"),
	[]byte("gptbot"), []byte("claudebot"), []byte("bytespider"), []byte("amazonbot"), []byte("perplexitybot"),
	[]byte("feedfetcher-google"), []byte("magpie-crawler"), []byte("turnitinbot"), []byte("mail.ru_bot"), []byte("scoutjet"),
}

// maxAgent is how much of a User-Agent is looked at for crawlers.
const maxAgent = 512

// crawls reports whether agent is a known crawler.
func crawls(agent []byte) bool {
	var buffer [maxAgent]byte
	n := copy(buffer[:], agent)
	low := buffer[:n]
	for i, c := range low {
		if 'A' <= c && c <= 'Z' {
			low[i] = c | 0x20
		}
	}
	for _, word := range crawlers {
		if bytes.Contains(low, word) {
			return true
		}
	}
	return false
}
