package requesttransformer

import (
	"strings"

	"gibbon/plugin/pairs"
	"gibbon/schema"
)

type settings struct {
	Method  string
	Remove  rules
	Rename  rules
	Replace rules
	Add     rules
	Append  rules

	uri       template
	body      bool // a rule is for bodies
	arguments bool // a rule is for arguments
}

// rules are what one step does.
type rules struct {
	Body    []string
	Headers []string
	Query   []string
	URI     string // of the step replace

	step    string
	body    []rule
	headers []rule
	query   []rule
}

// A rule is one entry.
type rule struct {
	name  string
	value template
}

// Fields declares the settings.
func (s *settings) Fields() schema.Fields {
	s.Remove.step, s.Rename.step, s.Replace.step, s.Add.step, s.Append.step = "remove", "rename", "replace", "add", "append"
	return schema.Fields{
		schema.String("http_method", &s.Method).Match("^%u+$").Doc("The method that the target sees."),
		schema.Sub("remove", &s.Remove).Doc("What is taken away, by name."),
		schema.Sub("rename", &s.Rename).Doc("What gets another name, as old:new."),
		schema.Sub("replace", &s.Replace).Doc("What gets another value, as name:value, when it is there."),
		schema.Sub("add", &s.Add).Doc("What is added, as name:value, when it is not there."),
		schema.Sub("append", &s.Append).Doc("What is added, as name:value, to what is there."),
	}
}

// Fields declares the settings of a step.
func (r *rules) Fields() schema.Fields {
	entry := func(f *schema.Value[string]) { f.Check(pairs.CheckValue).Check(checkEntry) }
	header := func(f *schema.Value[string]) { f.Match(pairs.Form).Check(pairs.CheckHeader).Check(checkEntry) }
	switch r.step {
	case "remove":
		entry, header = nil, func(f *schema.Value[string]) { f.Check(pairs.CheckHeader) }
	case "rename":
		header = func(f *schema.Value[string]) { f.Match(pairs.Form).Check(pairs.CheckRename) }
	}
	fields := schema.Fields{
		pairs.List("body", &r.Body, entry).Doc("Fields of a form, or members of the JSON object that is the body."),
		pairs.List("headers", &r.Headers, header).Doc("Headers."),
		pairs.List("querystring", &r.Query, entry).Doc("Arguments of the query."),
	}
	if r.step == "replace" {
		fields = append(fields, schema.String("uri", &r.URI).Check(checkTemplate).Doc("The path that the target sees."))
	}
	return fields
}

// checkEntry refuses a value that is no template.
func checkEntry(entry string) error {
	_, value, _ := strings.Cut(entry, ":")
	return checkTemplate(value)
}

func checkTemplate(s string) error {
	_, err := parse(s)
	return err
}

// compile reads the entries of a step.
func (r *rules) compile() error {
	for _, c := range []struct {
		from []string
		to   *[]rule
	}{{r.Body, &r.body}, {r.Headers, &r.headers}, {r.Query, &r.query}} {
		for _, p := range pairs.Parse(c.from) {
			t, err := parse(p.Value)
			if err != nil {
				return err
			}
			*c.to = append(*c.to, rule{p.Name, t})
		}
	}
	return nil
}
