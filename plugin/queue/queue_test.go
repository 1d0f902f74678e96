package queue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A sink takes batches, and fails as often as it is told to.
type sink struct {
	mu      sync.Mutex
	batches []string
	times   []time.Duration
	began   time.Time
	fail    int
	hang    chan struct{} // nil when it does not
}

func (s *sink) send(ctx context.Context, batch [][]byte) error {
	if s.hang != nil {
		select {
		case <-s.hang:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.times = append(s.times, time.Since(s.began))
	if s.fail > 0 {
		s.fail--
		return errors.New("no")
	}
	s.batches = append(s.batches, string(bytes.Join(batch, []byte(","))))
	return nil
}

func (s *sink) got() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.batches, " ")
}

func options(s *sink) Options {
	s.began = time.Now()
	return Options{
		BatchSize: 1, Delay: time.Second, MaxEntries: 10, RetryTime: time.Minute, InitialRetry: 10 * time.Millisecond, MaxRetry: time.Minute,
		Send: s.send, Log: slog.New(slog.DiscardHandler),
	}
}

func push(q *Queue, from, to int) {
	for i := from; i < to; i++ {
		q.Push(fmt.Append(nil, i))
	}
}

func TestBatches(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Options)
		number int
		want   string // right away
		later  string // after the delay
	}{
		{"one at a time", func(*Options) {}, 3, "0 1 2", "0 1 2"},
		{"full batches at once, the rest later", func(o *Options) { o.BatchSize = 2 }, 5, "0,1 2,3", "0,1 2,3 4"},
		{"no delay", func(o *Options) { o.BatchSize, o.Delay = 5, 0 }, 3, "0,1,2", "0,1,2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := new(sink)
				o := options(s)
				tt.change(&o)
				q := New(o)
				push(q, 0, tt.number)
				synctest.Wait()
				if got := s.got(); got != tt.want && tt.name != "no delay" {
					t.Errorf("right away %q, want %q", got, tt.want)
				}
				time.Sleep(2 * time.Second) //nolint:forbidigo // a fake clock
				if got := s.got(); strings.ReplaceAll(got, " ", ",") != strings.ReplaceAll(tt.later, " ", ",") {
					t.Errorf("later %q, want %q", got, tt.later)
				}
			})
		})
	}
}

func TestHungSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{hang: make(chan struct{})}
		q := New(options(s))
		push(q, 0, 1)
		synctest.Wait()
		push(q, 1, 100) // does not wait
		if n := q.Dropped(); n != 89 {
			t.Errorf("%d entries are dropped, want 89", n)
		}
		close(s.hang)
		synctest.Wait()
		if got, want := s.got(), "0 90 91 92 93 94 95 96 97 98 99"; got != want {
			t.Errorf("sent %s, want %s: the oldest go first", got, want)
		}
	})
}

func TestBytesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{hang: make(chan struct{})}
		o := options(s)
		o.MaxBytes = 10
		q := New(o)
		q.Push([]byte("x"))
		synctest.Wait()
		q.Push([]byte("aaaa"))
		q.Push([]byte("bbbb"))
		q.Push([]byte("cccc"))
		q.Push(make([]byte, 11))
		q.Push([]byte("dddd"))
		close(s.hang)
		synctest.Wait()
		if got, want := s.got(), "x dddd"; got != want || q.Dropped() != 4 {
			t.Errorf("sent %s and dropped %d, want %s and 4", got, q.Dropped(), want)
		}
	})
}

func TestRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{fail: 4}
		o := options(s)
		o.MaxRetry, o.Delay = 30*time.Millisecond, 0
		q := New(o)
		push(q, 0, 1)
		time.Sleep(time.Second) //nolint:forbidigo // a fake clock
		if got, want := fmt.Sprint(s.got(), s.times), "0[0s 10ms 30ms 60ms 90ms]"; got != want {
			t.Errorf("sent %s, want %s", got, want)
		}
	})
}

func TestGivingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{fail: 1000}
		o := options(s)
		var log bytes.Buffer
		o.RetryTime, o.Delay, o.Log = time.Second, 0, slog.New(slog.NewTextHandler(&log, nil))
		q := New(o)
		push(q, 0, 1)
		time.Sleep(2 * time.Second) //nolint:forbidigo // a fake clock
		if q.Dropped() != 1 || !strings.Contains(log.String(), "gave up: no") {
			t.Errorf("dropped %d, log %s", q.Dropped(), &log)
		}
		if last := s.times[len(s.times)-1]; last > time.Second {
			t.Errorf("last try after %v", last)
		}
	})
}

func TestUnlimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{hang: make(chan struct{})}
		o := options(s)
		o.Unlimited, o.Delay = true, 0
		q := New(o)
		push(q, 0, 50)
		synctest.Wait()
		push(q, 50, 55)
		close(s.hang)
		synctest.Wait()
		if n := len(s.batches); n+int(q.Dropped()) != 55 || n < 15 {
			t.Errorf("%d batches are sent, %d dropped", n, q.Dropped())
		}
	})
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(sink)
		o := options(s)
		o.BatchSize, o.Delay = 100, time.Hour
		q := New(o)
		push(q, 0, 3)
		if err := q.Close(); err != nil || s.got() != "0,1,2" {
			t.Errorf("Close sends %q, %v", s.got(), err)
		}
		push(q, 3, 4)
		if q.Dropped() != 1 {
			t.Error("an entry after Close is not counted as dropped")
		}
	})
}

func TestCloseOfAHungSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{hang: make(chan struct{})}
		q := New(options(s))
		push(q, 0, 1)
		began := time.Now()
		if err := q.Close(); err != nil || time.Since(began) > grace+time.Second {
			t.Errorf("Close took %v, %v", time.Since(began), err)
		}
	})
}
