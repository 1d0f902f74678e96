package store

import (
	"context"
	"time"
)

// Expiry is the actor of the revisions that Sweep makes.
const Expiry = "expiry"

// SweepLimit is how many expired rows one Sweep takes, so that other writes do
// not wait long.
const SweepLimit = 1000

// KeepSwept sweeps s at every interval until ctx ends. Errors go to report.
func KeepSwept(ctx context.Context, s Store, interval time.Duration, report func(error)) {
	repeat(ctx, interval, report, func() (bool, error) {
		revision, err := s.Sweep(ctx)
		return revision.Number != 0, err
	})
}

// ForgetLimit is how many revisions one Forget takes.
const ForgetLimit = 1000

// KeepForgetting has s keep only that many revisions, and what other nodes still
// need. It looks at every interval until ctx ends. Errors go to report.
func KeepForgetting(ctx context.Context, s Store, keep int, interval time.Duration, report func(error)) {
	repeat(ctx, interval, report, func() (bool, error) { return s.Forget(ctx, keep) })
}

// repeat calls f at every interval, again at once while it says that there is more.
func repeat(ctx context.Context, interval time.Duration, report func(error), f func() (more bool, err error)) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		for more := true; more; {
			var err error
			if more, err = f(); err != nil {
				more = false
				if ctx.Err() == nil {
					report(err)
				}
			}
		}
	}
}
