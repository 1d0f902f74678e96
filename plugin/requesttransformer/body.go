package requesttransformer

import (
	"bytes"
	"mime"
	"strings"

	"gibbon/plugin"
	"gibbon/plugin/pairs"
)

// A kind of body is one that can be changed.
type kind int

const (
	other kind = iota
	form
	multipart
	object
)

func kindOf(x *plugin.Exchange) kind {
	t := strings.ToLower(string(x.Request.Get("Content-Type")))
	switch {
	case strings.Contains(t, "application/x-www-form-urlencoded"):
		return form
	case strings.Contains(t, "multipart/form-data"):
		return multipart
	case strings.Contains(t, "application/json"):
		return object
	}
	return other
}

// changeBody applies rules to the body. What cannot be read stays as it is.
func changeBody(x *plugin.Exchange, c *changed) {
	k := kindOf(x)
	if k == other {
		return
	}
	body, err := x.Request.Body()
	if err != nil {
		return
	}
	switch k {
	case other:
	case form:
		x.Request.SetBody([]byte(plugin.EncodeArgs(c.body.apply(plugin.ParseArgs(body)))))
	case multipart:
		if changed, ok := changeMultipart(body, string(x.Request.Get("Content-Type")), &c.body); ok {
			x.Request.SetBody(changed)
		}
	case object:
		if changed, ok := changeObject(body, &c.body); ok {
			x.Request.SetBody(changed)
		}
	}
}

// changeObject changes a JSON object. No body counts as an empty one.
func changeObject(body []byte, e *entries) ([]byte, bool) {
	o, ok := pairs.ParseObject(body)
	if !ok {
		if len(body) > 0 {
			return nil, false
		}
		o = pairs.Object{}
	}
	for _, p := range e.remove {
		delete(o, p.Name)
	}
	for _, p := range e.rename {
		o.Rename(p.Name, p.Value)
	}
	for _, p := range e.replace {
		if o[p.Name] != nil {
			o[p.Name] = pairs.String(p.Value)
		}
	}
	for _, p := range e.add {
		if o[p.Name] == nil {
			o[p.Name] = pairs.String(p.Value)
		}
	}
	for _, p := range e.append {
		o.Append(p.Name, pairs.String(p.Value))
	}
	return o.Bytes(), true
}

// A part is one of a multipart body: its head and content as they came.
type part struct {
	name string
	text []byte // between the lines with the boundary
}

// changeMultipart changes the parts of a form. Values set here come last.
// Nothing is appended to parts: the reference does not do so either.
func changeMultipart(body []byte, contentType string, e *entries) ([]byte, bool) {
	_, params, err := mime.ParseMediaType(contentType)
	boundary := params["boundary"]
	if err != nil || boundary == "" {
		return nil, false
	}
	parts, ok := splitParts(body, boundary)
	if !ok {
		return nil, false
	}
	for _, p := range e.remove {
		parts = withoutPart(parts, p.Name)
	}
	for _, p := range e.rename {
		for _, old := range parts {
			if old.name == p.Name && p.Name != p.Value {
				parts = append(withoutPart(withoutPart(parts, p.Value), p.Name), renamed(old, p.Value))
				break
			}
		}
	}
	for _, p := range e.replace {
		if hasPart(parts, p.Name) {
			parts = append(withoutPart(parts, p.Name), newPart(p))
		}
	}
	for _, p := range e.add {
		if !hasPart(parts, p.Name) {
			parts = append(parts, newPart(p))
		}
	}
	var b bytes.Buffer
	for _, p := range parts {
		b.WriteString("--" + boundary + "\r\n")
		b.Write(p.text)
		b.WriteString("\r\n")
	}
	b.WriteString("--" + boundary + "--\r\n")
	return b.Bytes(), true
}

// splitParts cuts a body at its boundaries (RFC 2046, section 5.1.1). It fails
// when there is no last one.
func splitParts(body []byte, boundary string) ([]part, bool) {
	delimiter := []byte("\r\n--" + boundary)
	rest := append([]byte("\r\n"), body...)
	_, rest, ok := bytes.Cut(rest, delimiter)
	var parts []part
	for ok {
		if bytes.HasPrefix(rest, []byte("--")) {
			return parts, true
		}
		line, after, found := bytes.Cut(rest, []byte("\r\n"))
		if !found || len(bytes.Trim(line, " \t")) > 0 {
			return nil, false
		}
		var text []byte
		if text, rest, ok = bytes.Cut(after, delimiter); ok {
			parts = append(parts, part{partName(text), text})
		}
	}
	return nil, false
}

// partName is the name in the Content-Disposition of a part.
func partName(text []byte) string {
	head, _, _ := bytes.Cut(text, []byte("\r\n\r\n"))
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		name, value, _ := strings.Cut(string(line), ":")
		if strings.EqualFold(strings.TrimSpace(name), "Content-Disposition") {
			if _, params, err := mime.ParseMediaType(value); err == nil {
				return params["name"]
			}
		}
	}
	return ""
}

func newPart(p pairs.Pair) part {
	return part{p.Name, []byte("Content-Disposition: form-data; name=\"" + quoted(p.Name) + "\"\r\n\r\n" + p.Value)}
}

func renamed(p part, name string) part {
	_, content, _ := bytes.Cut(p.text, []byte("\r\n\r\n"))
	return newPart(pairs.Pair{Name: name, Value: string(content)})
}

func quoted(name string) string {
	return strings.NewReplacer(`"`, "%22", "\r", "%0D", "\n", "%0A").Replace(name)
}

func hasPart(parts []part, name string) bool {
	for i := range parts {
		if parts[i].name == name {
			return true
		}
	}
	return false
}

func withoutPart(parts []part, name string) []part {
	kept := make([]part, 0, len(parts)+1)
	for _, p := range parts {
		if p.name != name {
			kept = append(kept, p)
		}
	}
	return kept
}
