package resolver

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestHostsFile(t *testing.T) {
	const hosts = `
127.0.0.1 localhost
# 1.1.1.1 comment.test
10.2.0.1	One.test one.alias.test. # more
10.2.0.2 one.test
fd00::1 one.test six.test
::ffff:10.2.0.3 mapped.test
nonsense bad.test
10.2.0.4
10.2.0.5 b..ad good.test
`
	f := newFake(t, "one.test. 60 A 10.1.0.1\ncomment.test. 60 A 10.1.0.2\nbad.test. 60 A 10.1.0.3")
	r := newResolver(t, f, "", hosts, Options{Order: []string{"A"}})
	for name, want := range map[string]string{
		"localhost":      "A 127.0.0.1",
		"one.test":       "A 10.2.0.1 10.2.0.2",
		"ONE.test.":      "A 10.2.0.1 10.2.0.2",
		"one.alias.test": "A 10.2.0.1",
		"six.test":       "AAAA fd00::1",
		"mapped.test":    "A 10.2.0.3",
		"good.test":      "A 10.2.0.5",
		"comment.test":   "A 10.1.0.2",
		"bad.test":       "A 10.1.0.3",
	} {
		if got := lookup(t, r, name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
		if got := cached(r, name); got != want {
			t.Errorf("%s: remembered as %s, want %s", name, got, want)
		}
	}
}

func TestLocalhostNeedsNoFile(t *testing.T) {
	r, err := New(Options{HostsFile: "off", ResolvConf: t.TempDir() + "/none"})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, want := lookup(t, r, "localhost"), "A 127.0.0.1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestFilesAreReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, "a.test. 60 A 10.1.0.1")
		r := newResolver(t, f, "", "10.2.0.1 h.test", Options{Order: []string{"A"}})
		if got, want := lookup(t, r, "h.test"), "A 10.2.0.1"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		write(t, r.o.HostsFile, "10.2.0.22 h.test")
		write(t, r.o.ResolvConf, "nameserver 10.0.0.99")
		<-time.After(watchInterval)
		synctest.Wait()
		if got, want := cached(r, "h.test"), "A 10.2.0.22"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		lookup(t, r, "a.test")
		if got, want := f.questions(), "a.test A @10.0.0.99"; got != want {
			t.Errorf("asked for %s, want %s", got, want)
		}
	})
}

func TestParseConf(t *testing.T) {
	tests := []struct {
		name, text, localDomain, options string
		want                             conf
	}{
		{"nothing", "", "", "", conf{servers: []string{"127.0.0.1:53"}, ndots: 1, timeout: 5 * time.Second, attempts: 2}},
		{
			"everything", "# no\n; no\nnameserver 10.0.0.1\nnameserver fd00::1\nnameserver 10.0.0.3\nnameserver 10.0.0.4\n" +
				"search A.test. b.test\noptions ndots:3 timeout:1 attempts:4 rotate edns0\nnonsense\nnameserver x\n", "", "",
			conf{[]string{"10.0.0.1:53", "[fd00::1]:53", "10.0.0.3:53"}, []string{"a.test", "b.test"}, 3, time.Second, 4, true},
		},
		{
			"the last of domain and search", "search a.test b.test\ndomain c.test", "", "",
			conf{[]string{"127.0.0.1:53"}, []string{"c.test"}, 1, 5 * time.Second, 2, false},
		},
		{
			"the environment", "search a.test\noptions ndots:2 timeout:9", "l.test m.test", "timeout:2 rotate",
			conf{[]string{"127.0.0.1:53"}, []string{"l.test", "m.test"}, 2, 2 * time.Second, 2, true},
		},
		{
			"out of range", "options ndots:99 timeout:0 attempts:99 ndots:x ndots:-1", "", "",
			conf{[]string{"127.0.0.1:53"}, nil, 15, time.Second, 5, false},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			environ := map[string]string{"LOCALDOMAIN": tt.localDomain, "RES_OPTIONS": tt.options}
			got := parseConf(tt.text, func(name string) string { return environ[name] })
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(conf{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestOptionsAreChecked(t *testing.T) {
	tests := []struct {
		options Options
		want    string
	}{
		{Options{Order: []string{"A", "MX"}}, `dns order: unknown type "MX"`},
		{Options{Order: []string{"A", "LAST"}}, "dns order: LAST must come first"},
		{Options{Order: []string{"LAST"}}, "dns order: no type to ask for"},
		{Options{Servers: []string{"dns.test"}}, `dns server "dns.test" is not an address with or without port`},
	}
	for _, tt := range tests {
		if _, err := New(tt.options); err == nil || err.Error() != tt.want {
			t.Errorf("%+v: %v, want %s", tt.options, err, tt.want)
		}
	}
}

func TestServersOfTheOptionsComeFirst(t *testing.T) {
	f := newFake(t, zone)
	r := newResolver(t, f, "nameserver 10.0.0.1", "", Options{Order: []string{"A"}, Servers: []string{"10.0.0.2:5353", "fd00::5"}})
	lookup(t, r, "a.test")
	if got, want := f.questions(), "a.test A @10.0.0.2:5353"; got != want {
		t.Errorf("asked for %s, want %s", got, want)
	}
}

func FuzzFiles(f *testing.F) {
	f.Add("127.0.0.1 localhost\n::1 ip6-localhost # x\n")
	f.Add("nameserver 10.0.0.1\nsearch a b\noptions ndots:5 timeout:x\n")
	f.Fuzz(func(t *testing.T, text string) {
		for name, a := range parseHosts(text) {
			if name != strings.ToLower(name) || len(a.Records) == 0 || !a.Records[0].IP.IsValid() {
				t.Errorf("%q is %+v", name, a)
			}
		}
		c := parseConf(text, func(string) string { return text })
		if len(c.servers) == 0 || len(c.servers) > 3 || c.timeout <= 0 || c.attempts < 1 || c.ndots < 0 {
			t.Errorf("%+v", c)
		}
	})
}
