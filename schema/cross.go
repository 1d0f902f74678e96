package schema

import (
	"errors"
	"maps"
	"slices"
	"strings"
)

// Checks are the rules of a record that span fields, in the order in which they
// are tried.
type Checks []CrossCheck

// A CrossCheck is one rule that spans fields.
type CrossCheck interface {
	run(x *crossing)
	describe() (name string, arg any)
}

// crossing is one application of the rules that span fields.
type crossing struct {
	*decoding
	fields  Fields
	tree    map[string]any
	invalid func(path string) bool // fields that failed on their own
	wrong   InvalidError
}

func (x *decoding) cross(checks Checks, fields Fields, tree map[string]any, wrong InvalidError) {
	var failed InvalidError
	if len(wrong) > 0 {
		failed = maps.Clone(wrong)
	}
	c := &crossing{x, fields, tree, failed.has, wrong}
	for _, check := range checks {
		check.run(c)
	}
}

// value returns what stands at a path of names separated by dots.
func (c *crossing) value(path string) any {
	var v any = c.tree
	for name := range strings.SplitSeq(path, ".") {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	return v
}

// declared returns what is declared at a path, or nil.
func (c *crossing) declared(path string) *def {
	fields := c.fields
	for {
		name, rest, nested := strings.Cut(path, ".")
		var d *def
		for _, f := range fields {
			if f.Name() == name && !f.declared().isShorthand() {
				d = f.declared()
			}
		}
		if d == nil || !nested {
			return d
		}
		if d.record == nil {
			return nil
		}
		fields, path = d.record().Fields(), rest
	}
}

func (c *crossing) updating(message string) string {
	if c.op == Update {
		return "when updating, " + message
	}
	return message
}

func (c *crossing) nonEmpty(fields []string) int {
	n := 0
	for _, path := range fields {
		if !isEmpty(c.value(path)) {
			n++
		}
	}
	return n
}

func isEmpty(v any) bool { return v == nil || length(v) == 0 && !isScalar(v) }

func isScalar(v any) bool {
	switch v.(type) {
	case string, []any, map[string]any:
		return false
	}
	return true
}

// An Among is a rule on how many of some fields are set. Set is what is neither
// null nor empty, valid or not.
type Among struct {
	name    string
	fields  []string
	message string
	prefix  bool // on PATCH
	own     bool // the message is the rule's own, without the fields
	passes  func(set, all int) bool
}

// Message replaces the general message of the rule.
func (a *Among) Message(m string) *Among {
	a.message, a.own = m, true
	return a
}

// AtLeastOneOf wants one of the fields to be set.
func AtLeastOneOf(fields ...string) *Among {
	return &Among{
		name: "at_least_one_of", fields: fields, message: "at least one of these fields must be non-empty: ", prefix: true,
		passes: func(set, _ int) bool { return set > 0 },
	}
}

// OnlyOneOf wants exactly one of the fields to be set.
func OnlyOneOf(fields ...string) *Among {
	return &Among{
		name: "only_one_of", fields: fields, message: "exactly one of these fields must be non-empty: ", prefix: false,
		passes: func(set, _ int) bool { return set == 1 },
	}
}

// MutuallyExclusive wants at most one of the fields to be set.
func MutuallyExclusive(fields ...string) *Among {
	return &Among{
		name: "mutually_exclusive", fields: fields, message: "only one or none of these fields must be set: ", prefix: false,
		passes: func(set, _ int) bool { return set < 2 },
	}
}

// MutuallyRequired wants all of the fields to be set, or none.
func MutuallyRequired(fields ...string) *Among {
	return &Among{
		name: "mutually_required", fields: fields, message: "all or none of these fields must be set: ", prefix: false,
		passes: func(set, all int) bool { return set == 0 || set == all },
	}
}

func (a *Among) run(c *crossing) {
	if a.passes(c.nonEmpty(a.fields), len(a.fields)) {
		return
	}
	switch {
	case a.own:
		c.wrong.entity(a.message)
	case a.prefix:
		c.wrong.entity(c.updating(a.message + quoted(a.fields)))
	default:
		c.wrong.entity(a.message + quoted(a.fields))
	}
}

func (a *Among) describe() (string, any) { return a.name, trees(a.fields) }

type distinctCheck []string

// Distinct wants the values of the fields to differ, as far as they are set.
func Distinct(fields ...string) CrossCheck { return distinctCheck(fields) }

func (d distinctCheck) run(c *crossing) {
	if slices.ContainsFunc(d, c.invalid) {
		return
	}
	for i, path := range d {
		for _, other := range d[:i] {
			if v := c.value(path); v != nil && same(v, c.value(other)) {
				c.wrong.entity("values of these fields must be distinct: " + quoted(d))
				return
			}
		}
	}
}

func (d distinctCheck) describe() (string, any) { return "distinct", trees([]string(d)) }

// A Conditional is a rule on one field that holds depending on another.
type Conditional struct {
	field, then string
	cond, rules []Rule
	message     string
	atLeast     []string // conditional_at_least_one_of
}

// When begins a rule that holds while the value of a field passes the rules
// given here and those of the field itself.
func When(field string, rules ...Rule) *Conditional { return &Conditional{field: field, cond: rules} }

// Then says which rules another field has to pass, besides its own.
func (d *Conditional) Then(field string, rules ...Rule) *Conditional {
	d.then, d.rules = field, rules
	return d
}

// ThenAtLeastOneOf wants one of the fields to be set.
func (d *Conditional) ThenAtLeastOneOf(fields ...string) *Conditional { d.atLeast = fields; return d }

// Message replaces the general message of the rule.
func (d *Conditional) Message(m string) *Conditional { d.message = m; return d }

func (d *Conditional) run(c *crossing) {
	condition := c.declared(d.field)
	if condition == nil {
		return
	}
	if d.atLeast == nil && c.nothingToFail(d) {
		return
	}
	v := c.value(d.field)
	if v != nil && failsAny(d.cond, v) {
		return // without the work of putting the rules together
	}
	if v == nil || c.invalid(d.field) { // else it passes the field's own rules, too
		condition = condition.with(d.cond)
		if v == nil && condition.rule("eq") == nil || c.check(condition, v) != nil {
			return
		}
	}
	if d.atLeast != nil {
		if c.nonEmpty(d.atLeast) == 0 {
			message := "at least one of these fields must be non-empty: " + quoted(d.atLeast)
			if d.message != "" {
				message = d.message
			}
			c.wrong.entity(c.updating(message))
		}
		return
	}
	target := c.declared(d.then)
	if target == nil {
		return
	}
	m := c.check(target.with(d.rules), c.value(d.then))
	if m == nil {
		return
	}
	c.wrong.set(d.then, m)
	if d.message != "" {
		c.wrong.entity(d.message)
		return
	}
	c.wrong.entity("failed conditional validation given value of field '" + d.field + "'")
}

// nothingToFail tells whether the field that a rule would be for is null, and may be.
func (c *crossing) nothingToFail(d *Conditional) bool {
	if c.value(d.then) != nil || slices.ContainsFunc(d.rules, concernsNull) {
		return false
	}
	target := c.declared(d.then)
	return target == nil || !target.is(required) && target.rule("eq") == nil
}

// concernsNull tells whether null can fail a rule; most let it pass.
func concernsNull(r Rule) bool { return r.name == "eq" || r.name == "required" }

// failsAny tells whether v, or an element of it, fails one of the rules.
func failsAny(rules []Rule, v any) bool {
	return slices.ContainsFunc(rules, func(r Rule) bool {
		if nested, ok := r.arg.([]Rule); ok && r.name == "elements" {
			list, _ := v.([]any)
			return slices.ContainsFunc(list, func(e any) bool {
				if e == nil {
					return slices.ContainsFunc(nested, concernsNull)
				}
				return failsAny(nested, e)
			})
		}
		return r.test != nil && r.test(r.arg, v) != ""
	})
}

func (d *Conditional) describe() (string, any) {
	arg := map[string]any{"if_field": d.field, "if_match": describeRules(d.cond)}
	if d.atLeast != nil {
		arg["then_at_least_one_of"] = trees(d.atLeast)
		if d.message != "" {
			arg["then_err"] = d.message
		}
		return "conditional_at_least_one_of", arg
	}
	arg["then_field"], arg["then_match"] = d.then, describeRules(d.rules)
	if d.message != "" {
		arg["then_err"] = d.message
	}
	return "conditional", arg
}

// A Custom is a rule of its own on a filled record.
type Custom struct {
	check   func() error
	sources []string
	missing bool
	hidden  bool
}

// CustomCheck adds a rule of its own. It runs on the filled record, and only
// when none of the named fields failed on its own. An InvalidError from check
// tells the messages of fields; the text of another error concerns several.
func CustomCheck(check func() error, sources ...string) *Custom {
	return &Custom{check: check, sources: sources}
}

// WithMissing lets the description say that the rule runs without its fields.
func (u *Custom) WithMissing() *Custom { u.missing = true; return u }

// Hidden keeps the rule out of the description.
func (u *Custom) Hidden() *Custom { u.hidden = true; return u }

func (u *Custom) run(c *crossing) {
	if slices.ContainsFunc(u.sources, c.invalid) {
		return
	}
	err := u.check()
	if err == nil {
		return
	}
	fields, ok := errors.AsType[InvalidError](err)
	if !ok {
		c.wrong.entity(err.Error())
		return
	}
	for name, m := range fields {
		if name == entityKey {
			messages, _ := m.([]any)
			for _, message := range messages {
				c.wrong.entity(shown(message))
			}
			continue
		}
		c.wrong.set(name, m)
	}
}

func (u *Custom) describe() (string, any) {
	if u.hidden {
		return "", nil
	}
	arg := map[string]any{"field_sources": trees(u.sources)}
	if u.missing {
		arg["run_with_missing_fields"] = true
	}
	return "custom_entity_check", arg
}
