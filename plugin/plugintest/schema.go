package plugintest

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gibbon/entity"
	"gibbon/plugin"
	"gibbon/schema"
)

// CheckSchema compares the description of p with the one in testdata/schema.json,
// which the reference has given. The words are our own. It also holds that each setting
// has a test: see CheckSettings.
func CheckSchema(tb testing.TB, p *plugin.Plugin) {
	tb.Helper()
	recorded, err := os.ReadFile("testdata/schema.json")
	if err != nil {
		tb.Fatal(err)
	}
	kinds := entity.NewKinds(entity.Options{Plugins: plugin.Types([]*plugin.Plugin{p})})
	described := schema.DescribeVariant(kinds.Of("plugins").Variants[0].Schema())
	if diff := cmp.Diff(settled("", parseJSON(tb, recorded)), settled("", parseJSON(tb, described))); diff != "" {
		tb.Errorf("description of %s differs (-want +got):\n%s", p.Name, diff)
	}
	CheckSettings(tb, p)
}

// Shown is what the Admin API shows of a configured plugin.
func Shown(e *entity.Plugin) []byte { return schema.Answer(nil, e) }

func parseJSON(tb testing.TB, text []byte) any {
	tb.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		tb.Fatal(err)
	}
	return v
}

// settled takes out of a description what differs between two runs of the
// reference, which adds properties while it validates, and its words.
func settled(name string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, value := range v {
			_, isText := value.(string)
			member := name == "elements" || name == "keys" || name == "values"
			if key == "description" && isText || key == "len_min" && value == json.Number("1") || key == "required" && member {
				continue
			}
			out[key] = settled(key, value)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, value := range v {
			out[i] = settled("", value)
		}
		return out
	}
	return v
}
