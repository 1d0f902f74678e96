package declarative

import (
	"bytes"
	"crypto/md5" //nolint:gosec // the hash that clients of the reference know; nothing rests on it
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

const (
	maxDepth = 100        // of lists and objects within one another
	maxNodes = 10_000_000 // of a document, aliases spelt out
)

// A Document is the text of a file as a tree.
type Document struct {
	Name string // of the file; may be empty
	Tree map[string]any
	Hash string // MD5 of the text, in hexadecimal

	text []byte
}

// A SyntaxError says where a text is no YAML or JSON.
type SyntaxError struct {
	Line, Column int // from 1; 0 when unknown
	Message      string
}

// Error returns "2:1: did not find …".
func (e *SyntaxError) Error() string {
	if e.Line == 0 {
		return e.Message
	}
	return fmt.Sprintf("%d:%d: %s", e.Line, e.Column, e.Message)
}

// Parse reads the text of a file, which must hold one object. The error is a
// *SyntaxError.
func Parse(name string, text []byte) (*Document, error) {
	sum := md5.Sum(text) //nolint:gosec // see above
	d := &Document{Name: name, Hash: hex.EncodeToString(sum[:]), text: text}
	if !utf8.Valid(text) {
		return nil, &SyntaxError{Message: "not UTF-8"}
	}
	if tree, err := parseJSON(text); err == nil {
		d.Tree = tree
		return d, nil
	}
	if tree, ok := parseBlocks(text); ok {
		d.Tree = tree
		return d, nil
	}
	var err error
	if d.Tree, err = parseAll(text); err != nil {
		return nil, err
	}
	return d, nil
}

// parseAll reads all of YAML.
func parseAll(text []byte) (map[string]any, error) {
	root, err := parseYAML(text)
	if err != nil {
		return nil, err
	}
	r := reader{anchors: map[string]anchor{}, left: maxNodes}
	v, err := r.value(root, 0)
	if err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case map[string]any:
		return v, nil
	case []any:
		if len(v) == 0 {
			return map[string]any{}, nil
		}
	}
	return nil, &SyntaxError{Message: "expected an object"}
}

// parseJSON is the short way for what programs send.
func parseJSON(text []byte) (map[string]any, error) {
	if !bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("{")) {
		return nil, errors.New("not an object")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var tree map[string]any
	if err := d.Decode(&tree); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more behind the object")
	}
	return tree, nil
}

// parseYAML returns the first document. What the parser cannot stand is a syntax
// error, too.
func parseYAML(text []byte) (root ast.Node, err error) {
	if err := knownFault(text); err != nil {
		return nil, err
	}
	defer func() {
		if p := recover(); p != nil {
			root, err = nil, &SyntaxError{Message: fmt.Sprintf("cannot be read (%v)", p)}
		}
	}()
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, syntaxError(err, text)
	}
	for _, d := range file.Docs {
		if d.Body != nil {
			return d.Body, nil
		}
	}
	return nil, &SyntaxError{Message: "expected an object"}
}

// knownFault tells of faults in the words that users of the reference know.
func knownFault(text []byte) error {
	trimmed := bytes.TrimLeft(text, " \n\r")
	if bytes.HasPrefix(trimmed, []byte("\t")) {
		before := text[:len(text)-len(trimmed)]
		return &SyntaxError{
			1 + bytes.Count(before, []byte("\n")), len(before) - bytes.LastIndexByte(before, '\n'),
			"found character that cannot start any token",
		}
	}
	return nil
}

func syntaxError(err error, text []byte) error {
	e := &SyntaxError{Message: err.Error()}
	if s, ok := errors.AsType[yaml.Error](err); ok {
		e.Message = s.GetMessage()
		if t := s.GetToken(); t != nil && t.Position != nil {
			e.Line, e.Column = t.Position.Line, t.Position.Column
		}
	}
	e.Message, _, _ = strings.Cut(e.Message, "\n")
	if strings.HasPrefix(e.Message, "could not find flow map") {
		// The reference sees it where the text ends.
		e.Line, e.Column, e.Message = 1+bytes.Count(bytes.TrimRight(text, "\n"), []byte("\n"))+1, 1, "did not find expected ',' or '}'"
	}
	return e
}
