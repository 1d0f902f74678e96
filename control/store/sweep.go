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
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := sweepAll(ctx, s); err != nil && ctx.Err() == nil {
			report(err)
		}
	}
}

func sweepAll(ctx context.Context, s Store) error {
	for {
		switch revision, err := s.Sweep(ctx); {
		case err != nil:
			return err
		case revision.Number == 0:
			return nil
		}
	}
}
