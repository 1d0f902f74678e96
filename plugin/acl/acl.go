// Package acl lets the members of groups pass.
package acl

import (
	"slices"
	"strings"

	"gibbon/plugin"
	"gibbon/schema"
)

// Plugin is the line for this plugin in plugin/builtin.
var Plugin = plugin.Plugin{
	Name:       "acl",
	Priority:   950,
	Doc:        "Lets requests of the members of some groups pass, or those of all but some.",
	New:        func() schema.Record { return new(settings) },
	Allowed:    []string{"grpc", "grpcs", "http", "https"},
	NoConsumer: true,
}

type settings struct {
	Allow      []string
	Deny       []string
	HideGroups bool
	PreferOwn  bool
}

// Fields declares the settings.
func (s *settings) Fields() schema.Fields {
	return schema.Fields{
		schema.List("allow", &s.Allow, plugin.Text).Doc("The groups whose members pass; nobody else does. Either this or deny is given."),
		schema.List("deny", &s.Deny, plugin.Text).Doc("The groups whose members do not pass; everybody else does."),
		schema.Bool("hide_groups_header", &s.HideGroups).Required().Default(false).
			Doc("Whether the target is not told the groups, which it is in X-Consumer-Groups otherwise."),
		schema.Bool("always_use_authenticated_groups", &s.PreferOwn).Required().Default(false).
			Doc("Whether groups that the authentication has found out count even when there is a consumer."),
	}
}

// PluginChecks wants one of the lists.
func (s *settings) PluginChecks() schema.Checks {
	return schema.Checks{
		schema.OnlyOneOf("config.allow", "config.deny"),
		schema.AtLeastOneOf("config.allow", "config.deny"),
	}
}

var (
	unauthorized = &plugin.Reply{Status: 401, Message: "Unauthorized"}
	forbidden    = &plugin.Reply{Status: 403, Message: "You cannot consume this service"}
)

// Access judges by the groups of the consumer, or by those that the authentication has found out.
func (s *settings) Access(x *plugin.Exchange) *plugin.Reply {
	header := "X-Consumer-Groups"
	var groups []string
	switch {
	case x.Groups != nil && (s.PreferOwn || x.Credential == nil):
		header, groups = "X-Authenticated-Groups", x.Groups
	case x.Consumer != nil:
		groups = x.Directory.Groups(x.Consumer.ID)
	case x.Credential != nil && x.Credential.ConsumerID != "":
		groups = x.Directory.Groups(x.Credential.ConsumerID)
	case x.Groups != nil:
		header, groups = "X-Authenticated-Groups", x.Groups
	default:
		return unauthorized
	}
	if len(s.Allow) > 0 && !overlap(s.Allow, groups) || overlap(s.Deny, groups) {
		return forbidden
	}
	switch {
	case s.HideGroups || len(groups) == 0:
		x.Request.Remove(header)
	case len(groups) == 1:
		x.Request.Set(header, groups[0])
	default:
		x.Request.Set(header, strings.Join(groups, ", "))
	}
	return nil
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}
