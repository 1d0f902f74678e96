//go:build !noui

package ui

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Build returns the files of the build, or nil when the program was made without them.
func Build() fs.FS {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		return nil // only an invalid path is an error
	}
	return files
}
