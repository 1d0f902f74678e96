// Package iprestriction judges clients by their address.
package iprestriction

import (
	"net/netip"

	"gibbon/plugin"
	"gibbon/schema"
)

// Plugin is the line for this plugin in plugin/builtin.
var Plugin = plugin.Plugin{
	Name:      "ip-restriction",
	Priority:  990,
	Doc:       "Lets requests from some addresses pass, or from all but some.",
	New:       func() schema.Record { return new(settings) },
	Allowed:   []string{"grpc", "grpcs", "http", "https", "tcp", "tls", "tls_passthrough", "udp"},
	Protocols: []string{"http", "https", "tcp", "tls", "grpc", "grpcs"},
}

type settings struct {
	Allow   []string
	Deny    []string
	Status  *float64
	Message string

	allow, deny []netip.Prefix
}

// Fields declares the settings.
func (s *settings) Fields() schema.Fields {
	return schema.Fields{
		schema.List("allow", &s.Allow, plugin.IPOrCIDR).Doc("The addresses that pass; no others do. At least one of allow and deny is given."),
		schema.List("deny", &s.Deny, plugin.IPOrCIDR).Doc("The addresses that do not pass, even if they are in allow."),
		schema.NullNumber("status", &s.Status).Optional().Doc("The status of refusals, 403 when it is not given."),
		schema.String("message", &s.Message).Optional().Doc("The message of refusals; otherwise it names the address."),
	}
}

// PluginChecks wants one of the lists.
func (s *settings) PluginChecks() schema.Checks {
	return schema.Checks{schema.AtLeastOneOf("config.allow", "config.deny")}
}

// Start parses the lists.
func (s *settings) Start(*plugin.Env) (err error) {
	if s.allow, err = parse(s.Allow); err != nil {
		return err
	}
	s.deny, err = parse(s.Deny)
	return err
}

func parse(list []string) ([]netip.Prefix, error) {
	blocks := make([]netip.Prefix, 0, len(list))
	for _, text := range list {
		b, err := plugin.ParseBlock(text)
		if err != nil {
			return nil, err
		}
		blocks = append(blocks, b)
	}
	return blocks, nil
}

// Access judges the client.
func (s *settings) Access(x *plugin.Exchange) *plugin.Reply {
	client := x.Request.Client()
	if !within(client, s.deny) && (len(s.allow) == 0 || within(client, s.allow)) {
		return nil
	}
	r := &plugin.Reply{Status: 403, Message: s.Message}
	if s.Status != nil {
		r.Status = int(*s.Status)
	}
	if r.Message == "" {
		r.Message = "IP address not allowed: " + string(x.Request.ClientText())
	}
	return r
}

func within(addr netip.Addr, blocks []netip.Prefix) bool {
	for _, b := range blocks {
		if b.Contains(addr) {
			return true
		}
	}
	return false
}
