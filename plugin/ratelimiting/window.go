package ratelimiting

import "time"

// A window is a period of time that can have a limit. Windows are fixed: they
// begin with the calendar's units, in UTC.
type window int

const (
	second window = iota
	minute
	hour
	day
	month
	year
	windows // how many there are
)

// windowNames are the names of the settings.
var windowNames = [windows]string{"second", "minute", "hour", "day", "month", "year"}

// seconds is how long each window counts as: a month is 30 days and a year 365
// for the time that clients are told to wait.
var seconds = [windows]int64{1, 60, 3600, 24 * 3600, 30 * 24 * 3600, 365 * 24 * 3600}

// start returns the Unix time at which the window around now began.
func (w window) start(now int64) int64 {
	switch w {
	case month, year:
		y, m, _ := time.Unix(now, 0).UTC().Date()
		if w == year {
			m = time.January
		}
		return time.Date(y, m, 1, 0, 0, 0, 0, time.UTC).Unix()
	default:
		return now - now%seconds[w]
	}
}

// reset returns the seconds that a client should wait for the next window, at
// least 1.
func (w window) reset(start, now int64) int64 { return max(1, seconds[w]-(now-start)) }

// A limit is how often something may happen in a window.
type limit struct {
	window window
	most   float64
}

// usage is what a counter says about the limits of one plugin, in the order of
// those.
type usage struct {
	starts [windows]int64 // when the windows began
	used   [windows]int64 // before this request
	// exceeded is the place of the last of the limits that were reached, -1 when
	// the request is within all and has been counted.
	exceeded int
}

// begin sets the windows around now.
func (u *usage) begin(limits []limit, now int64) {
	for i := range limits {
		u.starts[i] = limits[i].window.start(now)
	}
}

// judge compares what was used with the limits.
func (u *usage) judge(limits []limit) (within bool) {
	u.exceeded = -1
	for i := range limits {
		if float64(u.used[i]) >= limits[i].most {
			u.exceeded = i
		}
	}
	return u.exceeded < 0
}
