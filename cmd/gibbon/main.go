// Command gibbon is an API gateway and load balancer. It is the only package that sees both
// planes; serve.go joins them.
package main

import "os"

func main() {
	stop := profile()
	code := run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
