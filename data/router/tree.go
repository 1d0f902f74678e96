package router

import "bytes"

// A node is the root of a persistent radix tree over strings. The nil node is
// an empty tree.
type node struct {
	owner  *edit
	text   string // of the edge that leads here
	labels []byte // the first byte of each child's text, in the order of kids
	kids   []*node
	bucket *bucket // in a tree of paths
	paths  *node   // in a tree of hosts: the paths of these hosts
}

// update returns a tree in which f has changed the node at key.
func (n *node) update(e *edit, key string, f func(*node)) *node {
	if n == nil {
		n = &node{owner: e, text: key}
		f(n)
		return n.compact(e)
	}
	common := commonPrefix(n.text, key)
	n = n.own(e)
	if common < len(n.text) {
		child := n
		n = &node{owner: e, text: key[:common], labels: []byte{child.text[common]}, kids: []*node{child}}
		child.text = child.text[common:]
	}
	key = key[common:]
	if key == "" {
		f(n)
		return n.compact(e)
	}
	at := bytes.IndexByte(n.labels, key[0])
	if at < 0 {
		if child := (*node)(nil).update(e, key, f); child != nil {
			n.labels = append(n.labels, key[0])
			n.kids = append(n.kids, child)
		}
		return n.compact(e)
	}
	if child := n.kids[at].update(e, key, f); child != nil {
		n.kids[at] = child
		return n.compact(e)
	}
	last := len(n.kids) - 1
	n.labels[at], n.kids[at] = n.labels[last], n.kids[last]
	n.kids[last] = nil
	n.labels, n.kids = n.labels[:last], n.kids[:last]
	return n.compact(e)
}

// own returns n itself, or a copy when another router may share it.
func (n *node) own(e *edit) *node {
	if n.owner == e {
		return n
	}
	c := *n
	c.owner = e
	c.labels = bytes.Clone(n.labels)
	c.kids = append([]*node(nil), n.kids...)
	return &c
}

// compact removes n from the tree when it holds nothing, or joins it with its
// only child.
func (n *node) compact(e *edit) *node {
	if n.bucket != nil || n.paths != nil || len(n.kids) > 1 {
		return n
	}
	if len(n.kids) == 0 {
		return nil
	}
	child := n.kids[0].own(e)
	child.text = n.text + child.text
	return child
}

// next returns the child that goes on with rest, after n's own text was found,
// and what of rest follows the text of that child.
func (n *node) next(rest []byte) (*node, []byte) {
	if len(rest) == 0 {
		return nil, nil
	}
	at := bytes.IndexByte(n.labels, rest[0])
	if at < 0 {
		return nil, nil
	}
	return n.kids[at].enter(rest)
}

// enter returns n and what follows its text in rest, or nil when rest does not
// begin with it.
func (n *node) enter(rest []byte) (*node, []byte) {
	if n == nil || len(rest) < len(n.text) || string(rest[:len(n.text)]) != n.text {
		return nil, nil
	}
	return n, rest[len(n.text):]
}

func commonPrefix(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
