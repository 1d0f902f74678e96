package main

import (
	"fmt"
	"io"
)

// run executes one command line and returns the exit code.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	fmt.Fprintln(stderr, "Error: not written yet")
	return 1
}
