package schema

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type secretive struct {
	key, plain string
	list       []string
	headers    map[string]string
	inner      secretiveInner
	maybe      *secretiveInner
}

type secretiveInner struct{ password string }

func (s *secretive) Fields() Fields {
	secret := func(p *string) *Value[string] { return String("", p).Referenceable() }
	return Fields{
		String("key", &s.key).Referenceable(),
		String("plain", &s.plain),
		List("list", &s.list, secret),
		Map("headers", &s.headers, func(p *string) *Value[string] { return String("", p) }, secret),
		Sub("inner", &s.inner),
		NullSub("maybe", &s.maybe),
	}
}

func (s *secretiveInner) Fields() Fields {
	return Fields{String("password", &s.password).Referenceable()}
}

func TestDereference(t *testing.T) {
	const ref = "{vault://env/x}"
	s := &secretive{
		key: ref, plain: ref, list: []string{"a", ref}, headers: map[string]string{"h": ref},
		inner: secretiveInner{ref}, maybe: &secretiveInner{ref},
	}
	shared := s.list
	var asked []string
	Dereference(s, func(reference string) string {
		asked = append(asked, reference)
		return "value"
	})
	want := map[string]any{
		"key": "value", "plain": ref, "list": []any{"a", "value"}, "headers": map[string]any{"h": "value"},
		"inner": map[string]any{"password": "value"}, "maybe": map[string]any{"password": "value"},
	}
	if diff := cmp.Diff(want, Tree(s)); diff != "" {
		t.Errorf("differs (-want +got):\n%s", diff)
	}
	if shared[1] != ref {
		t.Error("a list that others may share was changed")
	}
	if got := strings.Join(asked, " "); strings.ReplaceAll(got, ref, "") != "    " {
		t.Errorf("asked for %q, want five times the reference", got)
	}
}
