// Package builtin lists the plugins that come with the gateway.
package builtin

import "gibbon/plugin"

// Plugins returns all of them, in order of execution.
func Plugins() []*plugin.Plugin {
	return []*plugin.Plugin{}
}
