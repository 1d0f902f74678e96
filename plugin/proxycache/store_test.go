package proxycache

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"gibbon/plugin"
)

func numbered(i, size int) (Key, resource, *answer) {
	return sha256.Sum256(fmt.Append(nil, i)), resource(i), &answer{reply: plugin.Reply{Status: i, Body: make([]byte, size)}, keep: 100, lifetime: 100}
}

func all(*answer) bool { return true }

// check compares a shard's books with what it has.
func (h *shard) check(t *testing.T) (slots int) {
	t.Helper()
	bytes := int64(0)
	for s := h.recent.next; s != &h.recent; s = s.next {
		slots++
		own := int64(0)
		for _, a := range s.variants {
			own += a.size()
		}
		if own != s.bytes || h.table[s.key] != s {
			t.Errorf("slot of %d: %d bytes, want %d", s.resource, s.bytes, own)
		}
		bytes += own
	}
	chained := 0
	for _, s := range h.of {
		for ; s != nil; s = s.sibling {
			chained++
		}
	}
	if bytes != h.bytes || slots != len(h.table) || slots != chained || bytes > h.most {
		t.Errorf("shard says %d bytes, has %d of at most %d; %d slots, %d by key, %d by resource", h.bytes, bytes, h.most, slots, len(h.table), chained)
	}
	return slots
}

func TestStoreIsBounded(t *testing.T) {
	s := NewStore(64 << 20)
	for i := range 200_000 {
		k, r, a := numbered(i, 500)
		s.put(&k, r, s.generation(r), a)
	}
	slots := 0
	for i := range s.shard {
		slots += s.shard[i].check(t)
	}
	if slots < 60_000 || slots > 75_000 {
		t.Errorf("%d answers of 900 bytes in 64 MiB", slots)
	}
	k, r, _ := numbered(199_999, 0)
	if a := s.get(&k, r, 0, all); a == nil || a.reply.Status != 199_999 {
		t.Error("the last answer is gone")
	}
	k, r, _ = numbered(0, 0)
	if s.get(&k, r, 0, all) != nil {
		t.Error("the first answer is still there")
	}
}

func TestUsedAnswersStay(t *testing.T) {
	s := NewStore(shards * 10_000)
	used, r, a := numbered(0, 500)
	s.put(&used, r, s.generation(r), a)
	for i := 1; i < 1000; i++ {
		k, _, a := numbered(i, 500)
		s.put(&k, r, s.generation(r), a)
		if s.get(&used, r, 0, all) == nil {
			t.Fatalf("gone after %d others", i)
		}
	}
}

func TestTooLargeAnswers(t *testing.T) {
	s := NewStore(shards * 10_000)
	k, r, a := numbered(1, 20_000)
	if s.put(&k, r, s.generation(r), a); s.get(&k, r, 0, all) != nil {
		t.Error("an answer larger than a shard is stored")
	}
}

func TestVariants(t *testing.T) {
	s := NewStore(1 << 20)
	k, r, _ := numbered(1, 0)
	for i := range 2 * mostVariants {
		_, _, a := numbered(i, 10)
		a.vary = []plugin.Field{{Name: "A", Value: fmt.Sprint("v", i)}}
		s.put(&k, r, s.generation(r), a)
	}
	h := s.of(r)
	h.check(t)
	if n := len(h.table[k].variants); n != mostVariants {
		t.Errorf("%d variants, want %d", n, mostVariants)
	}
	last := fmt.Sprint("v", 2*mostVariants-1)
	if a := s.get(&k, r, 0, func(a *answer) bool { return a.vary[0].Value == last }); a == nil || a.reply.Status != 2*mostVariants-1 {
		t.Errorf("last variant: %+v", a)
	}
	if s.get(&k, r, 101, func(a *answer) bool { return a.vary[0].Value == last }) != nil || len(h.table[k].variants) != mostVariants-1 {
		t.Error("an old variant is kept")
	}
	h.check(t)
}

func TestForgetAndClear(t *testing.T) {
	s := NewStore(1 << 20)
	a, ra, one := numbered(1, 10)
	b, rb, two := numbered(2, 10)
	s.put(&a, ra, s.generation(ra), one)
	s.put(&b, rb, s.generation(rb), two)
	if !s.forget(&a) || s.forget(&a) || s.find(&a, 0) != nil || s.find(&b, 0) == nil {
		t.Error("forget takes the wrong one")
	}
	s.clear()
	if s.find(&b, 0) != nil {
		t.Error("clear leaves something")
	}
}

func TestStoreUnderParallelLoad(t *testing.T) {
	s := NewStore(shards * 20_000)
	var group sync.WaitGroup
	for seed := range uint64(4) {
		group.Go(func() {
			random := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // a test
			for range 5000 {
				n := random.IntN(200)
				k, _, a := numbered(n, random.IntN(2000))
				r := resource(n / 3)
				switch random.IntN(10) {
				case 0:
					s.invalidate(r)
				case 1:
					s.forget(&k)
				case 2, 3, 4:
					s.put(&k, r, s.generation(r), a)
				default:
					if got := s.get(&k, r, int64(random.IntN(110)), all); got != nil && got.reply.Status != n {
						t.Errorf("answer %d for %d", got.reply.Status, n)
					}
				}
			}
		})
	}
	group.Wait()
	for i := range s.shard {
		s.shard[i].check(t)
	}
}
