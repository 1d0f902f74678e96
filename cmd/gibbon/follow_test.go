package main

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gibbon/control/admin"
	"gibbon/control/store"
	"gibbon/control/store/memory"
	"gibbon/entity"
	"gibbon/settings"
)

// A change that this node cannot read is told by GET /status until the entity is in force or gone.
func TestChangesThatAreNotApplied(t *testing.T) {
	s, err := settings.Load(settings.Source{Files: []string{}, Flags: map[string]string{"prefix": t.TempDir()}})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	data, err := newDataPlane(s, serveOptions{log: log})
	if err != nil {
		t.Fatal(err)
	}
	defer data.close()
	kinds, db := entity.NewKinds(entity.Options{}), memory.New(memory.Options{})
	f := newFollower(data, db, kinds, "")
	api := admin.New(admin.Options{Store: db, Kinds: kinds, Log: log, Now: time.Now, Rejections: f.rejections})
	rejected := func() string {
		w := httptest.NewRecorder()
		api.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost/status", nil))
		var status struct {
			Rejected json.RawMessage `json:"rejected_configuration"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &status); err != nil {
			t.Fatalf("%v: %s", err, w.Body)
		}
		return string(status.Rejected)
	}
	revision := func(number int64, doc string) store.Revision {
		c := store.Change{Kind: "services", ID: "5ed56abf-2af0-4d64-bacb-79818a58f09b"}
		if doc != "" {
			c.After = []byte(doc)
		}
		return store.Revision{Number: number, Time: time.Unix(1764000000, 0), Actor: "admin", Changes: []store.Change{c}}
	}
	f.follow(revision(7, `{"id":"5ed56abf-2af0-4d64-bacb-79818a58f09b","host":"h","port":`))
	if got := rejected(); !strings.Contains(got, `"time":1764000000,"actor":"admin","cause":"`) || !strings.HasSuffix(got, `"revision":7,"kind":"services","id":"5ed56abf-2af0-4d64-bacb-79818a58f09b","count":1}`) {
		t.Errorf("what cannot be read: %s", got)
	}
	f.follow(revision(8, ""))
	if got := rejected(); got != "" {
		t.Errorf("it is gone, but %s", got)
	}
}
