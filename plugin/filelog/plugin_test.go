package filelog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gibbon/plugin"
	"gibbon/plugin/plugintest"
)

// written returns the paths that the lines of a file tell.
func written(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var uris []string
	for line := range bytes.Lines(data) {
		var e struct{ Request struct{ URI string } }
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		uris = append(uris, e.Request.URI)
	}
	return fmt.Sprint(uris)
}

func log(l plugin.Logger, target string) {
	x, _ := plugintest.New(plugintest.Request{Target: target}, nil)
	plugintest.Answer(x, 200)
	l.Log(x)
}

// await waits until a file has so many lines.
func await(t *testing.T, path string, lines int) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range 5000 {
		if data, err := os.ReadFile(path); err == nil && bytes.Count(data, []byte("\n")) >= lines {
			return
		}
		<-tick.C
	}
	t.Fatalf("%s never has %d lines", path, lines)
}

func TestLines(t *testing.T) {
	state := plugin.NewState(slog.New(slog.DiscardHandler), time.Now, "node")
	path := filepath.Join(t.TempDir(), "log")
	l := plugintest.Start[plugin.Logger](t, &Plugin, fmt.Sprintf(`{"path":%q}`, path), state)
	for i := range 3 {
		log(l, fmt.Sprint("/", i))
	}
	state.Close() // writes what waits
	if got, want := written(t, path), "[/0 /1 /2]"; got != want {
		t.Errorf("lines of %s, want %s", got, want)
	}
}

func TestReopen(t *testing.T) {
	for _, reopen := range []bool{false, true} {
		state := plugin.NewState(slog.New(slog.DiscardHandler), time.Now, "node")
		path := filepath.Join(t.TempDir(), "log")
		l := plugintest.Start[plugin.Logger](t, &Plugin, fmt.Sprintf(`{"path":%q,"reopen":%t}`, path, reopen), state)
		log(l, "/1")
		await(t, path, 1)
		if err := os.Rename(path, path+".1"); err != nil {
			t.Fatal(err)
		}
		log(l, "/2")
		state.Close()
		if reopen {
			if got := written(t, path+".1") + written(t, path); got != "[/1][/2]" {
				t.Errorf("reopen: lines of %s", got)
			}
		} else if got := written(t, path+".1"); got != "[/1 /2]" {
			t.Errorf("not reopen: lines of %s", got)
		}
	}
}

func TestRefusedSettings(t *testing.T) {
	for config, want := range map[string]string{
		`{}`:             "schema violation (config.path: required field missing)",
		`{"path":"/a*"}`: "schema violation (config.path: not a valid filename)",
		`{"path":"/a","custom_fields_by_lua":{"a":"return 1"}}`: "schema violation (config.custom_fields_by_lua: fields made by Lua programs are not supported)",
	} {
		if _, err := plugintest.Decode(&Plugin, config); err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", config, err, want)
		}
	}
}

func TestSchemaIsTheReferences(t *testing.T) { plugintest.CheckSchema(t, &Plugin) }
