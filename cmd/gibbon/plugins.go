package main

import (
	"slices"
	"strings"

	"gibbon/plugin"
	"gibbon/plugin/builtin"
	"gibbon/plugin/ratelimiting"
	"gibbon/settings"
)

// What the setting plugins may say besides names.
const (
	allPlugins = "bundled"
	noPlugins  = "off"
)

// pluginsOf are the plugins that a node with these settings has, in order of execution.
func pluginsOf(s *settings.Settings) []*plugin.Plugin {
	if slices.Contains(s.Plugins, noPlugins) {
		return nil
	}
	all := builtin.Plugins()
	if s.Database == "off" {
		for i, p := range all {
			if p == &ratelimiting.Plugin {
				all[i] = ratelimiting.WithoutDatabase()
			}
		}
	}
	if slices.Contains(s.Plugins, allPlugins) {
		return all
	}
	return slices.DeleteFunc(all, func(p *plugin.Plugin) bool { return !slices.Contains(s.Plugins, p.Name) })
}

// checkPlugins wants names that exist in the setting plugins.
func checkPlugins(s *settings.Settings) error {
	var known []string
	for _, p := range builtin.Plugins() {
		known = append(known, p.Name)
	}
	for _, name := range s.Plugins {
		switch {
		case name == noPlugins && len(s.Plugins) > 1:
			return hinted("Either name plugins, or say off.", "plugins: off does not go together with names")
		case name != noPlugins && name != allPlugins && !slices.Contains(known, name):
			return hinted("There are "+strings.Join(known, ", ")+".", "plugins: %s plugin is enabled but not installed", name)
		}
	}
	return nil
}
