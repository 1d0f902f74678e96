package admin

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"gibbon/telemetry"
)

func (a *api) addDebug() {
	a.routes.add("/debug/node/log-level", methods{http.MethodGet: a.logLevel})
	for _, whose := range []string{"node", "cluster"} {
		a.routes.add("/debug/"+whose+"/log-level/{log_level}", methods{http.MethodPut: a.setLogLevel})
	}
}

func (a *api) logLevel(*request) (*reply, error) {
	return message(http.StatusOK, "log level: "+telemetry.LevelName(a.Level.Level())), nil
}

// setLogLevel changes the level for a time. As in the reference a node without a
// database keeps the one that it has been started with.
func (a *api) setLogLevel(q *request) (*reply, error) {
	if a.Declarative != nil {
		return message(http.StatusMethodNotAllowed, "cannot change log level when not using a database"), nil
	}
	name := q.params[0]
	level, ok := telemetry.ParseLevel(name)
	if !ok {
		return message(http.StatusBadRequest, "unknown log level: "+name), nil
	}
	seconds := q.body.values["timeout"]
	if given := q.arguments("timeout"); seconds == nil && len(given) > 0 {
		seconds = given[0]
	}
	timeout, err := logLevelTimeout(seconds)
	if err != nil {
		return nil, err
	}
	if a.Level.Level() == level {
		return message(http.StatusOK, "log level is already "+name), nil
	}
	a.Level.SetFor(level, timeout)
	return message(http.StatusOK, "log level changed"), nil
}

// logLevelTimeout reads the seconds after which a level goes back.
func logLevelTimeout(v any) (time.Duration, error) {
	seconds := 60.0
	switch v := v.(type) {
	case nil:
	case json.Number, string:
		var err error
		if seconds, err = strconv.ParseFloat(fmt.Sprint(v), 64); err != nil || math.IsNaN(seconds) || seconds > 1e9 {
			return 0, &messageError{http.StatusBadRequest, "timeout must be a number of seconds"}
		}
	default:
		return 0, &messageError{http.StatusBadRequest, "timeout must be a number of seconds"}
	}
	if seconds < 0 {
		return 0, &messageError{http.StatusBadRequest, "timeout must be greater than or equal to 0"}
	}
	return time.Duration(math.Ceil(seconds)) * time.Second, nil
}
