package queue

import (
	"encoding/json"
	"log/slog"
	"reflect"
	"testing"
	"time"

	"gibbon/schema"
)

// TestSettings has each setting change one option, whose effect the tests of the
// queue show.
func TestSettings(t *testing.T) {
	logger := slog.New(slog.DiscardHandler)
	standard := Options{
		BatchSize: 1, Delay: time.Second, MaxEntries: 10_000, RetryTime: time.Minute,
		InitialRetry: 10 * time.Millisecond, MaxRetry: time.Minute, Log: logger,
	}
	for name, tt := range map[string]struct {
		value  json.Number
		change func(*Options)
	}{
		"max_batch_size":       {"7", func(o *Options) { o.BatchSize = 7 }},
		"max_coalescing_delay": {"0.5", func(o *Options) { o.Delay = 500 * time.Millisecond }},
		"max_entries":          {"9", func(o *Options) { o.MaxEntries = 9 }},
		"max_bytes":            {"4096", func(o *Options) { o.MaxBytes = 4096 }},
		"max_retry_time":       {"3", func(o *Options) { o.RetryTime = 3 * time.Second }},
		"initial_retry_delay":  {"0.2", func(o *Options) { o.InitialRetry = 200 * time.Millisecond }},
		"max_retry_delay":      {"5", func(o *Options) { o.MaxRetry = 5 * time.Second }},
		"concurrency_limit":    {"-1", func(o *Options) { o.Unlimited = true }},
	} {
		s := new(Settings)
		if err := schema.Decode(map[string]any{name: tt.value}, s); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := standard
		tt.change(&want)
		if got := s.Options(logger); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v\nwant %+v", name, got, want)
		}
	}
}
