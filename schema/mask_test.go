package schema_test

import (
	"testing"

	"gibbon/schema"
)

type secretive struct {
	Name, Token, Made, Vault string
	Keys                     []string
	Inner                    secretiveInner
}

type secretiveInner struct {
	Password string
	ByName   map[string]string
}

func (s *secretive) Fields() schema.Fields {
	return schema.Fields{
		schema.String("name", &s.Name),
		schema.String("token", &s.Token).Encrypted(),
		schema.Secret("made", &s.Made),
		schema.String("vault", &s.Vault).Encrypted().Referenceable(),
		schema.List("keys", &s.Keys, secretText).Encrypted(),
		schema.Sub("inner", &s.Inner),
	}
}

func (s *secretiveInner) Fields() schema.Fields {
	return schema.Fields{
		schema.String("password", &s.Password).Encrypted(),
		schema.Map("by_name", &s.ByName, secretText, func(p *string) *schema.Value[string] { return secretText(p).Encrypted() }),
	}
}

func secretText(p *string) *schema.Value[string] { return schema.String("", p) }

func TestMaskHidesSecrets(t *testing.T) {
	t.Parallel()
	s := &secretive{
		"n", "t", "m", "{vault://env/x}",
		[]string{"a", "b"}, secretiveInner{"p", map[string]string{"x": "y"}},
	}
	tree := schema.Tree(s)
	schema.Mask(tree, s)
	want := `{inner={by_name={x="******"},password="******"},keys={"******","******"},made="******",name="n",token="******",vault="{vault://env/x}"}`
	if got := schema.Notation(tree); got != want {
		t.Errorf("masked = %s, want %s", got, want)
	}
}
