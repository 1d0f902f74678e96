package schema

import (
	"testing"
)

type moved struct{ Inner movedInner }

type movedInner struct{ Host string }

func (i *movedInner) Fields() Fields { return Fields{String("host", &i.Host)} }

func (m *moved) Fields() Fields {
	return Fields{
		String("old_host", &m.Inner.Host).Expand(func(v any) map[string]any {
			return map[string]any{"inner": map[string]any{"host": v}}
		}).Deprecated(Deprecation{ReplacedWith: [][]string{{"inner", "host"}}, Message: "moved", RemovedIn: "4.0"}),
		Sub("inner", &m.Inner),
	}
}

// wrapped has the record with the old name as a nested one.
type wrapped struct{ moved }

func (w *wrapped) Fields() Fields { return Fields{Sub("config", &w.moved)} }

func TestOldNamesAreShownInAnswersOnly(t *testing.T) {
	var w wrapped
	if err := Decode(map[string]any{"config": map[string]any{"old_host": "h"}}, &w); err != nil {
		t.Fatal(err)
	}
	if got, want := string(Answer(nil, &w)), `{"config":{"old_host":"h","inner":{"host":"h"}}}`; got != want {
		t.Errorf("Answer = %s, want %s", got, want)
	}
	doc := string(Append(nil, &w))
	if want := `{"config":{"inner":{"host":"h"}}}`; doc != want {
		t.Errorf("Append = %s, want %s", doc, want)
	}
	var again wrapped
	if err := Load([]byte(doc), &again); err != nil || again.Inner.Host != "h" {
		t.Errorf("Load(%s) = %+v, %v", doc, again, err)
	}
	if err := Merge(map[string]any{"config": map[string]any{"inner": map[string]any{"host": "i"}}}, &again); err != nil || again.Inner.Host != "i" {
		t.Errorf("Merge = %+v, %v", again, err)
	}
}
