//go:build !linux

// Command bench needs Linux: see main.go.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "bench: needs Linux, for its event loop and for /proc")
	os.Exit(1)
}
