package main

import (
	"context"
	"log/slog"

	"gibbon/settings"
	"gibbon/telemetry"
)

// serveOptions are what the command hands to serve, beside the settings. Cancelling serve's
// context means: stop now.
type serveOptions struct {
	nodeID       string // UUID, the same at every start in this prefix
	hostname     string // of the machine
	log          *slog.Logger
	level        *telemetry.LevelVar  // of log, for /debug/node/log-level
	access       *telemetry.AccessLog // of the proxy; nil, which takes entries too, when off
	adminAccess  *telemetry.AccessLog
	statusAccess *telemetry.AccessLog
	guiAccess    *telemetry.AccessLog

	// quit is closed when serve shall accept no more, finish running requests and return.
	quit <-chan struct{}
	// reload delivers new settings; those that cannot change live are as they were.
	reload <-chan *settings.Settings
	// migrate makes the database ready once it answers; nil when it was ready at the start.
	migrate func(context.Context, *slog.Logger) error
	// ready is to be called once, when every listener accepts and requests can be served.
	ready func([]listening)
}

// A listening says what can be reached where.
type listening struct {
	name string // proxy, admin, manager, status
	url  string // http://127.0.0.1:8001, with the port that was really taken
}

var _ func(context.Context, *settings.Settings, serveOptions) error = serve
