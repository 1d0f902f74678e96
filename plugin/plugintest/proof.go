package plugintest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
)

// ignoredVariable is the environment variable that names a setting which Decode passes over, as a plugin that
// ignores it would. A test that shows the setting's effect fails then.
const ignoredVariable = "GIBBON_TEST_IGNORE"

// prove runs a test once more with the setting ignored, and returns an error when it passes.
func prove(setting, test string) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	name, row, hasRow := strings.Cut(test, "/")
	pattern := "^" + name + "$"
	if hasRow {
		pattern += "/^" + regexp.QuoteMeta(strings.ReplaceAll(row, " ", "_")) + "$"
	}
	run := exec.Command(program, "-test.run="+pattern, "-test.count=1", "-test.timeout=1m") //nolint:gosec,noctx // this program; it has a limit
	run.Env = append(os.Environ(), ignoredVariable+"="+setting)
	out, err := run.CombinedOutput()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return nil
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("%s passes when the setting is ignored:\n%s", test, out)
}

// ignoring returns config without the setting that is to be ignored. Where that is refused, because there must be
// one, the setting has another value. changed is false when there is none to be ignored, or no way to do it.
func ignoring(config map[string]any, valid func(map[string]any) bool) (without map[string]any, changed bool) {
	setting := os.Getenv(ignoredVariable)
	if setting == "" {
		return config, false
	}
	path := strings.Split(setting, ".")
	none := func(any) (any, bool) { return nil, false }
	other := func(v any) (any, bool) { return another(v), true }
	needsValid := valid(config)
	for _, change := range []func(any) (any, bool){none, other} {
		if without, changed = replaced(config, path, change); !changed {
			return config, false
		}
		if !needsValid || valid(without) {
			return without, true
		}
	}
	return config, false
}

// replaced returns a copy of m in which the value at path is what change makes of it, or is not there.
func replaced(m map[string]any, path []string, change func(any) (v any, keep bool)) (out map[string]any, found bool) {
	old, has := m[path[0]]
	if !has {
		return m, false
	}
	out = maps.Clone(m)
	if len(path) > 1 {
		inner, ok := old.(map[string]any)
		if !ok {
			return m, false
		}
		out[path[0]], found = replaced(inner, path[1:], change)
		return out, found
	}
	if v, keep := change(old); keep {
		out[path[0]] = v
	} else {
		delete(out, path[0])
	}
	return out, true
}

// another is a value of the same type.
func another(v any) any {
	switch v := v.(type) {
	case string:
		return v + "z"
	case bool:
		return !v
	case json.Number:
		n, err := v.Float64()
		if err != nil {
			return v
		}
		return json.Number(fmt.Sprint(n + 1))
	case []any:
		out := slices.Clone(v)
		for i := range out {
			out[i] = another(out[i])
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for k, one := range v {
			out[k] = another(one)
		}
		return out
	}
	return v
}
