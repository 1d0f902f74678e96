package memory

import "iter"

// A tree is an ordered map (an AVL tree). A copy of the struct is a snapshot:
// put and cut leave the nodes that it shows as they are and make new ones along
// the path to the change.
//
// Nodes made for the same edit are changed in place, so that a transaction
// copies each of them once. Its trees must not be shared while it runs.
type tree[K, V any] struct {
	compare func(a, b K) int
	root    *node[K, V]
	length  int
}

type node[K, V any] struct {
	key         K
	value       V
	left, right *node[K, V]
	height      int
	maker       *edit
}

// An edit is the identity of a transaction. It has a size so that no two have
// the same address.
type edit struct{ _ byte }

func (t *tree[K, V]) get(key K) (value V, found bool) {
	for n := t.root; n != nil; {
		switch c := t.compare(key, n.key); {
		case c < 0:
			n = n.left
		case c > 0:
			n = n.right
		default:
			return n.value, true
		}
	}
	return value, false
}

// put sets the value of a key.
func (t *tree[K, V]) put(e *edit, key K, value V) {
	t.root = t.putAt(e, t.root, key, value)
}

func (t *tree[K, V]) putAt(e *edit, n *node[K, V], key K, value V) *node[K, V] {
	if n == nil {
		t.length++
		return &node[K, V]{key: key, value: value, height: 1, maker: e}
	}
	n = n.own(e)
	switch c := t.compare(key, n.key); {
	case c < 0:
		n.left = t.putAt(e, n.left, key, value)
	case c > 0:
		n.right = t.putAt(e, n.right, key, value)
	default:
		n.value = value
		return n
	}
	return n.balance(e)
}

// cut takes a key out, if it is there.
func (t *tree[K, V]) cut(e *edit, key K) {
	if _, found := t.get(key); found {
		t.root = t.cutAt(e, t.root, key)
		t.length--
	}
}

func (t *tree[K, V]) cutAt(e *edit, n *node[K, V], key K) *node[K, V] {
	switch c := t.compare(key, n.key); {
	case c < 0:
		n = n.own(e)
		n.left = t.cutAt(e, n.left, key)
	case c > 0:
		n = n.own(e)
		n.right = t.cutAt(e, n.right, key)
	case n.left == nil:
		return n.right
	case n.right == nil:
		return n.left
	default:
		right, first := n.right.cutFirst(e)
		first = first.own(e)
		first.left, first.right = n.left, right
		n = first
	}
	return n.balance(e)
}

// cutFirst takes the least key out of a subtree.
func (n *node[K, V]) cutFirst(e *edit) (rest, first *node[K, V]) {
	if n.left == nil {
		return n.right, n
	}
	n = n.own(e)
	n.left, first = n.left.cutFirst(e)
	return n.balance(e), first
}

// from yields the entries from a key on, in ascending order.
func (t tree[K, V]) from(key K) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) { t.walk(t.root, &key, yield) }
}

// all yields every entry in ascending order.
func (t tree[K, V]) all() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) { t.walk(t.root, nil, yield) }
}

func (t *tree[K, V]) walk(n *node[K, V], from *K, yield func(K, V) bool) bool {
	switch {
	case n == nil:
		return true
	case from != nil && t.compare(n.key, *from) < 0:
		return t.walk(n.right, from, yield)
	}
	return t.walk(n.left, from, yield) && yield(n.key, n.value) && t.walk(n.right, nil, yield)
}

// own returns n itself when e made it, or else a copy that e may change.
func (n *node[K, V]) own(e *edit) *node[K, V] {
	if n.maker == e {
		return n
	}
	c := *n
	c.maker = e
	return &c
}

// balance restores the heights below n, which e made, after one side of it grew
// or shrank by one.
func (n *node[K, V]) balance(e *edit) *node[K, V] {
	switch slope := n.left.depth() - n.right.depth(); {
	case slope > 1:
		if n.left.left.depth() < n.left.right.depth() {
			n.left = n.left.own(e).rotateLeft(e)
		}
		return n.rotateRight(e)
	case slope < -1:
		if n.right.right.depth() < n.right.left.depth() {
			n.right = n.right.own(e).rotateRight(e)
		}
		return n.rotateLeft(e)
	}
	n.measure()
	return n
}

func (n *node[K, V]) rotateLeft(e *edit) *node[K, V] {
	top := n.right.own(e)
	n.right, top.left = top.left, n
	n.measure()
	top.measure()
	return top
}

func (n *node[K, V]) rotateRight(e *edit) *node[K, V] {
	top := n.left.own(e)
	n.left, top.right = top.right, n
	n.measure()
	top.measure()
	return top
}

func (n *node[K, V]) measure() { n.height = 1 + max(n.left.depth(), n.right.depth()) }

// depth is the height of a subtree that may be empty.
func (n *node[K, V]) depth() int {
	if n == nil {
		return 0
	}
	return n.height
}
