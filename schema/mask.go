package schema

// Hidden stands for a secret that is not shown.
const Hidden = "******"

// Mask puts Hidden in place of the secrets in a tree of r, which is changed:
// encrypted fields, and those that are made up when they are left out.
// References to vaults are no secrets.
func Mask(tree map[string]any, r Record) {
	for _, f := range r.Fields() {
		if d := f.declared(); !d.isShorthand() && tree[d.name] != nil {
			tree[d.name] = d.mask(tree[d.name])
		}
	}
}

func (d *def) mask(v any) any {
	switch v := v.(type) {
	case string:
		if (d.is(encrypted) || d.auto == autoSecret) && !IsVaultReference(v) {
			return Hidden
		}
	case []any:
		if d.element == nil {
			break
		}
		for i := range v {
			element := *d.element
			element.flags |= d.flags & encrypted
			v[i] = element.mask(v[i])
		}
	case map[string]any:
		switch {
		case d.kind == "record" && d.record != nil:
			Mask(v, d.record())
		case d.kind == "map":
			value := *d.val
			value.flags |= d.flags & encrypted
			for name := range v {
				v[name] = value.mask(v[name])
			}
		}
	}
	return v
}

// IsSecret tells whether a text in a field of r is masked.
func IsSecret(r Record, name string) bool {
	for _, f := range r.Fields() {
		if d := f.declared(); d.name == name && !d.isShorthand() {
			return d.mask(".") == Hidden
		}
	}
	return false
}

// Mortal tells whether r is of a kind that can have a lifetime.
func Mortal(r Record) bool {
	for _, f := range r.Fields() {
		if f.declared().is(lifetime) {
			return true
		}
	}
	return false
}
