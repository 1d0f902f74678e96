package entity

import (
	"fmt"
	"maps"

	"gibbon/schema"
)

// A choice is the settings of an entity whose name decides which they are.
type choice struct {
	variants []Variant
	refusal  string // says with %s that there is no such name

	name     string        // of the settings
	settings schema.Record // nil before a name was seen
	stored   schema.Record // as loaded from a document
	decoding bool          // the name in the entity may lag behind
}

// prepare chooses the settings by the name in a body. A PATCH with another name
// puts the stored settings into the body, to be judged by the new rules.
func (c *choice) prepare(op schema.Op, body map[string]any, current string) error {
	v, given := body["name"]
	if !given && op == schema.Update {
		v = current
	}
	name, isText := v.(string)
	switch {
	case v == nil:
		return schema.InvalidError{"name": "required field missing"}
	case !isText:
		return schema.InvalidError{"name": "expected a string"}
	}
	variant := c.variant(name)
	if variant == nil {
		return schema.InvalidError{"name": fmt.Sprintf(c.refusal, name)}
	}
	c.decoding = true
	if name == current && c.stored != nil {
		c.name, c.settings = name, c.stored
		return nil
	}
	c.name, c.settings = name, variant.Settings()
	if op == schema.Update && c.stored != nil {
		carryOver(c.stored, body)
		return schema.Load([]byte("{}"), c.settings)
	}
	return nil
}

// carryOver puts settings under those of a body.
func carryOver(settings schema.Record, body map[string]any) {
	config := schema.Tree(settings)
	switch given := body["config"].(type) {
	case nil:
		if _, null := body["config"]; null {
			return
		}
	case map[string]any:
		maps.Copy(config, given)
	default:
		return
	}
	body["config"] = config
}

// record returns a function for schema.Chosen. Outside of a body the settings
// follow the name that the entity has.
func (c *choice) record(name *string) func() schema.Record {
	return func() schema.Record {
		if c.decoding || c.settings != nil && c.name == *name {
			return c.settings
		}
		variant := c.variant(*name)
		if variant == nil {
			return nil
		}
		c.name, c.settings = *name, variant.Settings()
		c.stored = c.settings
		return c.settings
	}
}

func (c *choice) variant(name string) *Variant {
	for i := range c.variants {
		if c.variants[i].Name == name {
			return &c.variants[i]
		}
	}
	return nil
}

// A subschema is the fields and rules that come with a name.
type subschema struct {
	fields schema.Fields
	checks schema.Checks
}

func (s subschema) Fields() schema.Fields { return s.fields }
func (s subschema) Checks() schema.Checks { return s.checks }
