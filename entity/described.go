package entity

import "gibbon/schema"

// described is a kind that exists in name only: the reference has a table of
// that name, and clients ask for its schema. Nothing is ever stored.
type described struct {
	kind   string
	fields func() schema.Fields
	checks schema.Checks
}

func describedKind(k Kind, fields func() schema.Fields, checks ...schema.CrossCheck) *Kind {
	return variable(k, func() Entity { return &described{k.Name, fields, checks} })
}

func (d *described) Kind() string          { return d.kind }
func (d *described) Key() string           { return "" }
func (d *described) SetKey(string)         {}
func (d *described) Fields() schema.Fields { return d.fields() }
func (d *described) Checks() schema.Checks { return d.checks }

// describedKinds are views of what is stored elsewhere, inner affairs of the
// reference, and filters, which need WebAssembly.
func describedKinds() Kinds {
	return Kinds{
		describedKind(Kind{Name: "tags", Hidden: true}, tagFields),
		describedKind(Kind{Name: "workspaces", Hidden: true}, workspaceFields),
		describedKind(Kind{Name: "parameters", Hidden: true}, parameterFields),
		describedKind(Kind{Name: "clustering_data_planes", Hidden: true}, dataPlaneFields),
		describedKind(Kind{
			Name: "filter_chains", Path: "filter-chains", EndpointKey: "name",
			Refusal: "this endpoint is only available when wasm is enabled",
		}, filterChainFields, schema.MutuallyExclusive("service", "route"), schema.AtLeastOneOf("service", "route")),
	}
}

func tagFields() schema.Fields {
	return schema.Fields{
		schema.String("tag", new(string)).Required().Check(CheckTag).Doc("The tag."),
		schema.String("entity_name", new(string)).Required().Doc("The kind of the entity that has the tag."),
		schema.ID("entity_id", new(string)).Required().Doc("The id of the entity."),
	}
}

func workspaceFields() schema.Fields {
	nothing := func(name string) schema.Field { return schema.Sub(name, subschema{}) }
	return schema.Fields{
		id(new(string)),
		name(new(string)).Required().NotOneOf("workspaces", "consumers", "certificates", "services", "routes", "snis",
			"upstreams", "targets", "plugins", "tags", "ca_certificates", "clustering_data_planes", "parameters", "vaults",
			"key_sets", "keys", "filter_chains"),
		schema.String("comment", new(string)),
		created(new(int64)),
		updated(new(int64)),
		nothing("meta"),
		nothing("config"),
	}
}

func parameterFields() schema.Fields {
	return schema.Fields{
		created(new(int64)),
		schema.String("key", new(string)).Required().Unique().Doc("The name of the parameter."),
		schema.String("value", new(string)).Required().Doc("Its value."),
	}
}

func dataPlaneFields() schema.Fields {
	expiry := new(int64)
	certificate := subschema{fields: schema.Fields{
		schema.Number("expiry_timestamp", new(float64)).Timestamp().Optional(),
	}}
	return schema.Fields{
		id(new(string)).Required(),
		schema.Created("last_seen", expiry).Doc("When the node was last heard of, in Unix seconds."),
		updated(new(int64)),
		schema.String("ip", new(string)).Required().Doc("The address of the node."),
		schema.String("config_hash", new(string)).Is(schema.LenEq(32)),
		schema.String("hostname", new(string)).Required().Doc("The name of the node."),
		schema.String("version", new(string)).MatchNone("must not have empty version segments", "%.%.").
			MatchAny("invalid version number: must be in format of X.Y.Z", "^%d+[%.%d]*$", "^%d+[%.%d]*%-?.*$").
			Doc("The version of the node's program."),
		schema.String("sync_status", new(string)).Required().Default("unknown").
			OneOf("unknown", "normal", "kong_version_incompatible", "plugin_set_incompatible",
				"plugin_version_incompatible", "filter_set_incompatible").
			Doc("How far the node follows the configuration."),
		schema.Map("labels", new(map[string]string), text, text).Doc("What the operator says about the node."),
		schema.Sub("cert_details", certificate).Doc("The certificate of the node."),
		schema.Set("rpc_capabilities", new([]string), text).Doc("The calls that the node answers."),
	}
}

func filterChainFields() schema.Fields {
	parent := func(name, kind string) schema.Field {
		return schema.Foreign(name, new(string), kind).Unique().OnDelete(schema.Cascade).DefaultNull()
	}
	return schema.Fields{
		id(new(string)),
		name(new(string)),
		schema.Bool("enabled", new(bool)).Required().Default(true),
		parent("route", "routes"),
		parent("service", "services"),
		schema.List("filters", new([]filter), schema.Element[filter]).Required().Is(schema.LenMin(1)),
		created(new(int64)),
		updated(new(int64)),
		tags(new([]string)),
	}
}

// filter is one filter of a chain. None exists, so no name is right.
type filter struct {
	name    string
	enabled bool
}

// Fields declares the fields of a filter.
func (f *filter) Fields() schema.Fields {
	return schema.Fields{
		schema.String("name", &f.name).Required().OneOf(),
		schema.Bool("enabled", &f.enabled).Required().Default(true),
	}
}
