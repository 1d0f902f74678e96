// Package telemetry tells people what a node does: error log, access log and metrics. Both
// planes use it; it imports nothing of ours.
package telemetry

import (
	"log/slog"
	"sync"
	"time"
)

// The levels of the error log, lowest first.
const (
	LevelDebug  = slog.LevelDebug
	LevelInfo   = slog.LevelInfo
	LevelNotice = slog.Level(2)
	LevelWarn   = slog.LevelWarn
	LevelError  = slog.LevelError
	LevelCrit   = slog.Level(10)
	LevelAlert  = slog.Level(12)
	LevelEmerg  = slog.Level(14)
)

// levelNames are in ascending order.
var levelNames = [...]struct {
	level slog.Level
	name  string
}{
	{LevelDebug, "debug"},
	{LevelInfo, "info"},
	{LevelNotice, "notice"},
	{LevelWarn, "warn"},
	{LevelError, "error"},
	{LevelCrit, "crit"},
	{LevelAlert, "alert"},
	{LevelEmerg, "emerg"},
}

// ParseLevel returns the level of that name, such as notice.
func ParseLevel(name string) (slog.Level, bool) {
	for _, l := range levelNames {
		if l.name == name {
			return l.level, true
		}
	}
	return 0, false
}

// LevelName returns the name of level, or of the next lower one that has a name.
func LevelName(level slog.Level) string {
	name := levelNames[0].name
	for _, l := range levelNames {
		if l.level <= level {
			name = l.name
		}
	}
	return name
}

// A LevelVar is the least level that is logged. It can change at any time, also for a while
// only. The zero value is info.
type LevelVar struct {
	level slog.LevelVar
	mu    sync.Mutex  // guards the rest
	timer *time.Timer // brings base back; nil when level is base
	base  slog.Level
}

// Level returns the least level that is logged now. It implements slog.Leveler.
func (v *LevelVar) Level() slog.Level { return v.level.Level() }

// Set changes the level until further notice.
func (v *LevelVar) Set(level slog.Level) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.stop()
	v.base = level
	v.level.Set(level)
}

// SetFor changes the level for a time, after which the level last given to Set returns.
func (v *LevelVar) SetFor(level slog.Level, d time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.stop() {
		v.base = v.level.Level()
	}
	v.level.Set(level)
	var timer *time.Timer
	timer = time.AfterFunc(d, func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		if v.timer == timer { // not replaced meanwhile
			v.timer = nil
			v.level.Set(v.base)
		}
	})
	v.timer = timer
}

// stop ends a running SetFor and reports whether there was one.
func (v *LevelVar) stop() bool {
	if v.timer == nil {
		return false
	}
	v.timer.Stop()
	v.timer = nil
	return true
}
