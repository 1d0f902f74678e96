//go:build profile

package main

import (
	"fmt"
	"os"
	"runtime/pprof"
)

// profile writes where the program spends its time into the file that GIBBON_CPUPROFILE
// names, until the function that it returns is called. Only builds with the tag "profile" have it:
// `make profile` renews gibbon.pgo with it, by which the compiler decides what to inline.
func profile() (stop func()) {
	name := os.Getenv("GIBBON_CPUPROFILE")
	if name == "" {
		return func() {}
	}
	file, err := os.Create(name) //nolint:gosec // who starts the program says where to
	if err == nil {
		err = pprof.StartCPUProfile(file)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "no profile:", err)
		return func() {}
	}
	return func() {
		pprof.StopCPUProfile()
		if err := file.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "profile:", err)
		}
	}
}
