// Package ui is the Manager: the sources of the web UI, and their build as it is
// put into the program. `make ui` writes the build, in dist; Go alone is enough
// to make the program of it. The build tag noui leaves it out.
package ui
