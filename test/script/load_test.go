package script

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"gibbon/test/gateway"
)

// load asks the proxy at a steady rate, whether or not answers come.
type load struct {
	cancel context.CancelFunc
	asking sync.WaitGroup

	mu     sync.Mutex // guards what follows
	done   int
	begun  []time.Time // of requests that failed
	reason []string
	mark   time.Time
}

func loadVerb(ts *testscript.TestScript, _ bool, args []string) {
	w := of(ts)
	switch args[0] {
	case "-count":
		n, err := strconv.Atoi(args[1])
		ts.Check(err)
		from := w.load.answers()
		ctx, cancel := context.WithTimeout(w.ctx, patience)
		defer cancel()
		ts.Check(gateway.Poll(ctx, func() error {
			if now := w.load.answers(); now < from+n {
				return fmt.Errorf("%d of %d answers", now-from, n)
			}
			return nil
		}))
	case "-mark":
		w.load.mu.Lock()
		w.load.mark = time.Now()
		w.load.mu.Unlock()
	case "-stop":
		grace, err := time.ParseDuration(args[1])
		ts.Check(err)
		w.load.stop()
		ts.Check(w.load.verdict(grace))
		fmt.Fprintf(ts.Stdout(), "%d answers, %d failed\n", w.load.done, len(w.load.begun))
	default:
		rate, err := strconv.Atoi(args[0])
		ts.Check(err)
		w.load = startLoad(w, rate, args[1])
	}
}

func startLoad(w *world, rate int, path string) *load {
	ctx, cancel := context.WithCancel(w.ctx)
	l := &load{cancel: cancel, mark: time.Now()}
	proxy := w.gateway.Proxy // of the gateway that is spoken of now
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}, Timeout: 5 * time.Second}
	l.asking.Go(func() {
		due := time.NewTicker(time.Second / time.Duration(rate))
		defer due.Stop()
		for {
			select {
			case <-due.C:
			case <-ctx.Done():
				return
			}
			l.asking.Go(func() {
				begun := time.Now()
				// A request under way when the load ends still counts.
				who, status, err := ask(context.WithoutCancel(ctx), client, proxy, path)
				if err == nil && status != http.StatusOK {
					err = fmt.Errorf("%s answered %d", who, status)
				}
				l.answered(begun, err)
			})
		}
	})
	return l
}

func (l *load) answered(begun time.Time, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.done++
	if err != nil {
		l.begun, l.reason = append(l.begun, begun), append(l.reason, err.Error())
	}
}

func (l *load) answers() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.done
}

func (l *load) stop() {
	l.cancel()
	l.asking.Wait()
}

// verdict is an error when a request failed that began before the mark, or more
// than grace after it.
func (l *load) verdict(grace time.Duration) error {
	var late error
	for i, begun := range l.begun {
		if after := begun.Sub(l.mark); after > grace || after < -time.Second || grace == 0 {
			late = errors.Join(late, fmt.Errorf("%v after the mark: %s", after.Round(time.Millisecond), l.reason[i]))
		}
	}
	return late
}
