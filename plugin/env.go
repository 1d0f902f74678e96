package plugin

import (
	"io"
	"log/slog"
	"sync"
	"time"

	"gibbon/entity"
)

// An Env is what one configured plugin can rely on beyond a request.
type Env struct {
	Entity *entity.Plugin // how it is configured; do not change it
	Log    *slog.Logger   // tells which plugin is speaking
	Now    func() time.Time
	Node   string // id of this node

	Counters Counters // of all nodes; nil where there are none

	// StoreBytes bounds what a store of answers may take of memory.
	StoreBytes int64

	state *State
	name  string
}

// Own returns what this configured plugin keeps across changes of its
// configuration, made by create when there is nothing yet. When the plugin is
// removed it is closed, if it is an io.Closer.
func (e *Env) Own(create func() any) any {
	return e.state.get(e.name+"\x00"+e.Entity.ID, create)
}

// Shared returns what all configured plugins of this name have in common under
// a key, made by create when there is nothing yet. It is kept to the end of the
// process.
func (e *Env) Shared(key string, create func() any) any {
	return e.state.get(e.name+"\x01"+key, create)
}

// Process is Shared among plugins of all names: connections to a store, say.
func (e *Env) Process(key string, create func() any) any {
	return e.state.get("\x02"+key, create)
}

// A State holds what plugins keep across requests and configurations. One
// belongs to each gateway.
type State struct {
	Log  *slog.Logger
	Now  func() time.Time
	Node string

	Counters Counters // of all nodes; set before the first plugin starts, nil where there are none

	// StoreBytes bounds what a store of answers may take of memory; set before the first plugin starts.
	StoreBytes int64

	mu   sync.Mutex // guards kept
	kept map[string]any
}

// storeBytes are those of a store of answers unless something else is set.
const storeBytes = 128 << 20

// NewState returns an empty state.
func NewState(log *slog.Logger, now func() time.Time, node string) *State {
	return &State{Log: log, Now: now, Node: node, StoreBytes: storeBytes, kept: map[string]any{}}
}

// Env returns the environment of a configured plugin.
func (s *State) Env(e *entity.Plugin) *Env {
	log := s.Log.With("plugin", e.Name)
	if e.InstanceName != "" {
		log = log.With("instance", e.InstanceName)
	}
	return &Env{Entity: e, Log: log, Now: s.Now, Node: s.Node, Counters: s.Counters, StoreBytes: s.StoreBytes, state: s, name: e.Name}
}

// Forget closes what a plugin that was removed has kept.
func (s *State) Forget(e *entity.Plugin) {
	key := e.Name + "\x00" + e.ID
	s.mu.Lock()
	v := s.kept[key]
	delete(s.kept, key)
	s.mu.Unlock()
	s.closeOne(v)
}

// Close closes all that was kept.
func (s *State) Close() {
	s.mu.Lock()
	kept := s.kept
	s.kept = map[string]any{}
	s.mu.Unlock()
	for _, v := range kept {
		s.closeOne(v)
	}
}

func (s *State) closeOne(v any) {
	if c, ok := v.(io.Closer); ok {
		if err := c.Close(); err != nil {
			s.Log.Error("what a plugin kept was not closed", "error", err)
		}
	}
}

func (s *State) get(key string, create func() any) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.kept[key]
	if !ok {
		v = create()
		s.kept[key] = v
	}
	return v
}
