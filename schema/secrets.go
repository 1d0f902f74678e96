package schema

// Dereference puts values in place of the references to vaults in r, where its
// fields allow them. get is asked for each; what it has no value for becomes
// "", and the caller has to tell. Records that share lists or maps with another
// keep theirs.
func Dereference(r Record, get func(reference string) string) {
	for _, f := range r.Fields() {
		d := f.declared()
		if d.isShorthand() || d.is(transient) || !d.holdsReferences() {
			continue
		}
		if v := f.tree(); hasReference(d, v) {
			f.put(dereferenced(d, v, get))
		}
	}
}

// holdsReferences tells whether values of d may hold a reference somewhere.
func (d *def) holdsReferences() bool {
	switch d.kind {
	case "string":
		return d.is(referenceable)
	case "array", "set":
		return d.element.holdsReferences()
	case "map":
		return d.val.holdsReferences()
	case "record":
		for _, f := range d.record().Fields() {
			if f.declared().holdsReferences() {
				return true
			}
		}
	}
	return false
}

// hasReference tells whether a value holds one.
func hasReference(d *def, v any) bool {
	found := false
	dereferenced(d, v, func(string) string {
		found = true
		return ""
	})
	return found
}

func dereferenced(d *def, v any, get func(string) string) any {
	switch v := v.(type) {
	case string:
		if d.is(referenceable) && IsVaultReference(v) {
			return get(v)
		}
	case []any:
		if d.element == nil {
			return v
		}
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = dereferenced(d.element, e, get)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, e := range v {
			out[name] = e
			if inner := d.member(name); inner != nil {
				out[name] = dereferenced(inner, e, get)
			}
		}
		return out
	}
	return v
}

// member is what is declared about a member of a map or record.
func (d *def) member(name string) *def {
	switch d.kind {
	case "map":
		return d.val
	case "record":
		for _, f := range d.record().Fields() {
			if f.Name() == name && !f.declared().isShorthand() {
				return f.declared()
			}
		}
	}
	return nil
}
