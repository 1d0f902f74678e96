package memory_test

import (
	"testing"
	"time"

	"gibbon/control/store"
	"gibbon/control/store/memory"
	"gibbon/control/store/storetest"
)

func open(_ testing.TB, now func() time.Time) store.Store {
	return memory.New(memory.Options{Now: now})
}

func TestStore(t *testing.T) { storetest.Run(t, open) }

func Benchmark(b *testing.B) { storetest.Benchmark(b, open) }
