package balancer

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestRetriesWaitForAnotherTarget: one that is at its limit is rather waited for than the one that has just
// failed is tried again. What is free there goes to requests that came later. Only when
// the time in the queue is over, a retry goes back.
func TestRetriesWaitForAnotherTarget(t *testing.T) {
	for algorithm := range Algorithms {
		t.Run(algorithm, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { testRetriesWait(t, algorithm) })
		})
	}
}

func testRetriesWait(t *testing.T, algorithm string) {
	t.Helper()
	r := NewRegistry(Options{Resolver: fakeNames{}})
	defer r.Close()
	u := upstream(t, "algorithm="+algorithm+" hash_on=ip")
	u.StickySessionsCookie = "sid"
	u.QueueTimeout = 10
	b := r.Set(u, fleet(t, "10.0.0.1,max=1,pending=9 10.0.0.2,max=1,pending=9"))
	must := func(a *Address, err error) *Address {
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	retry, late := new(Attempt), new(Attempt)
	failed := must(b.Pick(retry))
	other := must(b.Pick(new(Attempt)))
	failed.Done()
	if a, err := b.Pick(retry); !errors.Is(err, ErrOverLimit) {
		t.Fatalf("the retry gets %s, %v; want %v", describe(a), err, ErrOverLimit)
	}
	got := make(chan *Address, 2)
	wait := func(a *Attempt) {
		go func() {
			addr, err := b.Await(a, "a", time.Time{}, nil)
			if err != nil {
				t.Error(err)
			}
			got <- addr
		}()
		synctest.Wait()
	}
	wait(retry)
	wait(late) // of the same consumer, behind the retry
	if a := <-got; a != failed {
		t.Fatalf("the next request gets %s, want the free place at %s", describe(a), describe(failed))
	}
	began := time.Now()
	time.AfterFunc(time.Second, other.Done)
	if a := <-got; a != other || time.Since(began) != time.Second {
		t.Fatalf("after %v the retry gets %s, want %s as soon as it has a place", time.Since(began), describe(a), describe(other))
	}

	again := new(Attempt)
	failed.Done()
	failed = must(b.Pick(again)) // the only one with a place
	failed.Done()
	began = time.Now()
	wait(again)
	if a := <-got; a != failed || time.Since(began) != 10*time.Second {
		t.Errorf("after %v the retry gets %s, want the same target again when the time is over", time.Since(began), describe(a))
	}
	failed.Done()
	other.Done()

	// Who has tried them all takes what is free.
	all := new(Attempt)
	must(b.Pick(all)).Done()
	held := must(b.Pick(all))
	began = time.Now()
	wait(all)
	if a := <-got; a == held || !time.Now().Equal(began) {
		t.Errorf("after %v a retry that has tried both gets %s, want the free one at once", time.Since(began), describe(a))
	}
}
