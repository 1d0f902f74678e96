package entity

import (
	"encoding/json"
	"os"
	"reflect"
	"sort"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gibbon/schema"
)

func TestDescriptionsAreThoseOfTheReference(t *testing.T) {
	data, err := os.ReadFile("testdata/schemas.json")
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]any
	decodeJSON(t, data, &want)
	// Of these no description was recorded, or it is of no use here.
	for _, name := range []string{
		"filter_chains", "oauth2_credentials", "oauth2_tokens", "oauth2_authorization_codes", "sessions", "acme_storage",
	} {
		want[name] = nil
	}
	for _, kind := range NewKinds(Options{}) {
		if wanted, ok := want[kind.Name]; ok && wanted == nil {
			continue
		}
		var got any
		decodeJSON(t, schema.Describe(kind.New()), &got)
		if diff := cmp.Diff(settled("", want[kind.Name]), settled("", got)); diff != "" {
			t.Errorf("description of %s differs (-want +got):\n%s", kind.Name, diff)
		}
	}
}

// settled takes out of a description what differs between two runs of the
// reference: properties that it adds while it validates, and the order of the
// fields of health checks. The words are our own.
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
		if name == "healthchecks" {
			sortFields(out)
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

func sortFields(record map[string]any) {
	fields, _ := record["fields"].([]any)
	sort.Slice(fields, func(i, j int) bool { return fieldName(fields[i]) < fieldName(fields[j]) })
	for _, f := range fields {
		for _, declared := range f.(map[string]any) {
			sortFields(declared.(map[string]any))
		}
	}
}

func fieldName(field any) string {
	for name := range field.(map[string]any) {
		return name
	}
	return ""
}

// Every exported field of a struct is behind exactly one of its Fields: a value
// of its own is written to each, and all of them come back in the document.
func TestEveryStructFieldIsDeclaredOnce(t *testing.T) {
	records := []schema.Record{
		new(Certificate), new(SNI), new(CACertificate), new(Consumer), new(KeySet), new(EnvVault),
		new(KeyPair), new(BasicAuthCredential), new(HMACAuthCredential), new(JWTSecret), new(ACL), new(OAuth2Credential),
		new(KeyAuthCredential), new(OAuth2Token), new(OAuth2Code), new(Session), new(ACMEStorage), new(Key),
		new(Service), new(Route), new(Endpoint), new(Upstream), new(Target), new(Healthchecks), new(ActiveChecks),
		new(ActiveHealthy), new(ActiveUnhealthy), new(PassiveChecks), new(PassiveHealthy), new(PassiveUnhealthy),
		new(Outlier),
	}
	for _, r := range records {
		empty, names := answered(t, r), make(map[string]bool)
		v := reflect.ValueOf(r).Elem()
		exported := 0
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if !f.IsExported() {
				continue
			}
			exported++
			if f.Type.Kind() == reflect.Struct {
				continue // its own fields are looked at by themselves
			}
			old := reflect.New(f.Type).Elem()
			old.Set(v.Field(i))
			v.Field(i).Set(sample(f.Type))
			changed := 0
			for name, value := range answered(t, r) {
				names[name] = true
				if !cmp.Equal(value, empty[name]) {
					changed++
				}
			}
			if changed != 1 {
				t.Errorf("%T.%s is in %d fields, want 1", r, f.Name, changed)
			}
			v.Field(i).Set(old)
		}
		for name := range empty {
			names[name] = true
		}
		if n := len(names); n != exported { // extensions show only while they are set
			t.Errorf("%T has %d fields declared, want %d", r, n, exported)
		}
	}
}

// sample returns a value that is not the zero value.
func sample(t reflect.Type) reflect.Value {
	v := reflect.New(t).Elem()
	switch t.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Float64:
		v.SetFloat(7)
	case reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		v.Elem().Set(sample(t.Elem()))
	case reflect.Struct: // empty, which differs from none
	case reflect.Slice:
		v.Set(reflect.MakeSlice(t, 1, 1))
	case reflect.Map:
		v.Set(reflect.MakeMap(t))
	default:
		panic("no sample of " + t.String())
	}
	return v
}

// answered is what an answer shows of r.
func answered(t *testing.T, r schema.Record) map[string]any {
	t.Helper()
	var tree map[string]any
	decodeJSON(t, schema.Answer(nil, r), &tree)
	return tree
}
