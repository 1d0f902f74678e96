package schema

import "testing"

type masked struct {
	Name, Token, Made, Vault string
	Keys                     []string
	Inner                    maskedInner
}

type maskedInner struct {
	Password string
	ByName   map[string]string
}

func (s *masked) Fields() Fields {
	return Fields{
		String("name", &s.Name),
		String("token", &s.Token).Encrypted(),
		Secret("made", &s.Made),
		String("vault", &s.Vault).Encrypted().Referenceable(),
		List("keys", &s.Keys, secretText).Encrypted(),
		Sub("inner", &s.Inner),
	}
}

func (s *maskedInner) Fields() Fields {
	return Fields{
		String("password", &s.Password).Encrypted(),
		Map("by_name", &s.ByName, secretText, func(p *string) *Value[string] { return secretText(p).Encrypted() }),
	}
}

func secretText(p *string) *Value[string] { return String("", p) }

func TestMaskHidesSecrets(t *testing.T) {
	t.Parallel()
	s := &masked{
		"n", "t", "m", "{vault://env/x}",
		[]string{"a", "b"},
		maskedInner{"p", map[string]string{"x": "y"}},
	}
	tree := Tree(s)
	Mask(tree, s)
	want := `{inner={by_name={x="******"},password="******"},keys={"******","******"},made="******",name="n",token="******",vault="{vault://env/x}"}`
	if got := Notation(tree); got != want {
		t.Errorf("masked = %s, want %s", got, want)
	}
}

func TestTextIn(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		doc, want string
		ok        bool
	}{
		{`{"id":"1","name":"a\"b","tags":["name"]}`, `a"b`, true},
		{`{"nested":{"name":"no"},"name":"yes"}`, "yes", true},
		{`{"name":null}`, "", true},
		{`{"name":7}`, "", true},
		{`{"names":"x"}`, "", true},
		{`{"name":"a`, "", false},
		{``, "", false},
	} {
		if got, ok := TextIn([]byte(tt.doc), "name"); got != tt.want || ok != tt.ok {
			t.Errorf("TextIn(%s) = %q, %t", tt.doc, got, ok)
		}
	}
}
