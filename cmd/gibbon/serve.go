package main

import (
	"context"
	"fmt"
	"net"

	"gibbon/settings"
)

// serve runs the gateway until ctx ends or options.quit is closed.
func serve(ctx context.Context, s *settings.Settings, options serveOptions) error {
	var open []listening
	for _, l := range s.AdminListen {
		ln, err := new(net.ListenConfig).Listen(ctx, "tcp", l.Address())
		if err != nil {
			return fmt.Errorf("listen for admin: %w", err)
		}
		defer ln.Close()
		open = append(open, listening{"admin", "http://" + ln.Addr().String()})
	}
	options.ready(open)
	select {
	case <-ctx.Done():
	case <-options.quit:
	}
	return nil
}
