// Package script tells stories about the whole program: each file in testdata
// is a script that users can read, run by testscript with verbs of its own.
//
//	server NAME [-port N] [-status N]   start an origin, or change it; $NAME is its host:port
//	server NAME -stop | -start          kill it; start it again where it was
//	gateway [NAME=VALUE…]               start the gateway with settings, again after it ended; TLS=on: with port 8443
//	gateway -kill | -signal NAME | -wait   end it at once; send a signal; wait for its end
//	gibbon ARGUMENT…                    run the program, on the same prefix
//	admin METHOD PATH [FILE | NAME=VALUE…]  call the Admin API with a form or a JSON file
//	get [-n N] [-method M] [-header F] PATH  ask the proxy; stdout counts "server status: times"
//	curl …, http …                      the real tools; localhost:8000, :8001 and :8443 lead to this gateway
//	printed GUIDE                       the last of these is in docs/guides/GUIDE, with its output
//	minute N                            wait for the next minute unless N seconds of this one are left
//	until PATTERN VERB …                repeat admin or get until the output matches; !PATTERN: until it does not
//	until -within DURATION …            the same, but no longer than that
//	log PATTERN FILE                    wait for a line in a file of the prefix
//	load RATE PATH                      ask the proxy so many times a second from now on
//	load -count N                       wait for so many further answers
//	load -mark                          remember the time
//	load -stop GRACE                    end; no request begun later than GRACE after the mark may have failed
//	pair FILE NAME…                     make a certificate; FILE is a body for /certificates, with NAMEs as snis
//	shown NAME                          for which names the certificate is that a client asking for NAME gets
//	hold KEY PATH, release KEY          a request that the origin keeps waiting; its end
//	websocket PATH TEXT                 upgrade, send, and show the frames
//	writes N -kill-after M, writes -check   the story of kill -9
//	postgres, postgres -stop | -kill | -start   a PostgreSQL server for all gateways; end it, start it again
//	node NAME [NAME=VALUE…], on NAME VERB …     another gateway; tell it something
//	store -lock | -unlock, disk -fill | -free   break the store, mend it
//
// The gateway listens on a loopback address of its own, so that stories run
// side by side.
package script
