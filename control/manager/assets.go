package manager

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"html"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// An asset is one file of the build. It is there in at least one form.
type asset struct {
	contentType         string
	plain, gzip, brotli []byte
}

// assets serves the build. A path without a file is one of the pages that the
// UI itself makes, and gets index.html.
type assets struct {
	files map[string]*asset // by path without leading slash
	index *asset            // nil: there is no build
}

// newAssets reads the build. Files of it that are compressible lie there compressed only,
// as name.br and name.gz. base is where the UI is, with a slash at its end.
func newAssets(files fs.FS, base string) (*assets, error) {
	a := &assets{files: map[string]*asset{}}
	if files == nil {
		return a, nil
	}
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		a.add(name, content)
		return nil
	})
	if err != nil {
		return nil, err
	}
	index := a.files["index.html"]
	if index == nil {
		return nil, errors.New("it has no index.html")
	}
	page := bytes.Replace(index.plain, []byte(`<base href="/"`), []byte(`<base href="`+html.EscapeString(base)+`"`), 1)
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, err = w.Write(page)
	if err = errors.Join(err, w.Close()); err != nil {
		return nil, fmt.Errorf("compress index.html: %w", err)
	}
	a.index = &asset{contentType: index.contentType, plain: page, gzip: packed.Bytes()}
	delete(a.files, "index.html")
	for _, about := range []string{"sources.sha256", "manifest.json"} { // of the build, not of the UI
		delete(a.files, about)
	}
	return a, nil
}

func (a *assets) add(name string, content []byte) {
	bare, form := name, path.Ext(name)
	if form == ".br" || form == ".gz" {
		bare = strings.TrimSuffix(name, form)
	}
	f := a.files[bare]
	if f == nil {
		f = &asset{contentType: contentType(bare)}
		a.files[bare] = f
	}
	switch form {
	case ".br":
		f.brotli = content
	case ".gz":
		f.gzip = content
	default:
		f.plain = content
	}
}

// contentType does not depend on what the machine has in its files of types.
func contentType(name string) string {
	switch ext := path.Ext(name); ext {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".html":
		return "text/html; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".woff2":
		return "font/woff2"
	default:
		if t := mime.TypeByExtension(ext); t != "" {
			return t
		}
		return "application/octet-stream"
	}
}

func (a *assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/")
	header := w.Header()
	switch f := a.files[name]; {
	case f != nil:
		// The name of a file below assets has a hash of its content.
		cache := "public, max-age=3600"
		if strings.HasPrefix(name, "assets/") {
			cache = "public, max-age=31536000, immutable"
		}
		header.Set("Cache-Control", cache)
		f.serve(w, r)
	case a.index == nil:
		http.Error(w, "This program was built without the Manager (build tag noui).", http.StatusNotFound)
	case strings.HasPrefix(name, "assets/"):
		header.Set("Cache-Control", "no-store")
		http.Error(w, "404 Not Found", http.StatusNotFound) // of another build; not a page
	default:
		header.Set("Cache-Control", neverCached)
		a.index.serve(w, r)
	}
}

// serve sends the smallest form that the client takes.
func (f *asset) serve(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Type", f.contentType)
	if f.gzip != nil || f.brotli != nil {
		header.Set("Vary", "Accept-Encoding")
	}
	accepted := r.Header.Get("Accept-Encoding")
	body := f.plain
	switch {
	case f.brotli != nil && accepts(accepted, "br"):
		header.Set("Content-Encoding", "br")
		body = f.brotli
	case f.gzip != nil && accepts(accepted, "gzip"):
		header.Set("Content-Encoding", "gzip")
		body = f.gzip
	case body == nil:
		unpacked, err := unpack(f.gzip)
		if err != nil {
			http.Error(w, "500 Internal Server Error", http.StatusInternalServerError)
			return
		}
		body = unpacked
	}
	header.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodHead {
		return
	}
	_, _ = w.Write(body) // the client went away: nobody is left to tell
}

func unpack(packed []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// accepts tells whether an Accept-Encoding field allows a coding.
func accepts(field, coding string) bool {
	for item := range strings.SplitSeq(field, ",") {
		name, parameter, _ := strings.Cut(item, ";")
		if !strings.EqualFold(strings.TrimSpace(name), coding) {
			continue
		}
		weight, ok := strings.CutPrefix(strings.ReplaceAll(parameter, " ", ""), "q=")
		q, err := strconv.ParseFloat(weight, 64)
		return !ok || err == nil && q > 0
	}
	return false
}
