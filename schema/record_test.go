package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

// A plugin stands for the records of later: its settings depend on its name.
type plugin struct {
	ID      string
	Created float64
	Updated int64
	Name    string
	Secret  string
	Parent  string
	Owner   string
	Tags    []string
	Note    string // an extension
	Hint    string // transient
	Limit   *int
	inner   inner
	count   counting
}

func (p *plugin) Prepare(op Op, body map[string]any) error {
	name, ok := body["name"].(string)
	if !ok && op == Update {
		name, ok = p.Name, true
	}
	if ok && name != "inner" && name != "count" {
		return InvalidError{"name": "plugin '" + name + "' not enabled"}
	}
	p.Name = name
	return nil
}

func (p *plugin) settings() Record {
	switch p.Name {
	case "inner":
		return &p.inner
	case "count":
		return &p.count
	}
	return nil
}

func (p *plugin) Fields() Fields {
	return Fields{
		String("old_limit", new(string)).Expand(func(v any) map[string]any {
			return map[string]any{"limit": json.Number(text(v))}
		}).Deprecated(Deprecation{ReplacedWith: [][]string{{"limit"}}, Message: "use limit", RemovedIn: "4.0"}),
		ID("id", &p.ID),
		Created("created_at", &p.Created),
		Updated("updated_at", &p.Updated),
		String("name", &p.Name).Required().Unique(),
		Secret("secret", &p.Secret),
		Foreign("parent", &p.Parent, "parents").By("name", "custom_id").OnDelete(Cascade),
		Foreign("owner", &p.Owner, "owners").By("name"),
		Set("tags", &p.Tags, anyText),
		String("note", &p.Note).Extension().Default("none"),
		String("hint", &p.Hint).Transient(),
		NullNumber("limit", &p.Limit).Default(5),
		Chosen("config", p.settings),
	}
}

func (p *plugin) UniqueTogether() [][]string { return [][]string{{"name", "parent"}} }

type inner struct {
	Size  int
	Words []string
	Map   map[string]string
}

func (i *inner) Fields() Fields {
	return Fields{
		Number("size", &i.Size).Required().Default(3),
		List("words", &i.Words, anyText).Default([]string{"a"}),
		Map("map", &i.Map, anyText, anyText),
	}
}

type counting struct{ Minute *float64 }

func (c *counting) Fields() Fields { return Fields{NullNumber("minute", &c.Minute).Above(0)} }

const (
	idA = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
	idB = "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"
)

func TestDecode(t *testing.T) {
	tests := []struct{ name, body, want string }{
		{"defaults, and settings by name", `{"name":"inner"}`, `{"id":null,"created_at":null,"updated_at":null,"name":"inner","secret":null,` +
			`"parent":null,"owner":null,"tags":null,"limit":5,"config":{"size":3,"words":["a"],"map":null}}`},
		{"null is no default", `{"name":"count","limit":null}`, `{"id":null,"created_at":null,"updated_at":null,"name":"count","secret":null,` +
			`"parent":null,"owner":null,"tags":null,"limit":null,"config":{"minute":null}}`},
		{
			"sets lose duplicates, ids capitals", `{"name":"count","tags":["b","a","b"],"id":"` + strings.ToUpper(idA) + `","parent":{"id":"` + strings.ToUpper(idB) + `"}}`,
			`{"id":"` + idA + `","created_at":null,"updated_at":null,"name":"count","secret":null,"parent":{"id":"` + idB + `"},"owner":null,` +
				`"tags":["b","a"],"limit":5,"config":{"minute":null}}`,
		},
		{"extension", `{"name":"count","note":"x","hint":"y"}`, `{"id":null,"created_at":null,"updated_at":null,"name":"count","secret":null,` +
			`"parent":null,"owner":null,"tags":null,"note":"x","limit":5,"config":{"minute":null}}`},
		{"extension set to null", `{"name":"count","note":null}`, `{"id":null,"created_at":null,"updated_at":null,"name":"count","secret":null,` +
			`"parent":null,"owner":null,"tags":null,"note":null,"limit":5,"config":{"minute":null}}`},
		{"shorthand", `{"name":"count","old_limit":"7"}`, `{"id":null,"created_at":null,"updated_at":null,"name":"count","secret":null,` +
			`"parent":null,"owner":null,"tags":null,"limit":7,"config":{"minute":null}}`},
		{"shorthand of another type", `{"old_limit":7}`, `schema violation (old_limit: expected a string)`},
		{
			"shorthand against its successor", `{"name":"count","old_limit":"7","limit":8}`,
			`schema violation (old_limit: both deprecated and new field are used but their values mismatch: old_limit = 7 vs limit = 8)`,
		},
		{"unknown name ends it", `{"name":"x","bogus":1}`, `schema violation (name: plugin 'x' not enabled)`},
		{"no name", `{"config":{"a":1}}`, `2 schema violations (config.a: unknown field; name: required field missing)`},
		{"settings of another", `{"name":"count","config":{"size":1}}`, `schema violation (config.size: unknown field)`},
		{"rule in the settings", `{"name":"count","config":{"minute":0}}`, `schema violation (config.minute: value must be greater than 0)`},
		{"by name", `{"name":"count","parent":{"custom_id":"p"}}`, `{"id":null,"created_at":null,"updated_at":null,"name":"count","secret":null,` +
			`"parent":{"id":"` + idB + `"},"owner":null,"tags":null,"limit":5,"config":{"minute":null}}`},
		{
			"names unknown", `{"name":"count","bogus":1,"parent":{"name":"q"},"owner":{"name":"r"}}`,
			`2 foreign keys unresolved (owner.name: the foreign key cannot be resolved with '{name="r"}' for an existing 'owners' entity; ` +
				`parent.name: the foreign key cannot be resolved with '{name="q"}' for an existing 'parents' entity)`,
		},
	}
	d := Decoder{Resolve: func(l Lookup) (string, bool, error) {
		return idB, l == Lookup{"parent", "parents", "custom_id", "p"}, nil
	}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := new(plugin)
			body := parse(t, tt.body)
			before := parse(t, tt.body)
			if got := outcome(d.Decode(body, p), p); got != tt.want {
				t.Errorf("%s:\n got %s\nwant %s", tt.body, got, tt.want)
			}
			if !reflect.DeepEqual(body, before) {
				t.Errorf("%s: the body was changed to %v", tt.body, body)
			}
		})
	}
}

func outcome(err error, r Record) string {
	if err != nil {
		return err.Error()
	}
	return string(Append(nil, r))
}

func TestMerge(t *testing.T) {
	stored := `{"id":"` + idA + `","created_at":1.5,"updated_at":2,"name":"inner","secret":"s","parent":{"id":"` + idB + `"},"owner":null,` +
		`"tags":["a"],"note":"n","limit":9,"config":{"size":1,"words":["x","y"],"map":{"k":"v"}}}`
	change := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(stored) }
	tests := []struct{ name, body, want string }{
		{"absent stays", `{}`, stored},
		{
			"null clears", `{"limit":null,"parent":null,"tags":null}`,
			change(`"limit":9`, `"limit":null`, `{"id":"`+idB+`"}`, `null`, `"tags":["a"]`, `"tags":null`),
		},
		{"null for what is required", `{"name":null}`, `schema violation (name: required field missing)`},
		{"records merge", `{"config":{"size":2}}`, change(`"size":1`, `"size":2`)},
		{"lists and maps do not", `{"config":{"words":["z"],"map":{"l":"w"}}}`, change(`["x","y"]`, `["z"]`, `{"k":"v"}`, `{"l":"w"}`)},
		{"unknown in a record", `{"config":{"bogus":2}}`, `schema violation (config.bogus: unknown field)`},
		{"type of a record", `{"config":5}`, `schema violation (config: expected a record)`},
		{"another id is passed over", `{"id":"` + idB + `","limit":1}`, change(`"limit":9`, `"limit":1`)},
		{"shorthand", `{"old_limit":"3"}`, change(`"limit":9`, `"limit":3`)},
		{"no default is filled in", `{"note":"m"}`, change(`"n"`, `"m"`)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := new(plugin)
			if err := Load([]byte(stored), p); err != nil {
				t.Fatal(err)
			}
			if got := outcome(Merge(parse(t, tt.body), p), p); got != tt.want {
				t.Errorf("%s:\n got %s\nwant %s", tt.body, got, tt.want)
			}
		})
	}
}

func TestMergeSaysThatItUpdates(t *testing.T) {
	p := &pair{A: "x"}
	err := Merge(map[string]any{"a": nil}, p)
	want := "schema violation (when updating, at least one of these fields must be non-empty: 'a', 'b')"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestNullThatTheStoreRefuses(t *testing.T) {
	weight := 0
	r := &adhoc{fields: Fields{Number("weight", &weight).Default(100).NotNull()}}
	null, ok := errors.AsType[*NullError](Decode(map[string]any{"weight": nil}, r))
	if !ok || null.Field != "weight" {
		t.Errorf("got %v, want a NullError", null)
	}
	if err := Check(map[string]any{"weight": nil}, r); err != nil {
		t.Errorf("Check: %v, want none", err)
	}
}

func TestLoad(t *testing.T) {
	tests := []struct{ name, doc, want string }{
		{"absent fields take their defaults", `{"name":"inner"}`, `{"id":null,"created_at":null,"updated_at":null,"name":"inner","secret":null,` +
			`"parent":null,"owner":null,"tags":null,"limit":5,"config":{"size":3,"words":["a"],"map":null}}`},
		{
			"any order, blanks, unknown fields", ` { "limit" : 1 , "zzz" : [ { } , [ 1.5e3 , "\"" ] , true , null ] , "name" : "count" } `,
			`{"id":null,"created_at":null,"updated_at":null,"name":"count","secret":null,` +
				`"parent":null,"owner":null,"tags":null,"limit":1,"config":{"minute":null}}`,
		},
		{
			"escapes", `{"name":"count","secret":"\u00e9\ud83d\ude00\n\"\\\/\b\f\r\t\u0001"}`,
			`{"id":null,"created_at":null,"updated_at":null,"name":"count","secret":"é😀\n\"\\/\u0008\u000c\r\t\u0001",` +
				`"parent":null,"owner":null,"tags":null,"limit":5,"config":{"minute":null}}`,
		},
		{"null settings", `{"name":"inner","config":null}`, `{"id":null,"created_at":null,"updated_at":null,"name":"inner","secret":null,` +
			`"parent":null,"owner":null,"tags":null,"limit":5,"config":{"size":3,"words":["a"],"map":null}}`},
		{"cut off", `{"name":"inner"`, `load "{\"name\":\"inner\"": malformed document`},
		{"two", `{}{}`, `load "{}{}": malformed document`},
		{"no object", `5`, `load "5": malformed document`},
		{"text in the place of a number", `{"limit":"5"}`, `load "{\"limit\":\"5\"}": malformed document`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := new(plugin)
			if got := outcome(Load([]byte(tt.doc), p), p); got != tt.want {
				t.Errorf("%s:\n got %s\nwant %s", tt.doc, got, tt.want)
			}
		})
	}
}

func TestLoaderSharesNothing(t *testing.T) {
	l := NewLoader[inner]()
	first, err := l.Load([]byte(`{"size":1,"words":["x"],"map":{"a":"b"}}`))
	if err != nil {
		t.Fatal(err)
	}
	second, err := l.Load([]byte(`{"size":2}`))
	if err != nil {
		t.Fatal(err)
	}
	second.Words[0] = "changed"
	third, err := l.Load([]byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	if first.Size != 1 || first.Words[0] != "x" || first.Map["a"] != "b" || third.Words[0] != "a" || third.Map != nil {
		t.Errorf("got %+v and %+v", first, third)
	}
}

func TestCoerce(t *testing.T) {
	tests := []struct{ name, form, want string }{
		{"number", `{"limit":"16"}`, `{"limit":16}`},
		{"hexadecimal", `{"limit":"0x10"}`, `{"limit":16}`},
		{"negative hexadecimal", `{"limit":"-0x10"}`, `{"limit":-16}`},
		{"exponent", `{"limit":"1e2"}`, `{"limit":100}`},
		{"fraction of zeros", `{"limit":"80.0"}`, `{"limit":80}`},
		{"blanks", `{"limit":" 8 "}`, `{"limit":8}`},
		{"a fraction stays one", `{"limit":"1.5"}`, `{"limit":1.5}`},
		{"no number", `{"limit":"abc"}`, `{"limit":"abc"}`},
		{"words that Go takes for numbers", `{"limit":"inf","old_limit":"1_0"}`, `{"limit":"inf","old_limit":"1_0"}`},
		{"true stays", `{"limit":true}`, `{"limit":true}`},
		{"empty is null", `{"limit":"","tags":"","parent":"","config":""}`, `{"limit":null,"tags":null,"parent":null,"config":null}`},
		{"one for a list", `{"tags":"a,b"}`, `{"tags":["a,b"]}`},
		{"list", `{"tags":["a",""]}`, `{"tags":["a",null]}`},
		{"object for a list", `{"tags":{"5":"a"}}`, `{"tags":{"5":"a"}}`},
		{"foreign", `{"parent":{"id":"","name":"5"}}`, `{"parent":{"id":null,"name":"5"}}`},
		{
			"settings by name", `{"name":"inner","config":{"size":"4","words":"w","map":{"a":"1"}}}`,
			`{"name":"inner","config":{"size":4,"words":["w"],"map":{"a":"1"}}}`,
		},
		{"unknown", `{"bogus":"5"}`, `{"bogus":"5"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Coerce(parse(t, tt.form), new(plugin))
			if want := parse(t, tt.want); !reflect.DeepEqual(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
	b := false
	r := &adhoc{fields: Fields{Bool("b", &b)}}
	for form, want := range map[string]any{"true": true, "false": false, "yes": "yes", "TRUE": "TRUE"} {
		if got := Coerce(map[string]any{"b": form}, r); got["b"] != want {
			t.Errorf("boolean %q becomes %v, want %v", form, got["b"], want)
		}
	}
}

func TestKeysAndReferences(t *testing.T) {
	p := &plugin{Name: "count", Parent: idA, Tags: []string{"x"}}
	wantKeys := []Key{
		{"name", []string{"count"}, map[string]any{"name": "count"}},
		{"name,parent", []string{"count", idA}, map[string]any{"name": "count", "parent": map[string]any{"id": idA}}},
	}
	if got := Keys(p); !reflect.DeepEqual(got, wantKeys) {
		t.Errorf("Keys = %v, want %v", got, wantKeys)
	}
	wantRefs := []Reference{{"parent", "parents", idA, false, Cascade}, {"owner", "owners", "", false, Refuse}}
	if got := References(p); !reflect.DeepEqual(got, wantRefs) {
		t.Errorf("References = %v, want %v", got, wantRefs)
	}
	if got := Tags(p); !reflect.DeepEqual(got, p.Tags) {
		t.Errorf("Tags = %v, want %v", got, p.Tags)
	}
	if got := Keys(new(plugin)); len(got) != 1 || got[0].Name != "name,parent" {
		t.Errorf("Keys without a name = %v, want the composite one only", got)
	}
}

func TestCheckField(t *testing.T) {
	for value, want := range map[any]string{"inner": "", 5: "expected a string", nil: "required field missing"} {
		got := ""
		if err := CheckField(new(plugin), "name", value); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("CheckField(name, %v) = %q, want %q", value, got, want)
		}
	}
	if err := CheckField(new(plugin), "bogus", "x"); err == nil {
		t.Error("CheckField of an unknown field: no error")
	}
}

func TestStamp(t *testing.T) {
	s := Stamp{
		Now:    func() time.Time { return time.UnixMilli(1_700_000_000_123) },
		Random: bytes.NewReader(bytes.Repeat([]byte{0xff}, 16+24)),
	}
	p := new(plugin)
	if err := s.Create(p); err != nil {
		t.Fatal(err)
	}
	if p.ID != "ffffffff-ffff-4fff-bfff-ffffffffffff" || p.Created != 1_700_000_000.123 || p.Updated != 1_700_000_000 {
		t.Errorf("Create gives id %s, times %v and %v", p.ID, p.Created, p.Updated)
	}
	if len(p.Secret) != 32 || strings.Trim(p.Secret, "0123456789") != "" {
		t.Errorf("Create gives the secret %q, want 32 letters and digits", p.Secret)
	}
	given := &plugin{ID: idA, Created: 5, Updated: 5, Secret: "s"}
	if err := s.Create(given); err != nil || given.ID != idA || given.Created != 5 || given.Secret != "s" || given.Updated == 5 {
		t.Errorf("Create over given values: %+v, %v", given, err)
	}
	given.Updated = 5
	if err := s.Update(given); err != nil || given.Created != 5 || given.Updated != 1_700_000_000 {
		t.Errorf("Update: %+v, %v", given, err)
	}
	if err := s.Create(new(plugin)); err == nil {
		t.Error("Create without random bytes left: no error")
	}
}

func TestDescribe(t *testing.T) {
	r := &adhoc{
		fields: Fields{
			String("s", new(string)).Required().Unique().Referenceable().Encrypted().Doc("words").Default("a").OneOf("a", "b"),
			NullNumber("n", new(*float64)).Between(0, 1.5).DefaultNull(),
			Foreign("p", new(string), "parents").OnDelete(Cascade).Optional(),
			Map("m", new(map[string]int), anyText, func(p *int) *Value[int] { return Number("", p) }),
			Chosen("config", func() Record { return new(inner) }),
			Sub("inner", new(inner)),
			String("hint", new(string)).Transient().NotUnique(),
		},
		checks: Checks{AtLeastOneOf("s", "n"), When("s", Match("^a$")).Then("n", Required(), NotOneOf(1.5))},
	}
	want := parse(t, `{"fields":[
		{"s":{"type":"string","required":true,"unique":true,"referenceable":true,"encrypted":true,"description":"words","default":"a","one_of":["a","b"]}},
		{"n":{"type":"number","between":[0,1.5],"default":null}},
		{"p":{"type":"foreign","reference":"parents","on_delete":"cascade","required":false}},
		{"m":{"type":"map","keys":{"type":"string","required":true},"values":{"type":"integer","required":true}}},
		{"config":{"type":"record","abstract":true}},
		{"inner":{"type":"record","required":true,"default":{"size":3,"words":["a"]},"fields":[
			{"size":{"type":"integer","required":true,"default":3}},
			{"words":{"type":"array","default":["a"],"elements":{"type":"string","required":true}}},
			{"map":{"type":"map","keys":{"type":"string","required":true},"values":{"type":"string","required":true}}}]}},
		{"hint":{"type":"string","transient":true,"unique":false}}],
		"entity_checks":[{"at_least_one_of":["s","n"]},
			{"conditional":{"if_field":"s","if_match":{"match":"^a$"},"then_field":"n","then_match":{"required":true,"not_one_of":[1.5]}}}]}`)
	if got := parse(t, string(Describe(r))); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	nested := parse(t, string(Describe(&adhoc{fields: Fields{Sub("x", new(plugin))}})))
	if !strings.Contains(Notation(nested), `shorthand_fields={{old_limit={deprecation={message="use limit",removal_in_version="4.0",replaced_with={{path={"limit"}}}},type="string"}}}`) {
		t.Errorf("shorthand fields of a nested record are not described: %s", Notation(nested))
	}
}

func TestTTL(t *testing.T) {
	var ttl *int64
	r := &adhoc{fields: Fields{TTL("ttl", &ttl)}}
	const out = "invalid option (ttl: must be an integer between 0 and 100000000)"
	for body, want := range map[string]string{
		`{"ttl":60}`: "", `{"ttl":null}`: "", `{}`: "",
		`{"ttl":-1}`: out, `{"ttl":"x"}`: out, `{"ttl":1.5}`: out, `{"ttl":100000001}`: out,
	} {
		got := ""
		if err := Decode(parse(t, body), r); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", body, got, want)
		}
	}
	if err := Decode(parse(t, `{"ttl":60}`), r); err != nil || TTLOf(r) == nil || *TTLOf(r) != 60 {
		t.Errorf("TTLOf = %v, %v, want 60", TTLOf(r), err)
	}
	if doc := Append(nil, r); string(doc) != "{}" {
		t.Errorf("the document is %s, want no ttl in it", doc)
	}
	if doc := Describe(r); string(doc) != `{"entity_checks":[],"fields":[]}` {
		t.Errorf("the description is %s, want no ttl in it", doc)
	}
}
