package entity

import (
	"encoding/json"
	"strconv"

	"gibbon/schema"
)

// The fields here are declared by several entities.

func id(p *string) *schema.Value[string] {
	return schema.ID("id", p).Doc("A string representing a UUID (universally unique identifier).")
}

func created(p *int64) *schema.Value[int64] {
	return schema.Created("created_at", p).
		Doc("An integer representing an automatic Unix timestamp in seconds.")
}

func updated(p *int64) *schema.Value[int64] {
	return schema.Updated("updated_at", p).
		Doc("An integer representing an automatic Unix timestamp in seconds.")
}

func name(p *string) *schema.Value[string] { return uniqueName("name", p) }

func uniqueName(field string, p *string) *schema.Value[string] {
	return schema.String(field, p).Unique().Check(checkName).
		Doc("A unique string representing a UTF-8 encoded name.")
}

func tags(p *[]string) *schema.Value[[]string] {
	return schema.Set("tags", p, tag).Doc("A set of strings representing tags.")
}

func tag(p *string) *schema.Value[string] {
	return schema.String("", p).Required().Check(CheckTag).Doc("A string representing a tag.")
}

func protocol(name string, p *string) *schema.Value[string] {
	return schema.String(name, p).
		OneOf("grpc", "grpcs", "http", "https", "tcp", "tls", "tls_passthrough", "udp").
		Doc("A string representing a protocol, such as HTTP or HTTPS.")
}

func host(name string, p *string) *schema.Value[string] {
	return schema.String(name, p).Check(CheckHost).
		Doc("A string representing a host name, such as example.com.")
}

func wildcardHost(name string, p *string) *schema.Value[string] {
	return schema.String(name, p).Check(checkWildcardHost).
		Doc("A string representing a wildcard host name, such as *.example.com.")
}

func port(name string, p *int) *schema.Value[int] {
	return schema.Number(name, p).Between(0, 65535).
		Doc("An integer representing a port number between 0 and 65535, inclusive.")
}

func path(name string, p *string) *schema.Value[string] {
	return schema.String(name, p).StartsWith("/").MatchNone("must not have empty segments", "//").Check(CheckPath).
		Doc("A string representing a URL path, such as /path/to/resource. Must start with a forward slash (/) " +
			"and must not contain empty segments (i.e., two consecutive forward slashes).")
}

func uuid(p *string) *schema.Value[string] { return schema.String("", p).UUID() }

func headerName(name string, p *string) *schema.Value[string] {
	return schema.String(name, p).Check(CheckHeaderName).Doc("A string representing an HTTP header name.")
}

// consumer declares to whom a credential belongs.
func consumer(p *string) *schema.Value[string] {
	return schema.Foreign("consumer", p, "consumers").Required().OnDelete(schema.Cascade).By("username", "custom_id")
}

// headers declares a map of header names to lists of values.
func headers(p *map[string][]string) *schema.Value[map[string][]string] {
	key := func(p *string) *schema.Value[string] { return headerName("", p) }
	return schema.Map("headers", p, key, headerValues).
		Doc("A map of header names to arrays of header values.")
}

func headerValues(p *[]string) *schema.Value[[]string] { return schema.List("", p, text) }

func text(p *string) *schema.Value[string] { return schema.String("", p) }

func toNumber(n int) json.Number { return json.Number(strconv.Itoa(n)) }
