package queue

import (
	"log/slog"
	"time"

	"gibbon/schema"
)

// Settings are the record with which plugins are told how to queue.
type Settings struct {
	MaxBatchSize    int
	CoalescingDelay float64 // seconds
	MaxEntries      int
	MaxBytes        *int64
	MaxRetryTime    float64 // seconds
	InitialRetry    float64 // seconds
	MaxRetry        float64 // seconds
	Concurrency     int
}

// Fields declares the fields of the record.
func (s *Settings) Fields() schema.Fields {
	return schema.Fields{
		schema.Number("max_batch_size", &s.MaxBatchSize).Default(1).Between(1, 1_000_000).Doc("Entries that are sent at once, at most."),
		schema.Number("max_coalescing_delay", &s.CoalescingDelay).Default(1).Between(0, 3600).
			Doc("Seconds for which a batch that is not full waits for more entries."),
		schema.Number("max_entries", &s.MaxEntries).Default(10_000).Between(1, 1_000_000).
			Doc("Entries that may wait; beyond that the oldest are dropped."),
		schema.NullNumber("max_bytes", &s.MaxBytes).Doc("Bytes that may wait; beyond that the oldest entries are dropped."),
		schema.Number("max_retry_time", &s.MaxRetryTime).Default(60).Doc("Seconds for which a batch is tried before it is dropped."),
		schema.Number("initial_retry_delay", &s.InitialRetry).Default(0.01).Between(0.001, 1_000_000).
			Doc("Seconds before the second try; they double with each further one."),
		schema.Number("max_retry_delay", &s.MaxRetry).Default(60).Between(0.001, 1_000_000).Doc("Seconds between two tries, at most."),
		schema.Number("concurrency_limit", &s.Concurrency).Default(1).OneOf(-1, 1).
			Doc("1: a batch waits until the one before it was sent; -1: it does not."),
	}
}

// Options are those of the settings.
func (s *Settings) Options(log *slog.Logger) Options {
	o := Options{
		BatchSize: s.MaxBatchSize, Delay: duration(s.CoalescingDelay), MaxEntries: s.MaxEntries, RetryTime: duration(s.MaxRetryTime),
		InitialRetry: duration(s.InitialRetry), MaxRetry: duration(s.MaxRetry), Unlimited: s.Concurrency < 0, Log: log,
	}
	if s.MaxBytes != nil {
		o.MaxBytes = *s.MaxBytes
	}
	return o
}

func duration(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }
