package admin

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strconv"
)

const (
	typeJSON = "application/json; charset=utf-8"
	typePage = "text/html; charset=UTF-8"
)

// A reply is a whole answer: bodies are small, and errors must not come late.
type reply struct {
	status      int
	contentType string // empty means JSON when there is a body
	header      http.Header
	body        []byte
	bare        bool         // without the headers of the Admin API
	handler     http.Handler // answers in place of body, when set
}

// message is an answer that says something.
func message(status int, text string) *reply {
	r, _ := jsonReply(status, map[string]string{"message": text}) // strings always marshal
	return r
}

func jsonReply(status int, v any) (*reply, error) {
	body, err := marshal(v)
	if err != nil {
		return nil, err
	}
	return &reply{status: status, body: body}, nil
}

// marshal writes JSON as it is, without the escapes that make it fit for HTML.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

var noContent = &reply{status: http.StatusNoContent}

// pageTitle is how nginx, whose pages clients of the reference know, names a status.
func pageTitle(status int) string {
	text := http.StatusText(status)
	if status == http.StatusMethodNotAllowed {
		text = "Not Allowed"
	}
	return fmt.Sprintf("%d %s", status, text)
}

func (e *pageError) reply() *reply {
	title := pageTitle(e.status)
	page := "<html>\r\n<head><title>" + title + "</title></head>\r\n<body>\r\n<center><h1>" + title +
		"</h1></center>\r\n</body>\r\n</html>\r\n"
	return &reply{status: e.status, contentType: typePage, body: []byte(page), bare: e.bare}
}

// write sends the answer. The server leaves the body out after HEAD.
func (r *reply) write(w http.ResponseWriter, q *http.Request) {
	h := w.Header()
	maps.Copy(h, r.header)
	if r.handler != nil {
		r.handler.ServeHTTP(w, q)
		return
	}
	if len(r.body) > 0 {
		h.Set("Content-Type", cmp.Or(r.contentType, typeJSON))
		h.Set("Content-Length", strconv.Itoa(len(r.body)))
	}
	w.WriteHeader(r.status)
	_, _ = w.Write(r.body) // the client went away: nobody is left to tell
}
