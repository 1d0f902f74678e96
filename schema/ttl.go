package schema

// maxTTL is the longest lifetime of a record, in seconds.
const maxTTL = 100_000_000

// TTL declares how many seconds a record lives. Bodies give it like a field, but
// it is none: no description shows it, and no document holds it, because the
// store keeps the time at which the record ends. A value that cannot be one is
// an OptionError.
func TTL(name string, p **int64) *Value[int64] {
	return NullNumber(name, p).set(lifetime | transient | aside)
}

// TTLOf returns the seconds that r is to live, nil when it has no such field or
// lives for ever.
func TTLOf(r Record) *int64 {
	for _, f := range r.Fields() {
		if ttl, ok := f.(*Value[int64]); ok && ttl.is(lifetime) {
			return *ttl.null
		}
	}
	return nil
}

// SetTTL sets the seconds that r is still to live, for answers to show. A record
// without such a field stays as it is.
func SetTTL(r Record, seconds *int64) {
	for _, f := range r.Fields() {
		if ttl, ok := f.(*Value[int64]); ok && ttl.is(lifetime) {
			*ttl.null = seconds
		}
	}
}

// An OptionError tells what is wrong with what a body says about the record
// rather than in it. The reference answers that with code 11.
type OptionError map[string]string

// Error returns "invalid option (ttl: …)".
func (e OptionError) Error() string {
	lines := make([]string, 0, len(e))
	for _, name := range sortedKeys(e) {
		lines = append(lines, name+": "+e[name])
	}
	return summary(lines, "invalid option", "option violations")
}

// checkOptions wants lifetimes that can be counted.
func checkOptions(fields Fields, tree map[string]any) error {
	for _, f := range fields {
		d := f.declared()
		if v := tree[d.name]; d.is(lifetime) && v != nil {
			if n, ok := asFloat(v); !ok || !isInteger(v) || n < 0 || n > maxTTL {
				return OptionError{d.name: "must be an integer between 0 and 100000000"}
			}
		}
	}
	return nil
}
