package proxycache

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"gibbon/plugin"
)

// notKept are the fields that belong to one transfer of an answer and not to
// the answer.
var notKept = map[string]bool{
	"connection": true, "keep-alive": true, "proxy-authenticate": true, "proxy-authorization": true, "te": true,
	"trailer": true, "transfer-encoding": true, "upgrade": true, "content-length": true, "age": true,
	"proxy-connection": true, "proxy-authentication-info": true,
}

// storedFields are the fields of the target's answer that are stored. What
// plugins have added is left out: they see the answer again when it is used.
func storedFields(h *plugin.Header) []plugin.Field {
	var named []string
	for i := range h.Len() {
		if l := h.At(i); l.Origin >= 0 && strings.EqualFold(string(l.Name), "Connection") {
			for name := range strings.SplitSeq(string(l.Value), ",") {
				named = append(named, strings.ToLower(strings.TrimSpace(name)))
			}
		}
	}
	var fields []plugin.Field
	for i := range h.Len() {
		l := h.At(i)
		name := strings.ToLower(string(l.Name))
		if l.Origin < 0 || notKept[name] || strings.Contains(name, "ratelimit-remaining") || slices.Contains(named, name) {
			continue
		}
		fields = append(fields, plugin.Field{Name: string(l.Name), Value: string(l.Value)})
	}
	return fields
}

// packed puts the texts of fields into one piece of memory, behind text, which it returns.
func packed(text string, fields []plugin.Field) string {
	b := []byte(text)
	for _, f := range fields {
		b = append(append(b, f.Name...), f.Value...)
	}
	all := string(b)
	at := len(text)
	cut := func(s *string) {
		*s = all[at : at+len(*s)]
		at += len(*s)
	}
	for i := range fields {
		cut(&fields[i].Name)
		cut(&fields[i].Value)
	}
	return all[:len(text)]
}

// matchesTag compares a list of entity tags with one, weakly (RFC 9110, section 8.8.3.2).
func matchesTag(list, tag string) bool {
	tag = strings.TrimPrefix(tag, "W/")
	for one := range strings.SplitSeq(list, ",") {
		one = strings.TrimPrefix(strings.TrimSpace(one), "W/")
		if one == "*" || one == tag {
			return true
		}
	}
	return false
}

// later reports whether the first of two dates is later, or cannot be compared.
func later(a, b string) bool {
	s, errA := parseTime(a)
	t, errB := parseTime(b)
	return errA != nil || errB != nil || s.After(t)
}

func parseTime(s string) (time.Time, error) { return http.ParseTime(s) }
