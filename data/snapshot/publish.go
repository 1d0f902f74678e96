package snapshot

import (
	"errors"
	"maps"
	"slices"

	"gibbon/data/router"
	"gibbon/entity"
)

// publish compiles what has changed and swaps the snapshot.
func (w *work) publish() error {
	for id := range w.upstreams {
		if n := w.Builder.upstreams[id]; n != nil {
			if n.balancer = w.registry.Change(n.entity, w.targets[id]); n.balancer == nil {
				n.balancer = w.registry.Set(n.entity, slices.Collect(maps.Values(n.targets)))
			}
		}
	}
	for name := range w.names {
		for id := range w.hosts[name] {
			w.services[id] = true
		}
	}
	services := w.compileServices()
	table, err := w.compileRoutes()
	w.current.Store(&Snapshot{
		router: table, services: services,
		plugins: w.publishPlugins(w.current.Load().plugins), directory: w.directory.done(),
	})
	w.forgetPlugins()

	for _, r := range w.unused {
		r.release()
	}
	for _, id := range w.gone {
		w.registry.Remove(id)
	}
	w.free = append(w.free, w.freed...)
	return err
}

// compileServices returns the table of services with the changed ones replaced.
func (w *work) compileServices() []*chunk {
	table := slices.Clone(w.current.Load().services)
	copied := map[int]bool{}
	set := func(slot int, s *Service) {
		i := slot / chunkSize
		for len(table) <= i {
			table = append(table, new(chunk))
			copied[len(table)-1] = true
		}
		if !copied[i] {
			c := *table[i]
			table[i] = &c
			copied[i] = true
		}
		table[i][slot%chunkSize] = s
	}
	for id := range w.services {
		n := w.Builder.services[id]
		if n == nil {
			continue
		}
		if n.entity == nil {
			set(n.slot, nil)
			w.useDirect(n, "")
			w.freed = append(w.freed, n.slot)
			delete(w.Builder.services, id)
			continue
		}
		if u := w.Builder.names[n.entity.Host]; u != nil {
			w.useDirect(n, "")
			set(n.slot, compileService(n.entity, u.balancer, &u.budget, u.entity))
		} else {
			d := w.useDirect(n, directKey(n.entity))
			set(n.slot, compileService(n.entity, d.balancer, &d.budget, nil))
		}
	}
	return table
}

// useDirect makes key the direct balancer that a service uses, and lets go of the one before.
func (b *Builder) useDirect(n *serviceNode, key string) *directNode {
	if n.direct == key {
		return b.direct[key]
	}
	d := b.direct[key]
	if key != "" {
		if d == nil {
			d = &directNode{balancer: b.registry.Direct(n.entity.Host, uint16(n.entity.Port))}
			b.direct[key] = d
		}
		d.users++
	}
	if old := b.direct[n.direct]; old != nil {
		if old.users--; old.users == 0 {
			delete(b.direct, n.direct)
		}
	}
	n.direct = key
	return d
}

// compileRoutes returns the router with the changed routes replaced.
func (w *work) compileRoutes() (*router.Router, error) {
	var removed []string
	added := make([]*router.Entry, 0, len(w.routes))
	for _, n := range w.routes {
		n.touched = false
		if n.compiled != nil {
			removed = append(removed, n.compiled.Entity.ID)
			w.unused = append(w.unused, n.compiled)
			n.compiled = nil
		}
		if n.entity == nil { // it is gone
			continue
		}
		slot := -1
		var service *entity.Service
		if n.entity.Service != "" {
			s := w.Builder.services[n.entity.Service]
			if s == nil || s.entity == nil {
				continue
			}
			s.routes[n.entity.ID] = n
			if !s.entity.Enabled {
				continue
			}
			slot, service = s.slot, s.entity
		}
		n.compiled = w.compileRoute(n.entity, slot, service)
		added = append(added, &n.compiled.entry)
	}
	table := w.current.Load().router
	if len(removed) == 0 && len(added) == 0 {
		return table, nil
	}
	next, err := table.Apply(removed, added)
	if next == nil {
		return table, errors.Join(errors.New("the routing table stays as it was"), err)
	}
	return next, err
}
