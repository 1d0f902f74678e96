package admin

import (
	"bytes"
	"crypto/rand"
	"errors"
	"net/http"

	"gibbon/control/declarative"
	"gibbon/control/history"
)

// The endpoints below /declarative bring files into a store that has entities of
// its own. They are for 'gibbon config' while a node runs.

func (a *api) addFiles() {
	a.routes.addOurs("/declarative", methods{http.MethodGet: a.exportFile})
	a.routes.addOurs("/declarative/diff", methods{http.MethodPost: a.diffFile})
	a.routes.addOurs("/declarative/import", methods{http.MethodPost: a.bringFile(declarative.Import)})
	a.routes.addOurs("/declarative/sync", methods{http.MethodPost: a.bringFile(declarative.Sync)})
}

// exportFile answers with all entities as a file.
func (a *api) exportFile(q *request) (*reply, error) {
	var text bytes.Buffer
	if err := declarative.Export(q.Context(), &text, a.store, a.Kinds, a.Now()); err != nil {
		return nil, err
	}
	return &reply{status: http.StatusOK, contentType: "application/yaml", body: text.Bytes()}, nil
}

func (a *api) loader() declarative.Loader {
	return declarative.Loader{Kinds: a.Kinds, Now: a.Now, Random: rand.Reader}
}

// file is the document in a body.
func (q *request) file() (*declarative.Document, error) {
	if q.body.text == "" {
		return nil, errNoConfig
	}
	return declarative.Parse("", []byte(q.body.text))
}

// diffFile answers what a sync would change.
func (a *api) diffFile(q *request) (*reply, error) {
	d, err := q.file()
	if err != nil {
		return a.invalidConfig(err, false)
	}
	plan, err := a.loader().Compare(q.Context(), a.store, d.Tree, declarative.Sync)
	if err != nil {
		return a.invalidConfig(err, false)
	}
	changes, err := a.showPlan(plan)
	if err != nil {
		return nil, err
	}
	return jsonReply(http.StatusOK, map[string]any{"changes": changes})
}

func (a *api) showPlan(plan *declarative.Plan) ([]history.Change, error) {
	changes := make([]history.Change, 0, len(plan.Changes))
	for _, c := range plan.Changes {
		change, err := history.Compare(a.Kinds, c)
		if err != nil {
			return nil, err
		}
		changes = append(changes, change)
	}
	return changes, nil
}

// bringFile makes the store what a file says.
func (a *api) bringFile(mode declarative.Mode) handler {
	return func(q *request) (*reply, error) {
		d, err := q.file()
		if err != nil {
			return a.invalidConfig(err, false)
		}
		if a.Declarative != nil {
			return nil, errWhole
		}
		plan, r, err := a.loader().Bring(q.Context(), a.store, q.actor(), d.Tree, mode)
		if e, ok := errors.AsType[*declarative.CollisionError](err); ok {
			return message(http.StatusConflict, e.Error()), nil
		}
		if err != nil {
			return a.invalidConfig(err, false)
		}
		changes, err := a.showPlan(plan)
		if err != nil {
			return nil, err
		}
		answer := map[string]any{"revision": nil, "changes": changes}
		if r.Number > 0 {
			answer["revision"] = r.Number
		}
		return jsonReply(http.StatusOK, answer)
	}
}

// takesYAML are the paths whose bodies may be YAML.
func takesYAML(path string) bool {
	switch path {
	case configPath, "/declarative/diff", "/declarative/import", "/declarative/sync":
		return true
	}
	return false
}
