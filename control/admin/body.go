package admin

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"unicode/utf8"
)

// standardBody is the reference's nginx_admin_client_max_body_size.
const standardBody = 10 << 20

// A body is what a request brought.
type body struct {
	values map[string]any // never nil after readBody
	text   string         // the whole of it, when it is YAML
	form   bool           // values are untyped: strings, where the schema may want numbers
	utf8   bool           // all of it is valid UTF-8

	takesYAML bool // the endpoint does
}

var (
	errBodyNotUTF8  = &messageError{http.StatusBadRequest, "The request body is not valid UTF-8"}
	errNoJSONObject = &messageError{http.StatusBadRequest, "Cannot parse JSON body: expected an object"}
	errMultipart    = &messageError{http.StatusBadRequest, "Cannot parse multipart body"}
)

// readBody decodes the body of POST, PUT and PATCH. That of other methods is
// ignored, valid or not.
func (q *request) readBody(limit int64) error {
	q.body = body{values: map[string]any{}, utf8: true, takesYAML: q.takesYAML}
	switch q.Method {
	case http.MethodPost, http.MethodPut, http.MethodPatch:
	default:
		return nil
	}
	if q.ContentLength > limit {
		return &pageError{http.StatusRequestEntityTooLarge, false}
	}
	data, err := io.ReadAll(http.MaxBytesReader(nil, q.Body, limit))
	if err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return &pageError{http.StatusRequestEntityTooLarge, false}
		}
		return &pageError{http.StatusBadRequest, true} // the client broke off, or its chunks are no chunks
	}
	return q.body.decode(q.Header.Get("Content-Type"), data)
}

// decode goes by the beginning of the content type, in lower case only.
func (b *body) decode(contentType string, data []byte) error {
	b.utf8 = utf8.Valid(data)
	switch {
	case strings.HasPrefix(contentType, "application/json"):
		return b.decodeJSON(string(data))
	case strings.HasPrefix(contentType, "application/x-www-form-urlencoded"):
		args, err := parseArguments(string(data))
		if err != nil {
			return err
		}
		return b.decodeForm(args)
	case strings.HasPrefix(contentType, "multipart/form-data"):
		args, err := parseMultipart(contentType, data)
		if err != nil {
			return err
		}
		return b.decodeForm(args)
	case b.takesYAML && isYAML(contentType):
		b.text = string(data)
		return nil
	case contentType == "" && len(data) == 0:
		return nil
	}
	return &pageError{http.StatusUnsupportedMediaType, false}
}

func isYAML(contentType string) bool {
	for _, t := range []string{"application/yaml", "text/yaml", "application/x-yaml", "text/x-yaml"} {
		if strings.HasPrefix(contentType, t) {
			return true
		}
	}
	return false
}

func (b *body) decodeJSON(text string) error {
	v, err := parseJSON(text)
	if err != nil {
		return errBadJSON
	}
	switch v := v.(type) {
	case map[string]any:
		b.values = v
		return nil
	case []any:
		if len(v) == 0 { // what an empty object looks like where the reference's clients were written
			return nil
		}
	}
	return errNoJSONObject
}

func (b *body) decodeForm(args []argument) error {
	b.form = true
	for _, a := range args {
		value, ok := a.value.(string)
		b.utf8 = b.utf8 && utf8.ValidString(a.name) && (!ok || utf8.ValidString(value))
	}
	values, err := nest(args)
	if err != nil {
		return &messageError{http.StatusBadRequest, "Cannot parse form body: " + err.Error()}
	}
	b.values = values
	return nil
}

// parseMultipart reads the parts of a multipart/form-data body. One in which no
// part begins counts as empty.
func parseMultipart(contentType string, data []byte) ([]argument, error) {
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil || params["boundary"] == "" {
		return nil, nil //nolint:nilerr // the reference takes it for an empty body
	}
	var args []argument
	for r := multipart.NewReader(bytes.NewReader(data), params["boundary"]); ; {
		part, err := r.NextRawPart()
		switch {
		case errors.Is(err, io.EOF), err != nil && len(args) == 0:
			return args, nil
		case err != nil:
			return nil, errMultipart
		case len(args) == maxArguments:
			return nil, errTooManyArguments
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return nil, errMultipart
		}
		a := argument{part.FormName(), string(content)}
		if strings.HasPrefix(part.Header.Get("Content-Type"), "application/json") {
			if a.value, err = parseJSON(string(content)); err != nil {
				return nil, errBadJSON
			}
		}
		args = append(args, a)
	}
}
