package schema

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// adhoc is a record whose declaration is put together by a test.
type adhoc struct {
	fields Fields
	checks Checks
}

func (a *adhoc) Fields() Fields { return a.fields }
func (a *adhoc) Checks() Checks { return a.checks }

// parse reads JSON as bodies are read.
func parse(tb testing.TB, text string) map[string]any {
	tb.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v map[string]any
	if err := d.Decode(&v); err != nil {
		tb.Fatalf("%v in %s", err, text)
	}
	return v
}

func str() *Value[string]              { return String("f", new(string)) }
func num() *Value[float64]             { return NullNumber("f", new(*float64)) }
func whole() *Value[int]               { return NullNumber("f", new(*int)) }
func yes() *Value[bool]                { return NullBool("f", new(*bool)) }
func list() *Value[[]string]           { return List("f", new([]string), anyText) }
func set() *Value[[]string]            { return Set("f", new([]string), anyText) }
func anyText(p *string) *Value[string] { return String("", p) }

func dict() *Value[map[string][]string] {
	return Map("f", new(map[string][]string),
		func(p *string) *Value[string] { return String("", p).Match("^%l+$") },
		func(p *[]string) *Value[[]string] { return List("", p, anyText) })
}

type pair struct{ A, B string }

func (p *pair) Fields() Fields { return Fields{String("a", &p.A), String("b", &p.B)} }
func (p *pair) Checks() Checks { return Checks{AtLeastOneOf("a", "b")} }

func TestRules(t *testing.T) {
	tests := []struct {
		name  string
		field Field
		value string // of the field f; "" leaves it out
		want  string // the error, without "schema violation (f: …)"
	}{
		{"type string", str(), `5`, "expected a string"},
		{"type number", num(), `"5"`, "expected a number"},
		{"type integer", whole(), `"5"`, "expected an integer"},
		{"fraction is no integer", whole(), `5.5`, "expected an integer"},
		{"whole fraction is an integer", whole(), `80.0`, ""},
		{"exponent is an integer", whole(), `1e2`, ""},
		{"too large for an integer", whole(), `1e300`, "expected an integer"},
		{"infinite", num(), `1e999`, "expected a number"},
		{"type boolean", yes(), `1`, "expected a boolean"},
		{"type array", list(), `"a"`, "expected an array"},
		{"object is no array", list(), `{"a":"b"}`, "expected an array"},
		{"empty object is an empty array", list(), `{}`, ""},
		{"type set", set(), `"a"`, "expected a set"},
		{"type map", dict(), `"a"`, "expected a map"},
		{"list has numbers for keys", dict(), `["a"]`, "expected a string"},
		{"empty list is an empty map", dict(), `[]`, ""},
		{"type record", Sub("f", new(pair)), `5`, "expected a record"},
		{"null", str(), `null`, ""},
		{"required absent", str().Required(), ``, "required field missing"},
		{"required null", str().Required(), `null`, "required field missing"},
		{"default instead of absent", str().Required().Default("x"), ``, ""},
		{"no default instead of null", str().Required().Default("x"), `null`, "required field missing"},
		{"empty text", str(), `""`, "length must be at least 1"},
		{"empty text allowed", NullString("f", new(*string)), `""`, ""},
		{"one_of goes before the empty text", str().OneOf("a", "b"), `""`, "expected one of: a, b"},
		{"empty text goes before starts_with", str().StartsWith("/"), `""`, "length must be at least 1"},
		{"eq null", str().Is(Null()), `"a"`, "value must be null"},
		{"eq null with a message", str().MustBeNull("not here"), `"a"`, "not here"},
		{"eq", str().Eq("a"), `"b"`, "value must be a"},
		{"eq passes", whole().Eq(5), `5.0`, ""},
		{"ne", str().Ne("a"), `"a"`, "value must not be a"},
		{"is_regex", str().Regex(), `"a("`, "not a valid regex: a("},
		{"ne with a message", yes().Not(true, "must be off"), `true`, "must be off"},
		{"one_of", str().OneOf("a", "b"), `"c"`, "expected one of: a, b"},
		{"one_of numbers", whole().OneOf(426, 301), `5`, "expected one of: 426, 301"},
		{"one_of compares numbers", whole().OneOf(426, 301), `301.0`, ""},
		{"not_one_of", str().NotOneOf("env"), `"env"`, "must not be one of: env"},
		{"gt", num().Above(0), `0`, "value must be greater than 0"},
		{"between, below", whole().Between(1, 64), `0`, "value should be between 1 and 64"},
		{"between, above", num().Between(0, 100), `100.5`, "value should be between 0 and 100"},
		{"between, both ends pass", num().Between(0, 100), `100`, ""},
		{"timestamp", whole().Timestamp(), `0`, "expected a valid timestamp"},
		{"uuid", str().UUID(), `"x"`, "expected a valid UUID"},
		{"uuid of any version", str().UUID(), `"ABCDEFAB-3333-0333-c333-333333333333"`, ""},
		{"uuid without dashes", str().UUID(), `"ABCDEFAB03333003330c3330333333333333"`, "expected a valid UUID"},
		{"len_eq", list().Is(LenEq(2)), `["a"]`, "length must be 2"},
		{"len_min", list().Is(LenMin(2)), `["a"]`, "length must be at least 2"},
		{"len_max", str().Is(LenMax(2)), `"abc"`, "length must be at most 2"},
		{"starts_with", str().StartsWith("/"), `"a"`, "should start with: /"},
		{"match", str().Match("^%u+$"), `"get"`, "invalid value: get"},
		{"match_any", str().MatchAny("bad", "^/", "^~/"), `"a"`, "bad"},
		{"match_any without a message", str().MatchAny("", "^/"), `"a"`, "invalid value: a"},
		{"match_all", str().MatchAll("two stars", "^[^*]*%*?[^*]*$"), `"**"`, "two stars"},
		{"match_none", str().MatchNone("empty segment", "//"), `"a//b"`, "empty segment"},
		{"contains", list().Contains("a"), `["b"]`, "expected to contain: a"},
		{
			"subsets", list().Subsets([]string{"a", "b"}, []string{"c"}, []string{"d"}), `["c","a"]`,
			"these sets are mutually exclusive: ('c'), ('a', 'b')",
		},
		{"custom", str().Check(func(string) error { return errors.New("odd") }), `"a"`, "odd"},
		{"custom runs last", str().Check(func(string) error { return errors.New("odd") }).OneOf("b"), `"a"`, "expected one of: b"},
		{"reference is not looked into", str().OneOf("b").Referenceable(), `"{vault://env/key}"`, ""},
		{"reference without resource", str().OneOf("b").Referenceable(), `"{vault://env}"`, "expected one of: b"},
		{"map, bad key", dict(), `{"A":[]}`, "invalid value: A"},
		{"map, bad value", dict(), `{"a":"b"}`, "expected an array"},
		{"map, null value", dict(), `{"a":null}`, "required field missing"},
		{"foreign, no object", Foreign("f", new(string), "parents"), `"x"`, "f.id: missing primary key"},
		{"foreign, empty", Foreign("f", new(string), "parents"), `{}`, "f.id: missing primary key"},
		{"foreign, by name", Foreign("f", new(string), "parents").By("name"), `{"name":"x"}`, "f.id: missing primary key"},
		{"foreign, unknown field", Foreign("f", new(string), "parents").By("name"), `{"foo":"x"}`, "f.foo: unknown field"},
		{"foreign, more beside an id", Foreign("f", new(string), "parents").By("name"), `{"id":"00000000-0000-4000-8000-000000000000","created_at":1,"foo":{}}`, ""},
		{"foreign, null id", Foreign("f", new(string), "parents"), `{"id":null}`, "f.id: required field missing"},
		{"foreign, id of another type", Foreign("f", new(string), "parents"), `{"id":5}`, "f.id: expected a string"},
		{"foreign, bad id", Foreign("f", new(string), "parents"), `{"id":"x"}`, "f.id: expected a valid UUID"},
		{
			"foreign, id beside a name", Foreign("f", new(string), "parents").By("name"),
			`{"id":"abcdefab-3333-4333-8333-333333333333","name":"x"}`, "",
		},
		{"element", list(), `["a",5]`, "f.2: expected a string"},
		{"null element", list(), `[null]`, "f.1: required field missing"},
		{"record, unknown field", Sub("f", new(pair)), `{"a":"x","c":1}`, "f.c: unknown field"},
		{
			"record, as list", Sub("f", new(pair)), `["x"]`,
			"f.1: unknown field; f.@entity: {\n  \"at least one of these fields must be non-empty: 'a', 'b'\"\n}",
		},
		{"record null", Sub("f", new(pair)), `null`, "required field missing"},
		{"null record", NullSub("f", new(*pair)), `null`, ""},
		{
			"element that is a record", Set("f", new([]pair), Element[pair]), `[{"a":"x"},{}]`,
			"f.2: {\n  [\"@entity\"] = {\n    \"at least one of these fields must be non-empty: 'a', 'b'\"\n  }\n}",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			body := map[string]any{}
			if tt.value != "" {
				body = parse(t, `{"f":`+tt.value+`}`)
			}
			got := ""
			if err := Decode(body, &adhoc{fields: Fields{tt.field}}); err != nil {
				_, got, _ = strings.Cut(err.Error(), " (")
				got = strings.TrimPrefix(strings.TrimSuffix(got, ")"), "f: ")
			}
			if got != tt.want {
				t.Errorf("%s:\n got %s\nwant %s", tt.value, got, tt.want)
			}
		})
	}
}

func TestCrossChecks(t *testing.T) {
	a, b := String("a", new(string)).OneOf("x", "y"), String("b", new(string)).Match("^%l+$")
	l := List("l", new([]string), anyText)
	conditional := When("a", OneOf("x")).Then("b", Required())
	tests := []struct {
		name, body, want string
		check            CrossCheck
	}{
		{"at_least_one_of", `{}`, "schema violation (at least one of these fields must be non-empty: 'a', 'b')", AtLeastOneOf("a", "b")},
		{"at_least_one_of with an invalid one", `{"a":"z"}`, "schema violation (a: expected one of: x, y)", AtLeastOneOf("a", "b")},
		{"at_least_one_of with an empty list", `{"l":[]}`, "schema violation (at least one of these fields must be non-empty: 'a', 'l')", AtLeastOneOf("a", "l")},
		{"message of its own", `{}`, "schema violation (must set one)", AtLeastOneOf("a", "b").Message("must set one")},
		{"only_one_of", `{"a":"x","b":"q"}`, "schema violation (exactly one of these fields must be non-empty: 'a', 'b')", OnlyOneOf("a", "b")},
		{"mutually_exclusive", `{"a":"x","b":"q"}`, "schema violation (only one or none of these fields must be set: 'a', 'b')", MutuallyExclusive("a", "b")},
		{"mutually_required", `{"b":"q"}`, "schema violation (all or none of these fields must be set: 'a', 'b')", MutuallyRequired("a", "b")},
		{"mutually_required, none", `{}`, "", MutuallyRequired("a", "b")},
		{"distinct", `{"a":"x","b":"x"}`, "schema violation (values of these fields must be distinct: 'a', 'b')", Distinct("a", "b")},
		{"distinct, null is not equal to null", `{}`, "", Distinct("a", "b")},
		{"conditional", `{"a":"x"}`, "2 schema violations (failed conditional validation given value of field 'a'; b: required field missing)", conditional},
		{"conditional, fulfilled", `{"a":"x","b":"q"}`, "", conditional},
		{"conditional, not meant", `{"a":"y"}`, "", conditional},
		{"conditional, condition is null", `{}`, "", conditional},
		{"conditional applies the rules of the field too", `{"a":"x","b":"Q"}`, "2 schema violations (failed conditional validation given value of field 'a'; b: invalid value: Q)", conditional},
		{"conditional with a message", `{"a":"x"}`, "2 schema violations (b is needed; b: required field missing)", When("a", OneOf("x")).Then("b", Required()).Message("b is needed")},
		{"conditional on elements", `{"l":["q"],"b":"q"}`, "2 schema violations (failed conditional validation given value of field 'l'; b: value must be null)", When("l", Elements(NotOneOf("p"))).Then("b", Null())},
		{"conditional_at_least_one_of", `{"a":"x"}`, "schema violation (at least one of these fields must be non-empty: 'b', 'l')", When("a", OneOf("x")).ThenAtLeastOneOf("b", "l")},
		{"custom", `{}`, "schema violation (odd)", CustomCheck(func() error { return errors.New("odd") }, "a")},
		{"custom is skipped when a field of it failed", `{"a":"z"}`, "schema violation (a: expected one of: x, y)", CustomCheck(func() error { return errors.New("odd") }, "a")},
		{"custom about a field", `{}`, "schema violation (b: odd)", CustomCheck(func() error { return InvalidError{"b": "odd"} }, "a")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			if err := Decode(parse(t, tt.body), &adhoc{Fields{a, b, l}, Checks{tt.check}}); err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("%s:\n got %s\nwant %s", tt.body, got, tt.want)
			}
		})
	}
}

func TestLuaPatterns(t *testing.T) {
	tests := []struct {
		pattern, s string
		want       bool
	}{
		{"^%u+$", "GET", true},
		{"^%u+$", "GeT", false},
		{"//", "/a//b", true},
		{"^%*%.", "*.a", true},
		{"%.%*$", "a.*", true},
		{"^[^*]*%*?[^*]*$", "a*b*", false},
		{"^[Hh][Oo][Ss][Tt]$", "hOsT", true},
		{"^[a-z][a-z%d-]-[a-z%d]+$", "my-env2", true},
		{"^[a-z][a-z%d-]-[a-z%d]+$", "my-", false},
		{"^[a-z][a-z%d-]-[a-z%d]+$", "m", false},
		{"^[%a_-][%a%d_-]*$", "-A1", true},
		{"^[%a_-][%a%d_-]*$", "1A", false},
		{"^a.c$", "abc", true},
		{"^%s$", "\t", true},
		{"", "", true},
	}
	for _, tt := range tests {
		if got := luaMatch(tt.s, tt.pattern); got != tt.want {
			t.Errorf("luaMatch(%q, %q) = %v, want %v", tt.s, tt.pattern, got, tt.want)
		}
	}
}

func TestSummary(t *testing.T) {
	tests := []struct {
		name, want string
		err        InvalidError
	}{
		{"one", "schema violation (a: m)", InvalidError{"a": "m"}},
		{
			"sorted, those of the entity first", "3 schema violations (e; a: m; b: n)",
			InvalidError{"b": "n", "a": "m", "@entity": []any{"e"}},
		},
		{
			"one level is spelt out", "2 schema violations (r.x: m; r.y: n)",
			InvalidError{"r": map[string]any{"y": "n", "x": "m"}},
		},
		{
			"deeper ones are dumped", "schema violation (r.x: {\n  [\"not-a-word\"] = \"\\\"\",\n  y = {\n    [2] = \"n\"\n  }\n})",
			InvalidError{"r": map[string]any{"x": map[string]any{"y": []any{nil, "n"}, "not-a-word": `"`}}},
		},
		{
			"keywords are no identifiers", "schema violation (r.x: {\n  [\"end\"] = \"m\"\n})",
			InvalidError{"r": map[string]any{"x": map[string]any{"end": "m"}}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.err.Error(); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestNotation(t *testing.T) {
	got := Notation(map[string]any{"target": "a:80", "consumer": nil, "n": json.Number("5"), "upstream": map[string]any{"id": "x"}})
	if want := `{consumer=null,n=5,target="a:80",upstream={id="x"}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
