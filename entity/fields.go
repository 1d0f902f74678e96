package entity

import (
	"encoding/json"
	"strconv"

	"gibbon/schema"
)

// The fields here are declared by several entities.

func id(p *string) *schema.Value[string] {
	return schema.ID("id", p).Doc("The identifier, a UUID.")
}

func created(p *int64) *schema.Value[int64] {
	return schema.Created("created_at", p).
		Doc("When this happened, in Unix seconds; set by the gateway.")
}

func updated(p *int64) *schema.Value[int64] {
	return schema.Updated("updated_at", p).
		Doc("When this happened, in Unix seconds; set by the gateway.")
}

func name(p *string) *schema.Value[string] { return uniqueName("name", p) }

func uniqueName(field string, p *string) *schema.Value[string] {
	return schema.String(field, p).Unique().Check(checkName).
		Doc("A name by which it can be addressed; no two of a kind have the same.")
}

func tags(p *[]string) *schema.Value[[]string] {
	return schema.Set("tags", p, tag).Doc("Words to group and filter entities by.")
}

func tag(p *string) *schema.Value[string] {
	return schema.String("", p).Required().Check(CheckTag).Doc("A word to group and filter by.")
}

func protocol(name string, p *string) *schema.Value[string] {
	return schema.String(name, p).
		OneOf("grpc", "grpcs", "http", "https", "tcp", "tls", "tls_passthrough", "udp").
		Doc("The protocol that is spoken.")
}

func host(name string, p *string) *schema.Value[string] {
	return schema.String(name, p).Check(CheckHost).
		Doc("A host name, such as api.example.org.")
}

func wildcardHost(name string, p *string) *schema.Value[string] {
	return schema.String(name, p).Check(checkWildcardHost).
		Doc("A host name whose first or last label may be *, which stands for any.")
}

func port(name string, p *int) *schema.Value[int] {
	return schema.Number(name, p).Between(0, 65535).
		Doc("A port, 0 to 65535.")
}

func path(name string, p *string) *schema.Value[string] {
	return schema.String(name, p).StartsWith("/").MatchNone("must not have empty segments", "//").Check(CheckPath).
		Doc("A path; it begins with / and has no empty segment.")
}

func uuid(p *string) *schema.Value[string] { return schema.String("", p).UUID() }

func headerName(name string, p *string) *schema.Value[string] {
	return schema.String(name, p).Check(CheckHeaderName).Doc("The name of a header field.")
}

// consumer declares to whom a credential belongs.
func consumer(p *string) *schema.Value[string] {
	return schema.Foreign("consumer", p, "consumers").Required().OnDelete(schema.Cascade).By("username", "custom_id")
}

// headers declares a map of header names to lists of values.
func headers(p *map[string][]string) *schema.Value[map[string][]string] {
	key := func(p *string) *schema.Value[string] { return headerName("", p) }
	return schema.Map("headers", p, key, headerValues).
		Doc("Header fields by name, each with its values.")
}

func headerValues(p *[]string) *schema.Value[[]string] { return schema.List("", p, text) }

func text(p *string) *schema.Value[string] { return schema.String("", p) }

func toNumber(n int) json.Number { return json.Number(strconv.Itoa(n)) }
