// Package builtin lists the plugins that come with the gateway.
package builtin

import (
	"gibbon/plugin"
	"gibbon/plugin/acl"
	"gibbon/plugin/basicauth"
	"gibbon/plugin/botdetection"
	"gibbon/plugin/correlationid"
	"gibbon/plugin/cors"
	"gibbon/plugin/filelog"
	"gibbon/plugin/hmacauth"
	"gibbon/plugin/httplog"
	"gibbon/plugin/iprestriction"
	"gibbon/plugin/jwt"
	"gibbon/plugin/keyauth"
	"gibbon/plugin/prometheus"
	"gibbon/plugin/proxycache"
	"gibbon/plugin/ratelimiting"
	"gibbon/plugin/redirect"
	"gibbon/plugin/requestsizelimiting"
	"gibbon/plugin/requesttermination"
	"gibbon/plugin/requesttransformer"
	"gibbon/plugin/responsetransformer"
)

// Plugins returns all of them, in order of execution.
func Plugins() []*plugin.Plugin {
	return []*plugin.Plugin{
		&correlationid.Plugin,       // 100001
		&botdetection.Plugin,        // 2500
		&cors.Plugin,                // 2000
		&jwt.Plugin,                 // 1450
		&keyauth.Plugin,             // 1250
		&basicauth.Plugin,           // 1100
		&hmacauth.Plugin,            // 1030
		&iprestriction.Plugin,       // 990
		&requestsizelimiting.Plugin, // 951
		&acl.Plugin,                 // 950
		&ratelimiting.Plugin,        // 910
		&requesttransformer.Plugin,  // 801
		&responsetransformer.Plugin, // 800
		&redirect.Plugin,            // 779
		&proxycache.Plugin,          // 100
		&prometheus.Plugin,          // 13
		&httplog.Plugin,             // 12
		&filelog.Plugin,             // 9
		&requesttermination.Plugin,  // 2
	}
}
