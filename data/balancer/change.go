package balancer

import (
	"slices"

	"gibbon/entity"
)

// A TargetChange is a target before and after: Before is nil for a new one, After for
// one that is gone.
type TargetChange struct{ Before, After *entity.Target }

// mostChanges is how many changes are worth to be made one by one.
const mostChanges = 64

// Change does what [Registry.Set] does when nothing but a few targets has changed since
// then. It takes less time, for it does not look at the others. It returns nil, and
// nothing has happened, when this is not such a case; then Set is to be called.
func (r *Registry) Change(u *entity.Upstream, changes []TargetChange) *Balancer {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.upstreams[u.ID]
	if b == nil || !b.change(u, changes) {
		return nil
	}
	return b
}

func (b *Balancer) change(u *entity.Upstream, changes []TargetChange) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.upstream != u || b.doubled || len(changes) > mostChanges {
		return false
	}
	steps, ok := b.steps(changes)
	if !ok {
		return false
	}
	b.sets++
	for _, c := range steps {
		b.step(c)
	}
	b.rebuild()
	return true
}

// steps simplifies changes: what is disabled does not exist, and under another text it
// is another target. They are no steps unless each concerns a target of its own,
// which is known as it was before.
func (b *Balancer) steps(changes []TargetChange) (steps []TargetChange, ok bool) {
	seen := make(map[string]bool, len(changes))
	add := func(c TargetChange) bool {
		e := c.Before
		if e == nil {
			e = c.After
		}
		t := b.byText[e.Target]
		if seen[e.Target] || (t == nil) != (c.Before == nil) || t != nil && t.entity != c.Before {
			return false
		}
		seen[e.Target] = true
		steps = append(steps, c)
		return true
	}
	for _, c := range changes {
		before, after := enabled(c.Before), enabled(c.After)
		switch {
		case before == nil && after == nil:
		case before == nil || after == nil || before.Target == after.Target:
			if !add(TargetChange{before, after}) {
				return nil, false
			}
		case !add(TargetChange{Before: before}) || !add(TargetChange{After: after}):
			return nil, false
		}
	}
	return steps, true
}

// enabled returns e unless it is to be passed over.
func enabled(e *entity.Target) *entity.Target {
	if e == nil || e.State == entity.TargetDisabled {
		return nil
	}
	return e
}

// step makes one change. It is called under mu.
func (b *Balancer) step(c TargetChange) {
	if c.After == nil {
		t := b.byText[c.Before.Target]
		delete(b.byText, t.text)
		b.targets = slices.DeleteFunc(b.targets, func(o *target) bool { return o == t })
		b.forget(t)
		return
	}
	t := b.byText[c.After.Target]
	isNew := t == nil
	if isNew {
		t = newTarget(c.After.Target)
		b.byText[t.text] = t
	}
	moves := isNew || t.created != c.After.CreatedAt || t.id != c.After.ID
	if moves && !isNew {
		b.targets = slices.DeleteFunc(b.targets, func(o *target) bool { return o == t })
	}
	b.configureTarget(t, c.After, isNew)
	if moves {
		at, _ := slices.BinarySearchFunc(b.targets, t, byCreation)
		b.targets = slices.Insert(b.targets, at, t)
	}
}
