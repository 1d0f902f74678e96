package router

import (
	"regexp/syntax"
	"unicode/utf8"
)

// A machine finds the groups of a regular expression without allocating, which
// package regexp cannot. It backtracks, and remembers which instruction it has
// tried at which position, so that its work is bounded by their product.
type machine struct {
	visited []uint64 // one bit per instruction and position
	jobs    []job
}

// A job is to go on with an instruction at a position, or to set a group back.
type job struct {
	pc  uint32
	at  int  // position; the former offset when restore is set
	set bool // set group offset number pc back to at
}

// maxVisited bounds the memory of a machine, in words. Longer paths take the
// groups from package regexp, which allocates.
const maxVisited = 1 << 12

// run returns the offsets of all groups, -1 for those that took no part, written
// over groups. It is empty when the expression does not match.
func (v *machine) run(p *pathRegexp, path []byte, groups []int) []int {
	groups = v.search(p, path[p.skip:], groups[:0])
	for i := range groups {
		if groups[i] >= 0 {
			groups[i] += p.skip
		}
	}
	if len(groups) > 0 {
		groups[0] = 0
	}
	return groups
}

// search is run for the part of the path that p.re is for.
func (v *machine) search(p *pathRegexp, path []byte, groups []int) []int {
	words := (len(p.prog.Inst)*(len(path)+1) + 63) / 64
	if words > maxVisited {
		return append(groups, p.re.FindSubmatchIndex(path)...)
	}
	if cap(v.visited) < words {
		v.visited = make([]uint64, words)
	}
	v.visited = v.visited[:words]
	clear(v.visited)
	for range p.prog.NumCap {
		groups = append(groups, -1)
	}
	v.jobs = append(v.jobs[:0], job{pc: uint32(p.prog.Start)})
	for len(v.jobs) > 0 {
		j := v.jobs[len(v.jobs)-1]
		v.jobs = v.jobs[:len(v.jobs)-1]
		if j.set {
			groups[j.pc] = j.at
			continue
		}
		if end := v.follow(p.prog, path, j, groups); end >= 0 {
			groups[0], groups[1] = 0, end
			return groups
		}
	}
	return groups[:0]
}

// follow goes on from j until it matches, and returns where, or cannot go on,
// and returns -1. What is to be tried then, in turn, is left in v.jobs.
func (v *machine) follow(prog *syntax.Prog, path []byte, j job, groups []int) int {
	pc, at := j.pc, j.at
	for {
		bit := int(pc)*(len(path)+1) + at
		if v.visited[bit/64]&(1<<(bit%64)) != 0 {
			return -1
		}
		v.visited[bit/64] |= 1 << (bit % 64)
		in := &prog.Inst[pc]
		switch in.Op {
		case syntax.InstMatch:
			return at
		case syntax.InstNop:
		case syntax.InstAlt, syntax.InstAltMatch:
			v.jobs = append(v.jobs, job{pc: in.Arg, at: at})
		case syntax.InstCapture:
			if int(in.Arg) < len(groups) {
				v.jobs = append(v.jobs, job{pc: in.Arg, at: groups[in.Arg], set: true})
				groups[in.Arg] = at
			}
		case syntax.InstEmptyWidth:
			if syntax.EmptyOp(in.Arg)&^context(path, at) != 0 {
				return -1
			}
		case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
			if at == len(path) {
				return -1
			}
			r, size := utf8.DecodeRune(path[at:])
			if !in.MatchRune(r) {
				return -1
			}
			at += size
		default: // syntax.InstFail
			return -1
		}
		pc = in.Out
	}
}

// context returns which conditions of no width hold at a position.
func context(path []byte, at int) syntax.EmptyOp {
	before, after := rune(-1), rune(-1)
	if at > 0 {
		before, _ = utf8.DecodeLastRune(path[:at])
	}
	if at < len(path) {
		after, _ = utf8.DecodeRune(path[at:])
	}
	return syntax.EmptyOpContext(before, after)
}
