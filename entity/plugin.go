package entity

import (
	"slices"

	"gibbon/schema"
)

// A PluginType is a plugin as far as it can be configured.
type PluginType struct {
	Name     string
	Priority int // plugins run in falling order of it

	// Settings returns new settings. Besides fields and rules of their own they
	// may have the methods of PluginChecker and SettingsChecker.
	Settings func() schema.Record

	// Allowed are the protocols that it can run on; nil stands for all.
	Allowed []string
	// Protocols are those it runs on when nothing else is said; nil stands for
	// HTTP and gRPC.
	Protocols []string

	// What it cannot be restricted to.
	NoRoute, NoService, NoConsumer bool
}

// A PluginChecker is settings with rules whose fields are named from the plugin
// on, as in "config.allow". Checks are for rules told under config itself.
type PluginChecker interface {
	PluginChecks() schema.Checks
}

// A SettingsChecker is settings with a rule whose message stands for config as
// a whole.
type SettingsChecker interface {
	CheckSettings() error
}

// A Plugin is a plugin at work: on all requests, or on those of a service, a
// route, a consumer.
type Plugin struct {
	ID           string
	Name         string // which plugin
	InstanceName string
	CreatedAt    int64  // Unix seconds
	UpdatedAt    int64  // Unix seconds
	Route        string // id of a route
	Service      string // id of a service
	Consumer     string // id of a consumer
	Protocols    []string
	Enabled      bool
	Tags         []string

	types  []*PluginType
	choice choice
	chosen bool // the body tells the protocols, so they must fit
	named  bool // the body tells the service by its name
}

func pluginKind(types []*PluginType) *Kind {
	variants := make([]Variant, len(types))
	for i, t := range types {
		variants[i] = Variant{Name: t.Name, Priority: t.Priority, Settings: t.Settings, Schema: t.schema}
	}
	k := Kind{Name: "plugins", EndpointKey: "instance_name", Vague: true, Variants: variants}
	return variable(k, func() Entity {
		return &Plugin{types: types, choice: choice{
			variants: variants,
			refusal:  "plugin '%s' not enabled; add it to the 'plugins' configuration property",
		}}
	})
}

// Kind returns "plugins".
func (*Plugin) Kind() string { return "plugins" }

// Key returns the id.
func (p *Plugin) Key() string { return p.ID }

// SetKey sets the id.
func (p *Plugin) SetKey(id string) { p.ID = id }

// Config is the settings, as made by the Settings of the plugin's type.
func (p *Plugin) Config() schema.Record { return p.choice.record(&p.Name)() }

// FreshConfig returns new settings of the sort that Config is, nil when there is no such plugin.
func (p *Plugin) FreshConfig() schema.Record {
	if v := p.choice.variant(p.Name); v != nil {
		return v.Settings()
	}
	return nil
}

// Prepare chooses the settings, and what the plugin can be restricted to.
func (p *Plugin) Prepare(op schema.Op, body map[string]any) error {
	_, p.chosen = body["protocols"]
	p.chosen = p.chosen || op == schema.Update
	service, _ := body["service"].(map[string]any)
	p.named = service["name"] != nil && service["id"] == nil
	return p.choice.prepare(op, body, p.Name)
}

// kindOf is the type that the plugin is of, as far as it is known.
func (p *Plugin) kindOf() *PluginType {
	name := p.Name
	if p.choice.name != "" {
		name = p.choice.name
	}
	for _, t := range p.types {
		if t.Name == name {
			return t
		}
	}
	return &PluginType{}
}

// Variety is the name of the plugin as far as it is known, and its settings.
func (p *Plugin) Variety() any {
	return struct {
		name     string
		settings schema.Record
	}{p.kindOf().Name, p.choice.settings}
}

// Fields declares the fields of a plugin.
func (p *Plugin) Fields() schema.Fields {
	t := p.kindOf()
	config := schema.Chosen("config", p.choice.record(&p.Name)).
		Doc("The settings of the plugin; which there are depends on its name.")
	if s, ok := p.choice.settings.(SettingsChecker); ok {
		config.Check(func(schema.Record) error { return s.CheckSettings() })
	}
	return schema.Fields{
		id(&p.ID),
		schema.String("name", &p.Name).Required().Doc("Which plugin it is."),
		uniqueName("instance_name", &p.InstanceName),
		created(&p.CreatedAt),
		updated(&p.UpdatedAt),
		restriction("route", &p.Route, "routes", t.NoRoute).By("name").
			Doc("Only requests for this route."),
		restriction("service", &p.Service, "services", t.NoService).By("name").
			Doc("Only requests for routes of this service."),
		restriction("consumer", &p.Consumer, "consumers", t.NoConsumer).By("username", "custom_id").
			Doc("Only requests that were authenticated as coming from this consumer."),
		config,
		t.protocols(&p.Protocols),
		schema.Bool("enabled", &p.Enabled).Required().Default(true).Doc("Whether the plugin runs."),
		tags(&p.Tags),
	}
}

// UniqueTogether says that a plugin runs once for the same requests.
func (p *Plugin) UniqueTogether() [][]string {
	return [][]string{{"name", "route", "service", "consumer"}}
}

// Checks declares the rules that come with the settings.
func (p *Plugin) Checks() schema.Checks {
	if s, ok := p.choice.settings.(PluginChecker); ok {
		return s.PluginChecks()
	}
	return nil
}

// restriction declares what a plugin may be for. It goes with its parent.
func restriction(name string, p *string, kind string, forbidden bool) *schema.Value[string] {
	f := schema.Foreign(name, p, kind).OnDelete(schema.Cascade).DefaultNull()
	if forbidden {
		f.Is(schema.Null())
	}
	return f
}

func (t *PluginType) protocols(p *[]string) *schema.Value[[]string] {
	one := func(p *string) *schema.Value[string] { return protocol("", p) }
	if t.Allowed != nil {
		one = func(p *string) *schema.Value[string] { return schema.String("", p).OneOf(t.Allowed...) }
	}
	standard := t.Protocols
	if standard == nil {
		standard = []string{"grpc", "grpcs", "http", "https"}
	}
	return schema.Set("protocols", p, one).Required().Default(standard).
		Doc("The protocols of the requests that the plugin runs on.")
}

// schema is what the type changes of the fields of a plugin.
func (t *PluginType) schema() schema.Record {
	var fields schema.Fields
	for _, r := range []struct {
		field, kind string
		forbidden   bool
	}{{"route", "routes", t.NoRoute}, {"service", "services", t.NoService}, {"consumer", "consumers", t.NoConsumer}} {
		if r.forbidden {
			fields = append(fields, schema.Foreign(r.field, new(string), r.kind).Is(schema.Null()).Doc("Must be null."))
		}
	}
	settings := t.Settings()
	s := subschema{fields: append(fields, t.protocols(new([]string)), schema.Sub("config", settings))}
	if c, ok := settings.(PluginChecker); ok {
		s.checks = c.PluginChecks()
	}
	return s
}

// CheckLinks wants protocols that the route has, or one of the routes of the
// service, if there are any. It finds no route of a service that is told by its
// name, as the reference does not.
func (p *Plugin) CheckLinks(r Related) error {
	if !p.chosen {
		return nil
	}
	if p.Route != "" {
		e, err := r.Get("routes", p.Route)
		if route, ok := e.(*Route); err != nil || !ok || p.shares(route) {
			return err
		}
		return schema.InvalidError{"protocols": "must match the associated route's protocols"}
	}
	if p.Service == "" {
		return nil
	}
	if p.named {
		return errNoCommonProtocol
	}
	some, fits := false, false
	err := r.Each("routes", "service", p.Service, func(e Entity) bool {
		route, ok := e.(*Route)
		some = some || ok
		fits = ok && p.shares(route)
		return !fits
	})
	if err != nil || fits || !some {
		return err
	}
	return errNoCommonProtocol
}

var errNoCommonProtocol = schema.InvalidError{
	"protocols": "must match the protocols of at least one route pointing to this Plugin's service",
}

func (p *Plugin) shares(r *Route) bool {
	return slices.ContainsFunc(p.Protocols, func(s string) bool { return slices.Contains(r.Protocols, s) })
}

// caCertificates are the CA certificates that the settings list.
func (p *Plugin) caCertificates() []string {
	config := p.Config()
	if config == nil {
		return nil
	}
	var ids []string
	list, _ := schema.Tree(config)["ca_certificates"].([]any)
	for _, v := range list {
		if id, ok := v.(string); ok {
			ids = append(ids, id)
		}
	}
	return ids
}
