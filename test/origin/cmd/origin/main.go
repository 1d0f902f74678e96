// Command origin runs the echo server of package origin:
//
//	origin NAME HOST:PORT
//
// It runs until it is interrupted.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"gibbon/test/origin"
)

func main() {
	flag.Usage = func() { fmt.Fprintln(os.Stderr, "usage: origin NAME HOST:PORT") }
	flag.Parse()
	if flag.NArg() != 2 {
		flag.Usage()
		os.Exit(2)
	}
	server, err := origin.Listen(flag.Arg(0), flag.Arg(1))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Fprintf(os.Stderr, "origin %s listens on %s\n", server.Name(), server.Address())
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	<-ctx.Done()
	stop()
	_ = server.Close() // on the way out
}
