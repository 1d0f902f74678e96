package main

import (
	"cmp"
	"fmt"
	"runtime"
	"sync"

	"gibbon/control/store"
	"gibbon/data/snapshot"
	"gibbon/entity"
)

// decodedTogether is how many rows a core takes at a time.
const decodedTogether = 256

// A decoding makes entities of all rows of a store, on all cores when there are many. Their order
// stays as it is.
type decoding struct {
	kinds entity.Kinds
	rows  []store.Row       // that wait until they are enough
	parts chan *decodedPart // nil until there is more than one
	all   []*decodedPart

	running sync.WaitGroup
}

type decodedPart struct {
	rows    []store.Row
	changes []snapshot.Change
	err     error
}

// add takes a row, which stays as it is until end returns.
func (d *decoding) add(row store.Row) error {
	if d.rows = append(d.rows, row); len(d.rows) == decodedTogether {
		if d.parts == nil {
			d.start()
		}
		d.parts <- d.take()
	}
	return nil
}

func (d *decoding) start() {
	d.parts = make(chan *decodedPart, 16)
	for range runtime.GOMAXPROCS(0) {
		d.running.Go(func() {
			decode := d.decoder()
			for p := range d.parts {
				decode(p)
			}
		})
	}
}

// take makes a part of the rows that wait.
func (d *decoding) take() *decodedPart {
	p := &decodedPart{rows: d.rows}
	d.all, d.rows = append(d.all, p), make([]store.Row, 0, decodedTogether)
	return p
}

// end returns the rows as changes. It has to be called, once, whether they are wanted or not.
func (d *decoding) end() ([]snapshot.Change, error) {
	if last := d.take(); d.parts == nil {
		d.decoder()(last)
	} else {
		d.parts <- last
		close(d.parts)
		d.running.Wait()
	}
	n := 0
	errs := make([]error, len(d.all))
	for i, p := range d.all {
		n += len(p.changes)
		errs[i] = p.err
	}
	changes := make([]snapshot.Change, 0, n)
	for _, p := range d.all {
		changes = append(changes, p.changes...)
	}
	return changes, cmp.Or(errs...)
}

// decoder returns a function that decodes parts, for one goroutine.
func (d *decoding) decoder() func(*decodedPart) {
	loaders := make(map[string]entity.Loader, len(d.kinds))
	for _, kind := range d.kinds {
		loaders[kind.Name] = kind.NewLoader()
	}
	return func(p *decodedPart) {
		p.changes = make([]snapshot.Change, 0, len(p.rows))
		for _, row := range p.rows {
			change, err := decodeRow(loaders, row)
			if err != nil {
				p.err = err
				return
			}
			if change.Entity != nil {
				p.changes = append(p.changes, change)
			}
		}
		p.rows = nil
	}
}

// decodeRow returns a change without an entity for a row of another version.
func decodeRow(loaders map[string]entity.Loader, row store.Row) (snapshot.Change, error) {
	load := loaders[row.Kind]
	if load == nil {
		return snapshot.Change{}, nil
	}
	e, err := load(row.Doc)
	if err != nil {
		return snapshot.Change{}, fmt.Errorf("stored %s %s: %w", row.Kind, row.ID, err)
	}
	if p, ok := e.(*entity.Plugin); ok && p.FreshConfig() == nil {
		return snapshot.Change{}, hinted("Add it to plugins, or remove it from the configuration while it is there.",
			"%s plugin is in use but not enabled", p.Name)
	}
	return snapshot.Change{Kind: row.Kind, ID: row.ID, Entity: e, Expires: row.Expires}, nil
}
