package snapshot

import (
	"gibbon/data/balancer"
	"gibbon/entity"
)

// record takes one change into the tables.
func (w *work) record(c Change) {
	switch c.Kind {
	case "services":
		e, _ := c.Entity.(*entity.Service)
		w.recordService(c.ID, e)
	case "routes":
		e, _ := c.Entity.(*entity.Route)
		w.recordRoute(c.ID, e)
	case "upstreams":
		e, _ := c.Entity.(*entity.Upstream)
		w.recordUpstream(c.ID, e)
	case "targets":
		e, _ := c.Entity.(*entity.Target)
		w.recordTarget(c.ID, e)
	case "plugins":
		e, _ := c.Entity.(*entity.Plugin)
		w.recordPlugin(c.ID, e)
	default:
		w.directory.record(w.identities, c)
	}
}

func (w *work) recordService(id string, e *entity.Service) {
	w.services[id] = true
	n := w.Builder.services[id]
	if n != nil && n.entity != nil {
		delete(w.hosts[n.entity.Host], id)
	}
	switch {
	case e == nil:
		if n != nil {
			n.entity = nil
		}
		return
	case n == nil:
		n = &serviceNode{slot: w.takeSlot(), routes: map[string]*routeNode{}}
		w.Builder.services[id] = n
	case n.entity == nil || n.entity.Enabled != e.Enabled || n.entity.Name != e.Name:
		for _, route := range n.routes {
			w.touch(route)
		}
	}
	n.entity = e
	if w.hosts[e.Host] == nil {
		w.hosts[e.Host] = map[string]*serviceNode{}
	}
	w.hosts[e.Host][id] = n
}

func (w *work) recordRoute(id string, e *entity.Route) {
	n := w.Builder.routes[id]
	if n != nil {
		if s := w.Builder.services[n.entity.Service]; s != nil {
			delete(s.routes, id)
		}
		w.touch(n)
	}
	switch {
	case e == nil && n != nil:
		n.entity = nil
		delete(w.Builder.routes, id)
	case e == nil:
	case n == nil:
		n = &routeNode{entity: e}
		w.Builder.routes[id] = n
		w.touch(n)
	default:
		n.entity = e
	}
}

// touch has a route compiled anew.
func (w *work) touch(n *routeNode) {
	if !n.touched {
		n.touched = true
		w.routes = append(w.routes, n)
	}
}

func (w *work) recordUpstream(id string, e *entity.Upstream) {
	n := w.Builder.upstreams[id]
	if n == nil && e == nil {
		return
	}
	if n == nil {
		n = &upstreamNode{targets: map[string]*entity.Target{}}
		w.Builder.upstreams[id] = n
	}
	if n.entity != nil && (e == nil || e.Name != n.entity.Name) {
		w.names[n.entity.Name] = true
		if w.Builder.names[n.entity.Name] == n {
			delete(w.Builder.names, n.entity.Name)
		}
	}
	if e == nil {
		delete(w.Builder.upstreams, id)
		delete(w.upstreams, id)
		w.gone = append(w.gone, id)
		return
	}
	w.names[e.Name] = true // its services have the entity, too
	n.entity = e
	w.Builder.names[e.Name] = n
	w.upstreams[id] = true
	for _, t := range w.orphans[id] {
		w.setTarget(n, id, t.ID, t)
	}
}

func (w *work) recordTarget(id string, e *entity.Target) {
	if owner, ok := w.owners[id]; ok && (e == nil || e.Upstream != owner) {
		delete(w.owners, id)
		if n := w.Builder.upstreams[owner]; n != nil {
			w.setTarget(n, owner, id, nil)
		}
	}
	if e == nil {
		return
	}
	w.owners[id] = e.Upstream
	n := w.Builder.upstreams[e.Upstream]
	if n == nil {
		w.orphans[e.Upstream] = append(w.orphans[e.Upstream], e)
		return
	}
	w.setTarget(n, e.Upstream, id, e)
}

// setTarget makes e the target of an upstream with this id; nil removes it.
func (w *work) setTarget(n *upstreamNode, upstream, id string, e *entity.Target) {
	w.upstreams[upstream] = true
	w.targets[upstream] = append(w.targets[upstream], balancer.TargetChange{Before: n.targets[id], After: e})
	if e == nil {
		delete(n.targets, id)
	} else {
		n.targets[id] = e
	}
}
