package script

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"gibbon/test/gateway"
	"gibbon/test/origin"
)

// outcome ends a verb: an error must be there exactly when "!" was.
func outcome(ts *testscript.TestScript, neg bool, err error) {
	switch {
	case err != nil && !neg:
		ts.Fatalf("%v", err)
	case err == nil && neg:
		ts.Fatalf("unexpected success")
	case err != nil:
		ts.Logf("[%v]", err)
	}
}

func serverVerb(ts *testscript.TestScript, _ bool, args []string) {
	w, name := of(ts), args[0]
	port := "0"
	s := w.servers[name]
	for i := 1; i < len(args); i++ {
		switch args[i] {
		case "-port":
			i++
			port = args[i]
		case "-status":
			i++
			code, err := strconv.Atoi(args[i])
			ts.Check(err)
			if s == nil {
				s = w.listen(ts, name, port)
			}
			s.SetStatus(code)
		case "-stop":
			ts.Check(s.Close())
			s.up = false
		case "-start":
			fresh, err := origin.Listen(name, s.address)
			ts.Check(err)
			s.Server, s.up = fresh, true
		default:
			ts.Fatalf("server: unknown %q", args[i])
		}
	}
	if s == nil {
		w.listen(ts, name, port)
	}
}

func (w *world) listen(ts *testscript.TestScript, name, port string) *server {
	o, err := origin.Listen(name, net.JoinHostPort(gateway.NewAddress(), port))
	ts.Check(err)
	s := &server{o, o.Address(), true}
	w.servers[name] = s
	if !strings.ContainsAny(name, ".-") {
		ts.Setenv(name, s.address)
	}
	return s
}

func gatewayVerb(ts *testscript.TestScript, neg bool, args []string) {
	w := of(ts)
	if len(args) == 0 || !strings.HasPrefix(args[0], "-") {
		outcome(ts, neg, w.start(args))
		return
	}
	switch args[0] {
	case "-kill":
		w.gateway.Kill()
	case "-signal":
		signals := map[string]syscall.Signal{"QUIT": syscall.SIGQUIT, "TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP, "USR1": syscall.SIGUSR1}
		ts.Check(w.gateway.Signal(signals[args[1]]))
	case "-wait":
		ctx, cancel := context.WithTimeout(w.ctx, patience)
		defer cancel()
		select {
		case <-w.gateway.Exited():
		case <-ctx.Done():
			ts.Fatalf("the gateway still runs")
		}
	case "-output":
		_, _ = io.WriteString(ts.Stdout(), w.gateway.Output()) // a buffer
	default:
		ts.Fatalf("gateway: unknown %q", args[0])
	}
}

// gibbonVerb runs a command of the program with the settings of the gateway.
func gibbonVerb(ts *testscript.TestScript, neg bool, args []string) {
	w := of(ts)
	command := exec.CommandContext(w.ctx, w.binary, args...)
	command.Dir = ts.MkAbs(".")
	command.Stdout, command.Stderr = ts.Stdout(), ts.Stderr()
	command.Env = w.environment()
	if w.gateway != nil {
		command.Env = w.gateway.Environment()
	}
	outcome(ts, neg, command.Run())
}

func adminVerb(ts *testscript.TestScript, neg bool, args []string) {
	w := of(ts)
	body, contentType := "", ""
	if rest := args[2:]; len(rest) == 1 && !strings.Contains(rest[0], "=") {
		body, contentType = ts.ReadFile(rest[0]), "application/json"
	} else if len(rest) > 0 {
		form := url.Values{}
		for _, pair := range rest {
			name, value, _ := strings.Cut(pair, "=")
			form.Add(name, value)
		}
		body, contentType = form.Encode(), "application/x-www-form-urlencoded"
	}
	status, text, err := w.admin(args[0], args[1], body, contentType)
	if err == nil {
		fmt.Fprintf(ts.Stdout(), "%d\n%s\n", status, text)
		if status >= 400 {
			err = fmt.Errorf("status %d: %s", status, text)
		}
	}
	outcome(ts, neg, err)
}

// admin calls the Admin API.
func (w *world) admin(method, path, body, contentType string) (status int, text string, err error) {
	request, err := http.NewRequestWithContext(w.ctx, method, "http://"+w.gateway.Admin+path, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	all, err := io.ReadAll(response.Body)
	return response.StatusCode, string(all), err
}

// getVerb asks on new connections and prints how often who answered what. One
// request prints the answer too.
func getVerb(ts *testscript.TestScript, neg bool, args []string) {
	w := of(ts)
	n, method := 1, http.MethodGet
	header := http.Header{}
	for len(args) > 1 {
		switch args[0] {
		case "-n":
			count, err := strconv.Atoi(args[1])
			ts.Check(err)
			n = count
		case "-method":
			method = args[1]
		case "-header":
			name, value, _ := strings.Cut(args[1], ":")
			header.Add(name, strings.TrimSpace(value))
		default:
			ts.Fatalf("get: unknown %q", args[0])
		}
		args = args[2:]
	}
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	tally := map[string]int{}
	var failed error
	for range n {
		request, err := http.NewRequestWithContext(w.ctx, method, "http://"+w.gateway.Proxy+args[0], http.NoBody)
		ts.Check(err)
		request.Header = header
		response, err := client.Do(request)
		if err != nil {
			tally["- "+plainError(err)]++
			failed = err
			continue
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			failed = err
		}
		tally[cmp.Or(response.Header.Get("X-Upstream"), "-")+" "+strconv.Itoa(response.StatusCode)]++
		if n == 1 {
			_ = response.Header.Write(ts.Stdout()) // a buffer
			fmt.Fprintf(ts.Stdout(), "\n%s\n", body)
		}
	}
	for _, who := range slices.Sorted(maps.Keys(tally)) {
		fmt.Fprintf(ts.Stdout(), "%s: %d\n", who, tally[who])
	}
	outcome(ts, neg, failed)
}

// plainError is an error without addresses.
func plainError(err error) string {
	if operation, ok := errors.AsType[*net.OpError](err); ok {
		return operation.Op + " error"
	}
	return "error"
}

// refusedVerb waits until new connections to the proxy are refused.
func refusedVerb(ts *testscript.TestScript, _ bool, _ []string) {
	w := of(ts)
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	ts.Check(gateway.Poll(ctx, func() error {
		c, err := new(net.Dialer).DialContext(ctx, "tcp", w.gateway.Proxy)
		if err != nil {
			return nil //nolint:nilerr // that is wanted
		}
		c.Close()
		return errors.New("the proxy takes new connections")
	}))
}

var (
	local  = regexp.MustCompile(`\blocalhost:(800[01]|8443)\b`)
	atPort = regexp.MustCompile(`^:(800[01]|8443)\b`)
)

// toolVerb runs curl or HTTPie. localhost stands for the gateway's address, and
// what the gateway sees in Host is still localhost.
func toolVerb(tool string) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		w := of(ts)
		w.called = append([]string{tool}, args...)
		args = slices.Clone(args)
		for i, arg := range args {
			arg = local.ReplaceAllString(arg, w.address+":$1")
			args[i] = atPort.ReplaceAllString(arg, w.address+":$1")
		}
		if tool == "http" {
			args = append([]string{"--ignore-stdin"}, args...)
		}
		command := exec.CommandContext(w.ctx, tool, args...)
		command.Stdout, command.Stderr = ts.Stdout(), ts.Stderr()
		command.Env = append(os.Environ(), "HOME="+ts.Getenv("HOME"), "HTTPIE_CONFIG_DIR="+ts.Getenv("HOME"), "LC_ALL=C.UTF-8")
		outcome(ts, neg, command.Run())
	}
}

// untilVerb repeats admin or get until the output matches, or, with a pattern
// that begins with "!", until it does not.
func untilVerb(ts *testscript.TestScript, _ bool, args []string) {
	w := of(ts)
	limit := patience
	if args[0] == "-within" {
		var err error
		limit, err = time.ParseDuration(args[1])
		ts.Check(err)
		args = args[2:]
	}
	expression, negated := strings.CutPrefix(args[0], "!")
	pattern, err := regexp.Compile("(?m)" + expression)
	ts.Check(err)
	if len(args) < 3 || args[1] != "admin" && args[1] != "get" {
		ts.Fatalf("usage: until PATTERN admin METHOD PATH | get [-n N] PATH")
	}
	ctx, cancel := context.WithTimeout(w.ctx, limit)
	defer cancel()
	ts.Check(gateway.Poll(ctx, func() error {
		var text string
		var err error
		if args[1] == "admin" {
			_, text, err = w.admin(args[2], args[3], "", "")
		} else {
			text, err = w.count(args[2:])
		}
		if err == nil && pattern.MatchString(text) == negated {
			err = fmt.Errorf("%s: %s", strings.Join(args[1:], " "), text)
		}
		return err
	}))
}

// count is the tally of get [-n N] PATH as text.
func (w *world) count(args []string) (string, error) {
	n := 1
	if args[0] == "-n" {
		n, _ = strconv.Atoi(args[1]) // 0 matches nothing
		args = args[2:]
	}
	tally := map[string]int{}
	for range n {
		who, status, err := ask(w.ctx, http.DefaultClient, w.gateway.Proxy, args[0])
		if err != nil {
			return "", err
		}
		tally[fmt.Sprintf("%s %d", who, status)]++
	}
	var text bytes.Buffer
	for _, who := range slices.Sorted(maps.Keys(tally)) {
		fmt.Fprintf(&text, "%s: %d\n", who, tally[who])
	}
	return text.String(), nil
}

// ask sends one request to a proxy and tells which server answered.
func ask(ctx context.Context, client *http.Client, proxy, path string) (who string, status int, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+proxy+path, http.NoBody)
	if err != nil {
		return "-", 0, err
	}
	response, err := client.Do(request)
	if err != nil {
		return "-", 0, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return cmp.Or(response.Header.Get("X-Upstream"), "-"), response.StatusCode, err
}

// logVerb waits until a file of the prefix has a line that matches.
func logVerb(ts *testscript.TestScript, _ bool, args []string) {
	w := of(ts)
	pattern, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	ts.Check(gateway.Poll(ctx, func() error {
		text, err := os.ReadFile(filepath.Join(w.prefix, args[1]))
		if err != nil {
			return err
		}
		if !pattern.Match(text) {
			return fmt.Errorf("%s: %s", args[1], text[max(0, len(text)-2000):])
		}
		if args[1] == "logs/access.json" {
			for line := range bytes.Lines(text) {
				if !json.Valid(line) {
					return fmt.Errorf("%s: not JSON: %s", args[1], line)
				}
			}
		}
		return nil
	}))
}
