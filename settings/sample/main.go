// Command sample writes gibbon.conf.default, for go generate.
package main

import (
	"fmt"
	"os"

	"gibbon/settings"
)

func main() {
	if err := os.WriteFile(os.Args[1], []byte(settings.Sample()), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
