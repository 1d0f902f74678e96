package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"gibbon/control/admin"
	"gibbon/control/events"
	"gibbon/control/store"
	"gibbon/control/store/lastknown"
	"gibbon/data/snapshot"
	"gibbon/entity"
	"gibbon/settings"
)

// lastKnownFile is where a node keeps the configuration of a database that it may not reach at its
// next start.
const lastKnownFile = "last_known_configuration"

// A sharedStore is one that other nodes write to as well.
type sharedStore interface {
	store.Store
	// Follow has the callbacks told of what other nodes write after the revision since; -1 means that
	// nothing is known for certain. Reload is called when everything has to be read anew.
	Follow(since int64, reload func(context.Context) (int64, error))
}

// A follower puts the configuration of a store in force, and every change to it before the write
// that made it returns.
type follower struct {
	data    *dataPlane
	db      store.Store
	kinds   entity.Kinds
	loaders map[string]entity.Loader
	file    string // for the last known configuration
	// rejections are what the store has and this node cannot put in force.
	rejections *admin.Rejections

	loaded chan struct{} // closed when a configuration is in force
	keeper *lastknown.Keeper
	// held is what is in force, by kind and id, where everything may have to be read again.
	held map[string]map[string]struct{}
}

func newFollower(data *dataPlane, db store.Store, kinds entity.Kinds, file string) *follower {
	f := &follower{data: data, db: db, kinds: kinds, file: file, loaders: map[string]entity.Loader{}, loaded: make(chan struct{}), rejections: new(admin.Rejections)}
	data.store = db
	for _, kind := range kinds {
		f.loaders[kind.Name] = kind.NewLoader()
	}
	return f
}

// start loads the configuration and follows its changes. When a shared store cannot be reached the
// last known configuration is loaded, if there is one, until it can.
func (f *follower) start(ctx context.Context) error {
	shared, isShared := f.db.(sharedStore)
	if !isShared {
		f.db.OnCommit(f.follow)
		_, err := f.load(ctx)
		return err
	}
	f.held = map[string]map[string]struct{}{}
	since, err := f.load(ctx)
	if errors.Is(err, store.ErrUnavailable) {
		since = -1
		f.data.log.Error("the database does not answer; waiting for it", "error", err)
		f.loadLastKnown()
	} else if err != nil {
		return err
	}
	f.db.OnCommit(f.follow)
	names := make([]string, 0, len(f.kinds))
	for _, kind := range f.kinds {
		names = append(names, kind.Name)
	}
	f.keeper = lastknown.Keep(f.db, f.file, names, f.data.log)
	if since >= 0 {
		f.keeper.Changed()
	}
	shared.Follow(since, func(ctx context.Context) (int64, error) {
		number, err := f.load(ctx)
		if err == nil {
			f.data.log.Warn("the configuration was read anew from the database", "revision", number)
			f.data.events.Publish(&events.Event{Topic: events.Revisions, Type: "reload", Payload: events.Reload{Number: number, Time: unixSeconds(time.Now())}})
			f.keeper.Changed()
		} else if !errors.Is(err, store.ErrUnavailable) { // which is told elsewhere
			f.rejections.Add(admin.Rejection{Time: admin.At(time.Now()), Cause: err.Error()})
		}
		return number, err
	})
	return nil
}

// close ends what start began, except for the store's own work.
func (f *follower) close() {
	if f.keeper != nil {
		f.keeper.Close()
	}
}

// load puts the configuration in force as it is in the store now, and returns the number of its
// newest revision.
func (f *follower) load(ctx context.Context) (number int64, err error) {
	var rows []snapshot.Change
	err = f.db.View(ctx, func(r store.Reader) (err error) {
		if number, err = r.Latest(ctx); err != nil {
			return err
		}
		rows, err = f.decode(func(add func(store.Row) error) error {
			for _, kind := range f.kinds {
				if err := r.Each(ctx, kind.Name, add); err != nil {
					return fmt.Errorf("load %s: %w", kind.Name, err)
				}
			}
			return nil
		})
		return err
	})
	if err != nil {
		return 0, err
	}
	f.replace(rows)
	f.rejections.Clear()
	return number, nil
}

// decode makes entities of the rows that each adds.
func (f *follower) decode(each func(add func(store.Row) error) error) ([]snapshot.Change, error) {
	d := &decoding{kinds: f.kinds}
	err := each(d.add)
	rows, bad := d.end()
	return rows, cmp.Or(bad, err)
}

// loadLastKnown puts the last known configuration in force, if there is one.
func (f *follower) loadLastKnown() {
	var number int64
	rows, err := f.decode(func(add func(store.Row) error) (err error) {
		number, err = lastknown.Load(f.file, time.Now(), add)
		return err
	})
	switch {
	case errors.Is(err, os.ErrNotExist):
		f.data.log.Error("there is no last known configuration: the proxy opens when the database answers", "file", f.file)
		return
	case err != nil:
		f.data.log.Error("the last known configuration is not used: the proxy opens when the database answers", "file", f.file, "error", err)
		return
	}
	f.replace(rows)
	f.data.log.Warn("serving the last known configuration until the database answers", "revision", number, "file", f.file)
}

// replace makes rows all that is in force.
func (f *follower) replace(rows []snapshot.Change) {
	if f.held != nil {
		seen := map[string]map[string]struct{}{}
		for _, row := range rows {
			noteHeld(seen, row.Kind, row.ID)
		}
		for kind, ids := range f.held {
			for id := range ids {
				if _, found := seen[kind][id]; !found {
					rows = append(rows, snapshot.Change{Kind: kind, ID: id})
				}
			}
		}
		f.held = seen
	}
	f.data.apply(rows)
	select {
	case <-f.loaded:
	default:
		close(f.loaded)
	}
}

func noteHeld(held map[string]map[string]struct{}, kind, id string) {
	if held[kind] == nil {
		held[kind] = map[string]struct{}{}
	}
	held[kind][id] = struct{}{}
}

// follow puts one revision in force.
func (f *follower) follow(r store.Revision) {
	changes := make([]snapshot.Change, 0, len(r.Changes))
	for _, c := range r.Changes {
		change := snapshot.Change{Kind: c.Kind, ID: c.ID, Expires: c.Expires}
		if load := f.loaders[c.Kind]; load != nil && c.After != nil {
			e, err := load(c.After)
			if err != nil {
				f.data.log.Error("a change is not applied", "revision", r.Number, "kind", c.Kind, "id", c.ID, "error", err)
				f.rejections.Add(admin.Rejection{
					Time: admin.At(r.Time), Actor: r.Actor, Cause: err.Error(), Revision: r.Number, Kind: c.Kind, ID: c.ID,
				})
				continue
			}
			change.Entity = e
		}
		changes = append(changes, change)
		f.rejections.Resolve(c.Kind, c.ID)
		switch {
		case f.held == nil:
		case c.After == nil:
			delete(f.held[c.Kind], c.ID)
		default:
			noteHeld(f.held, c.Kind, c.ID)
		}
	}
	f.data.apply(changes)
	f.tellRevision(r)
}

// How often the store is tidied up.
const (
	sweepEvery  = 5 * time.Second
	forgetEvery = time.Minute
)

// keepTidy removes what has expired and old revisions, until the function that it returns is called.
func keepTidy(ctx context.Context, s *settings.Settings, db store.Store, log *slog.Logger) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	report := func(err error) {
		if !errors.Is(err, store.ErrUnavailable) { // that is told already
			log.Error("the store is not tidied up", "error", err)
		}
	}
	var running sync.WaitGroup
	running.Go(func() { store.KeepSwept(ctx, db, sweepEvery, report) })
	running.Go(func() { store.KeepForgetting(ctx, db, s.RevisionsKept, forgetEvery, report) })
	return func() {
		cancel()
		running.Wait()
	}
}
