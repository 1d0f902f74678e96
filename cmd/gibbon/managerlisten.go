package main

import (
	"context"
	"net"
	"net/http"
	"strings"

	"gibbon/control/manager"
	"gibbon/settings"
	"gibbon/ui"
)

// listenManager opens the ports of the Manager. As in the reference there is none without
// an Admin API to manage.
func (g *gateway) listenManager(ctx context.Context, api http.Handler) error {
	s := g.settings
	if len(s.AdminListen) == 0 || len(s.AdminGUIListen) == 0 {
		return nil
	}
	o := manager.Options{
		Admin: api, Files: ui.Build(), Path: s.AdminGUIPath, APIURL: s.AdminGUIAPIURL,
		OpenAPI: len(s.AdminTokens) > 0 || !onlyHere(s.AdminListen), Access: g.options.guiAccess.Wrap,
	}
	for _, l := range s.AdminListen {
		switch {
		case l.SSL && o.APISSLPort == 0:
			o.APISSLPort = int(l.Port)
		case !l.SSL && o.APIPort == 0:
			o.APIPort = int(l.Port)
		}
	}
	h, err := manager.New(o)
	if err != nil {
		return err
	}
	for _, l := range s.AdminGUIListen {
		if err := g.listenHTTP(ctx, "manager", "admin_gui_listen", l, h); err != nil {
			return err
		}
	}
	return nil
}

// onlyHere tells whether nobody but this machine reaches the listeners.
func onlyHere(listeners []settings.Listener) bool {
	for _, l := range listeners {
		ip := net.ParseIP(strings.Trim(l.Host, "[]"))
		if l.Host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return false
		}
	}
	return true
}
