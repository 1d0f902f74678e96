package entity

import "gibbon/schema"

// A Vault is a place where secrets are kept, with a prefix by which references
// name it.
type Vault struct {
	ID          string
	Prefix      string
	Name        string // which sort of vault: "env"
	Description string
	CreatedAt   int64 // Unix seconds
	UpdatedAt   int64 // Unix seconds
	Tags        []string

	choice choice
}

// EnvVault is the settings of the vault that is the environment of the process.
type EnvVault struct {
	Prefix string // of the variables' names
}

// Fields declares the settings.
func (v *EnvVault) Fields() schema.Fields {
	return schema.Fields{
		schema.String("prefix", &v.Prefix).Match("^[%a_-][%a%d_-]*$").
			Doc("What the names of the environment variables begin with."),
	}
}

// EnvVaultName is the name of the vault that is always there.
const EnvVaultName = "env"

func vaultKind() *Kind {
	settings := func() schema.Record { return new(EnvVault) }
	variants := []Variant{{Name: EnvVaultName, Settings: settings, Schema: func() schema.Record {
		return subschema{fields: schema.Fields{schema.Sub("config", new(EnvVault))}}
	}}}
	return variable(Kind{Name: "vaults", EndpointKey: "prefix", CacheKey: []string{"prefix"}, Variants: variants}, func() Entity {
		return &Vault{choice: choice{variants: variants, refusal: "vault '%s' is not installed"}}
	})
}

// Kind returns "vaults".
func (*Vault) Kind() string { return "vaults" }

// Key returns the id.
func (v *Vault) Key() string { return v.ID }

// SetKey sets the id.
func (v *Vault) SetKey(id string) { v.ID = id }

// Config is the settings, of the type that belongs to the name.
func (v *Vault) Config() schema.Record { return v.choice.record(&v.Name)() }

// Prepare chooses the settings.
func (v *Vault) Prepare(op schema.Op, body map[string]any) error {
	return v.choice.prepare(op, body, v.Name)
}

// Fields declares the fields of a vault.
func (v *Vault) Fields() schema.Fields {
	return schema.Fields{
		id(&v.ID),
		schema.String("prefix", &v.Prefix).Required().UniqueAcross().
			Match("^[a-z][a-z%d-]-[a-z%d]+$").NotOneOf(EnvVaultName).
			Doc("What references call this vault."),
		schema.String("name", &v.Name).Required().Doc("Which sort of vault it is."),
		schema.String("description", &v.Description).Doc("What the vault is for, in words."),
		schema.Chosen("config", v.choice.record(&v.Name)).
			Doc("The settings of the vault; which there are depends on its name."),
		created(&v.CreatedAt),
		updated(&v.UpdatedAt),
		tags(&v.Tags),
	}
}
