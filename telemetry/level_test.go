package telemetry

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

func TestLevelNames(t *testing.T) {
	for _, name := range []string{"debug", "info", "notice", "warn", "error", "crit", "alert", "emerg"} {
		level, ok := ParseLevel(name)
		if !ok || LevelName(level) != name {
			t.Errorf("ParseLevel(%q) = %v, %v, and back %q", name, level, ok, LevelName(level))
		}
	}
	for _, name := range []string{"", "WARN", "fatal"} {
		if level, ok := ParseLevel(name); ok {
			t.Errorf("ParseLevel(%q) = %v", name, level)
		}
	}
	if got := LevelName(LevelWarn + 1); got != "warn" {
		t.Errorf("between two names: %q, want warn", got)
	}
	if got := LevelName(slog.Level(-100)); got != "debug" {
		t.Errorf("below all: %q, want debug", got)
	}
}

func TestLevelReturnsAfterItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var v LevelVar
		v.Set(LevelNotice)
		expect := func(when string, want slog.Level) {
			t.Helper()
			synctest.Wait()
			if v.Level() != want {
				t.Errorf("%s: level %v, want %v", when, LevelName(v.Level()), LevelName(want))
			}
		}
		v.SetFor(LevelDebug, time.Minute)
		expect("at once", LevelDebug)
		<-time.After(59 * time.Second)
		v.SetFor(LevelInfo, time.Minute)
		<-time.After(59 * time.Second)
		expect("the first time is over, the second is not", LevelInfo)
		<-time.After(2 * time.Second)
		expect("after both", LevelNotice)
		v.SetFor(LevelDebug, time.Minute)
		v.Set(LevelError)
		<-time.After(2 * time.Minute)
		expect("Set ends SetFor", LevelError)
	})
}
