//go:build noui

package ui

import "io/fs"

// Build returns the files of the build, or nil when the program was made without them.
func Build() fs.FS { return nil }
