package settings

import "math"

// A section is a part of the sample file.
type section struct {
	title      string
	properties []*property
}

var unlimited = math.Inf(1)

// sections declare every property, in the order of the sample file. It is the only place
// where one is named; the pointers go into s.
func (s *Settings) sections() []section {
	return []section{
		{"General", s.general()},
		{"Logs", s.logs()},
		{"Listeners", s.listeners()},
		{"TLS", s.tls()},
		{"Proxy behaviour", s.proxy()},
		{"Clients: limits and time-outs", s.clients()},
		{"Store", s.store()},
		{"DNS", s.dns()},
		{"Hybrid mode", s.hybrid()},
		{"Management UI", s.manager()},
		{"Tracing", s.tracing()},
		{"Accepted for compatibility", compatible(s)},
	}
}

func (s *Settings) general() []*property {
	return []*property{
		text("prefix", &s.Prefix).doc("Working directory. Without one it is /usr/local/gibbon for root, and ~/.gibbon for anybody else."),
		text("node_id", &s.NodeID).doc("UUID of this node. Without one the node makes it up at its first start and keeps it in <prefix>/gibbon.id."),
		text("zone", &s.Zone).ours().doc("Zone that this node is in: targets of the same zone are preferred to others of the same priority."),
		list("plugins", &s.Plugins).byDefault("bundled").doc("Plugins that may be configured: names, bundled for all that come with the program, or off."),
		list("vaults", nil).byDefault("bundled").doc("Vaults that may be configured."),
		portMaps("port_maps", &s.PortMaps).doc("Pairs outside:inside of ports that something before the node maps, as a container runtime does. Forwarded ports, and routes that match by port, then use the outside one."),
		workers("nginx_worker_processes", &s.WorkerProcesses).byDefault("auto").doc("Processors to use, or auto for all. There is one process whatever the number."),
		workers("nginx_main_worker_processes", &s.WorkerProcesses).doc("Beats nginx_worker_processes."),
		boolean("request_debug", &s.RequestDebug).byDefault("on").doc("Answer the header X-Kong-Request-Debug of permitted clients with timings."),
		text("request_debug_token", &s.RequestDebugToken).secret().doc("What remote clients prove their permission with; made up at the start when empty."),
	}
}

func (s *Settings) logs() []*property {
	return []*property{
		text("log_level", &s.LogLevel).byDefault("notice").live().
			oneOf("debug", "info", "notice", "warn", "error", "crit", "alert", "emerg").doc("Least level that the error log shows."),
		text("error_log_format", &s.ErrorLogFormat).byDefault("text").ours().oneOf("text", "json").doc("How error logs are written."),
		text("access_log_format", &s.AccessLogFormat).byDefault("combined").ours().oneOf("combined", "json").
			doc("How access logs are written whose property names no format."),
		logFile("proxy_access_log", &s.ProxyAccessLog).byDefault("logs/access.log").
			doc("A path, relative to the prefix, /dev/stdout, /dev/stderr, or off. A word behind the path chooses a format: combined or json."),
		logFile("proxy_error_log", &s.ProxyErrorLog).byDefault("logs/error.log").doc("Errors of the whole node: a path, /dev/stdout, /dev/stderr, or off."),
		text("proxy_stream_access_log", nil).byDefault("logs/access.log basic").doc("Access log of streams."),
		text("proxy_stream_error_log", nil).byDefault("logs/error.log").doc("Error log of streams."),
		logFile("admin_access_log", &s.AdminAccessLog).byDefault("logs/admin_access.log").doc("Access log of the Admin API."),
		text("admin_error_log", nil).byDefault("logs/error.log").doc("Errors of the Admin API go to proxy_error_log."),
		logFile("status_access_log", &s.StatusAccessLog).byDefault("off").doc("Access log of the Status API."),
		text("status_error_log", nil).byDefault("logs/status_error.log").doc("Errors of the Status API go to proxy_error_log."),
	}
}

func (s *Settings) listeners() []*property {
	const flags = "Entries ip:port with flags behind them: ssl, http2, proxy_protocol, deferred, bind, reuseport, backlog=<number>, ipv6only=on|off, so_keepalive=on|off|<idle>:<interval>:<count>. "
	return []*property{
		listeners("proxy_listen", &s.ProxyListen).byDefault("0.0.0.0:8000 backlog=16384, 0.0.0.0:8443 http2 ssl backlog=16384").
			doc("Where clients connect. " + flags + "Off: this node proxies nothing."),
		listeners("stream_listen", &s.StreamListen).byDefault("off").doc("Where clients of TCP, TLS and UDP (flag udp) routes connect."),
		listeners("admin_listen", &s.AdminListen).byDefault("127.0.0.1:8001").
			doc("The Admin API. Whoever reaches it may change everything: think twice before opening it to a network."),
		listeners("admin_gui_listen", &s.AdminGUIListen).byDefault("127.0.0.1:8002, 127.0.0.1:8445 ssl").
			doc("The Manager, the web UI, with the Admin API below /_api. On other addresses than those of this machine the latter answers only if admin_listen is open to a network, too, or admin_tokens are set. Closed when admin_listen is off."),
		listeners("status_listen", &s.StatusListen).byDefault("127.0.0.1:8007").doc("The Status API: read-only health and metrics."),
		listeners("cluster_listen", &s.ClusterListen).byDefault("off").doc("Where a control plane awaits its data planes."),
	}
}

func (s *Settings) tls() []*property {
	const pem = "Each item is a path, PEM text or base64 of PEM."
	return []*property{
		list("ssl_cert", &s.SSLCert).doc("Certificates of TLS proxy listeners for names that no certificate entity covers; made at the start when empty. " + pem),
		list("ssl_cert_key", &s.SSLCertKey).secret().doc("Their keys, in the same order."),
		list("admin_ssl_cert", &s.AdminSSLCert).doc("Certificates of TLS Admin listeners."),
		list("admin_ssl_cert_key", &s.AdminSSLCertKey).secret().doc("Their keys."),
		list("status_ssl_cert", &s.StatusSSLCert).doc("Certificates of TLS Status listeners."),
		list("status_ssl_cert_key", &s.StatusSSLCertKey).secret().doc("Their keys."),
		list("admin_gui_ssl_cert", &s.AdminGUISSLCert).doc("Certificates of TLS listeners of the management UI."),
		list("admin_gui_ssl_cert_key", &s.AdminGUISSLCertKey).secret().doc("Their keys."),
		text("ssl_cipher_suite", &s.SSLCipherSuite).byDefault("intermediate").oneOf("modern", "intermediate", "old", "fips", "custom").
			doc("Ciphers that clients may use; custom takes ssl_ciphers."),
		text("ssl_ciphers", &s.SSLCiphers).doc("OpenSSL names joined by colons, for ssl_cipher_suite=custom."),
		words("ssl_protocols", &s.SSLProtocols).byDefault("TLSv1.2 TLSv1.3").doc("Versions that clients may use, separated by spaces."),
		onOff("ssl_prefer_server_ciphers", nil).byDefault("on").doc("Go's TLS decides the order of ciphers itself."),
		onOff("ssl_session_tickets", &s.SSLSessionTickets).byDefault("on").doc("Resume sessions by tickets."),
		duration("ssl_session_timeout", &s.SSLSessionTimeout).byDefault("1d").doc("How long a session may be resumed."),
		size("ssl_session_cache_size", nil).byDefault("10m").doc("Sessions live in tickets, not in a cache."),
		text("ssl_dhparam", nil).doc("Go's TLS has no finite-field Diffie-Hellman."),
		boolean("client_ssl", &s.ClientSSL).byDefault("off").doc("Show a certificate to targets that ask for one."),
		text("client_ssl_cert", &s.ClientSSLCert).doc("That certificate."),
		text("client_ssl_cert_key", &s.ClientSSLCertKey).secret().doc("Its key."),
		list("lua_ssl_trusted_certificate", &s.TrustedCertificates).byDefault("system").
			doc("Authorities trusted on the node's own connections: health probes, database, plugins. Paths, PEM text, or system."),
		number("lua_ssl_verify_depth", &s.TrustedVerifyDepth).byDefault("1").between(0, 100).doc("Longest chain between them and the certificate shown."),
		text("lua_ssl_protocols", nil).byDefault("TLSv1.2 TLSv1.3").doc("Versions on the node's own connections."),
		boolean("nginx_proxy_proxy_ssl_verify", &s.UpstreamSSLVerify).byDefault("off").doc("Verify targets' certificates when the service does not say."),
		text("nginx_proxy_proxy_ssl_trusted_certificate", &s.UpstreamSSLTrusted).doc("Authorities for that; a path."),
	}
}

func (s *Settings) proxy() []*property {
	named := []string{
		"server_tokens", "latency_tokens", "Server", "Via", "X-Kong-Proxy-Latency", "X-Kong-Response-Latency",
		"X-Kong-Upstream-Latency", "X-Kong-Admin-Latency", "X-Kong-Upstream-Status", "X-Kong-Request-Id", "off",
	}
	return []*property{
		headers("headers", &s.Headers, named...).byDefault("server_tokens, latency_tokens, X-Kong-Request-Id").
			doc("The gateway's own headers in answers. server_tokens stands for Server and Via, latency_tokens for the four latencies; off turns all off."),
		headers("headers_upstream", &s.HeadersUpstream, "X-Kong-Request-Id", "off").byDefault("X-Kong-Request-Id").
			doc("The gateway's own headers in requests to targets."),
		boolean("error_reason_header", &s.ErrorReasonHeader).byDefault("off").ours().
			doc("Add X-Gibbon-Reason to answers that the gateway made itself: a code that says why, as in the access log."),
		number("explain_sampling", &s.ExplainSampling).byDefault("0").ours().
			doc("Keep a record of one in so many requests, for GET /explain/{request id} of the Admin API; 1 of every request, 0 of none."),
		trustedIPs("trusted_ips", &s.TrustedIPs).
			doc("Peers whose X-Forwarded-* headers are believed: addresses, CIDR blocks, or unix: for Unix sockets. 0.0.0.0/0, ::/0 trusts everybody."),
		text("real_ip_header", &s.RealIPHeader).byDefault("X-Real-IP").doc("Where a trusted peer says the client's address; X-Forwarded-For and proxy_protocol are possible."),
		onOff("real_ip_recursive", &s.RealIPRecursive).byDefault("off").doc("Of several addresses take the last one that is not trusted."),
		text("error_default_type", &s.ErrorDefaultType).byDefault("text/plain").
			oneOf("text/plain", "text/html", "application/json", "application/xml").doc("Type of error answers when the request does not ask for one."),
		text("error_template_html", &s.ErrorTemplateHTML).doc("File with the text of HTML error answers; %s stands for the message, a second one for the request id."),
		text("error_template_json", &s.ErrorTemplateJSON).doc("The same for JSON."),
		text("error_template_xml", &s.ErrorTemplateXML).doc("The same for XML."),
		text("error_template_plain", &s.ErrorTemplateText).doc("The same for plain text."),
		number("upstream_keepalive_pool_size", &s.KeepalivePoolSize).byDefault("512").between(0, unlimited).doc("Idle connections kept for each address; 0 keeps none."),
		number("upstream_keepalive_max_requests", &s.KeepaliveMaxRequests).byDefault("10000").between(0, unlimited).doc("Requests on one of them; 0 for any number."),
		seconds("upstream_keepalive_idle_timeout", &s.KeepaliveIdleTimeout).byDefault("60").doc("Seconds that one may be idle; 0 for ever."),
		boolean("allow_debug_header", &s.AllowDebugHeader).byDefault("off").doc("Let a request's header Kong-Debug: 1 ask for the matched route and service."),
		text("router_flavor", &s.RouterFlavor).byDefault("traditional_compatible").oneOf("traditional", "traditional_compatible", "expressions").
			doc("How routes are described."),
		text("worker_consistency", &s.WorkerConsistency).byDefault("eventual").oneOf("strict", "eventual").
			doc("A change is always live when the Admin API answers it, so both words mean the same here."),
		seconds("worker_state_update_frequency", nil).byDefault("5").doc("Changes do not wait for a period."),
	}
}

func (s *Settings) clients() []*property {
	return []*property{
		size("nginx_http_client_max_body_size", &s.ClientMaxBodySize).byDefault("0").doc("Largest request body, as in 8k, 10m or 1g; 0 for any."),
		size("nginx_http_client_body_buffer_size", &s.ClientBodyBufferSize).byDefault("8k").doc("How much of a buffered body stays in memory."),
		size("nginx_admin_client_max_body_size", &s.AdminClientMaxBodySize).byDefault("10m").doc("Largest request body of the Admin API."),
		size("nginx_admin_client_body_buffer_size", nil).byDefault("10m").doc("Buffer for it."),
		duration("nginx_http_client_header_timeout", &s.ClientHeaderTimeout).byDefault("60s").doc("Longest time that a client may take for a request head."),
		duration("nginx_http_client_body_timeout", &s.ClientBodyTimeout).byDefault("60s").doc("Longest pause between two parts of a request body."),
		duration("nginx_http_send_timeout", &s.ClientSendTimeout).byDefault("60s").doc("Longest pause in which a client takes nothing of its answer."),
		duration("nginx_http_keepalive_timeout", &s.ClientKeepaliveTimeout).byDefault("75s").doc("How long an idle client connection stays open; 0 for no keep-alive."),
		number("nginx_http_keepalive_requests", &s.ClientKeepaliveRequests).byDefault("10000").between(1, unlimited).doc("Requests on one client connection."),
		headerBuffers("nginx_http_large_client_header_buffers", s).byDefault("4 8k").doc("Number and size of the buffers for request heads: no line may be longer than one, no head longer than all."),
		number("lua_max_req_headers", &s.MaxRequestHeaders).byDefault("100").between(1, 1000).doc("Request headers that plugins see."),
		number("lua_max_resp_headers", &s.MaxResponseHeaders).byDefault("100").between(1, 1000).doc("Response headers that plugins see."),
		number("lua_max_uri_args", &s.MaxURIArguments).byDefault("100").between(1, 1000).doc("Query arguments that plugins see."),
		number("lua_max_post_args", &s.MaxPostArguments).byDefault("100").between(1, 1000).doc("Form fields that plugins see."),
	}
}

func (s *Settings) store() []*property {
	pg := &s.Postgres
	return []*property{
		text("database", &s.Database).byDefault("sqlite").oneOf("sqlite", "postgres", "off").
			doc("Where the configuration lives: sqlite, one file and nothing to set up; postgres, shared by several nodes; off, in memory, read from declarative_config or POST /config."),
		text("sqlite_path", &s.SQLitePath).byDefault("gibbon.db").ours().doc("That file, relative to the prefix."),
		text("pg_host", &pg.Host).byDefault("127.0.0.1").doc("PostgreSQL server."),
		number("pg_port", &pg.Port).byDefault("5432").between(1, 65535).doc("Its port."),
		milliseconds("pg_timeout", &pg.Timeout).byDefault("5000").doc("Milliseconds to wait for it."),
		text("pg_user", &pg.User).byDefault("kong").doc("User."),
		text("pg_password", &pg.Password).secret().doc("Password."),
		text("pg_database", &pg.Database).byDefault("kong").doc("Database."),
		text("pg_schema", &pg.Schema).doc("Schema; the user's own when empty."),
		boolean("pg_ssl", &pg.SSL).byDefault("off").doc("Connect with TLS."),
		boolean("pg_ssl_verify", &pg.SSLVerify).byDefault("off").doc("Verify the server's certificate, see lua_ssl_trusted_certificate."),
		number("pg_max_concurrent_queries", &pg.MaxConcurrentQueries).byDefault("0").between(0, unlimited).doc("Connections at a time; 0 for the driver's default."),
		milliseconds("pg_semaphore_timeout", &pg.SemaphoreTimeout).byDefault("60000").doc("Milliseconds to wait for one of them."),
		boolean("pg_notify", &pg.Notify).byDefault("on").ours().doc("Have the database announce changes. Off: look for them only, for a connection pooler that does not pass announcements on."),
		milliseconds("pg_keepalive_timeout", nil).doc("The pool manages its idle connections."),
		number("pg_pool_size", nil).doc("See pg_max_concurrent_queries."),
		number("pg_backlog", nil).doc("See pg_max_concurrent_queries."),
		text("pg_ro_host", nil).doc("Read-only replica."),
		number("pg_ro_port", nil).doc("Its port."),
		milliseconds("pg_ro_timeout", nil).doc("Its time-out."),
		text("pg_ro_user", nil).doc("Its user."),
		text("pg_ro_password", nil).secret().doc("Its password."),
		text("pg_ro_database", nil).doc("Its database."),
		text("pg_ro_schema", nil).doc("Its schema."),
		boolean("pg_ro_ssl", nil).byDefault("off").doc("TLS to it."),
		boolean("pg_ro_ssl_verify", nil).byDefault("off").doc("Verify its certificate."),
		number("pg_ro_max_concurrent_queries", nil).doc("Connections to it."),
		milliseconds("pg_ro_semaphore_timeout", nil).doc("Wait for one of them."),
		milliseconds("pg_ro_keepalive_timeout", nil).doc("Idle time of them."),
		text("declarative_config", &s.DeclarativeConfig).doc("Configuration file to start with when database is off."),
		text("declarative_config_string", &s.DeclarativeConfigString).secret().doc("The same as text."),
		text("lmdb_environment_path", nil).byDefault("dbless.lmdb").doc("Configuration of a node without a database is kept by other means."),
		size("lmdb_map_size", &s.DeclarativeLimit).byDefault("2048m").doc("Largest configuration that POST /config takes, all entities together, when database is off; 0 for any."),
		seconds("db_update_frequency", &s.DBUpdateFrequency).byDefault("5").doc("Seconds between two looks for other nodes' changes; half a second unless it is set. The database announces most changes before."),
		number("revisions_kept", &s.RevisionsKept).byDefault("100000").between(1, unlimited).ours().doc("How many revisions the change log keeps; more while a node has not seen them."),
		seconds("db_update_propagation", &s.DBUpdatePropagation).byDefault("0").doc("Seconds until a change has reached every replica of the database."),
		seconds("db_cache_ttl", nil).byDefault("0").doc("Everything is in memory; nothing expires."),
		seconds("db_cache_neg_ttl", nil).doc("See db_cache_ttl."),
		seconds("db_resurrect_ttl", nil).byDefault("30").doc("See db_cache_ttl."),
		list("db_cache_warmup_entities", nil).byDefault("services").doc("See db_cache_ttl."),
		size("mem_cache_size", &s.MemCacheSize).byDefault("128m").doc("What each store of proxy-cache may take of memory; what was not asked for longest makes room."),
	}
}

func (s *Settings) dns() []*property {
	d := &s.DNS
	return []*property{
		list("dns_resolver", &d.Servers).doc("Name servers as ip or ip:port; those of /etc/resolv.conf when empty."),
		text("dns_hostsfile", &d.HostsFile).byDefault("/etc/hosts").doc("File with names that need no server. It is watched: changes hold at once."),
		list("dns_order", &d.Order).byDefault("LAST,SRV,A,CNAME").oneOf("LAST", "SRV", "A", "AAAA", "CNAME").
			doc("Types to ask for, in order. LAST is the type that the name had last time. AAAA must be named to be used."),
		validTTL("dns_valid_ttl", d).doc("Seconds that an answer is valid, whatever it says itself."),
		seconds("dns_stale_ttl", &d.StaleTTL).byDefault("3600").doc("Seconds that an expired answer serves while a new one is fetched."),
		number("dns_cache_size", &d.CacheSize).byDefault("10000").between(0, unlimited).doc("Names to remember."),
		seconds("dns_not_found_ttl", &d.NotFoundTTL).byDefault("30").doc("Seconds to remember that a name does not exist."),
		seconds("dns_error_ttl", &d.ErrorTTL).byDefault("1").doc("Seconds to remember any other error."),
		boolean("dns_no_sync", &d.NoSync).byDefault("off").doc("Let every lookup ask by itself instead of sharing one that is under way."),
		boolean("new_dns_client", &d.NewClient).byDefault("off").doc("Resolve as the reference's second client does, with the properties below."),
		list("resolver_address", nil).doc("Like dns_resolver."),
		text("resolver_hosts_file", nil).byDefault("/etc/hosts").doc("Like dns_hostsfile."),
		list("resolver_family", nil).byDefault("A,SRV").oneOf("A", "AAAA", "SRV").doc("Types to ask for."),
		seconds("resolver_valid_ttl", nil).doc("Like dns_valid_ttl."),
		seconds("resolver_error_ttl", nil).byDefault("1").doc("Like dns_error_ttl, also for names that do not exist."),
		seconds("resolver_stale_ttl", nil).byDefault("3600").doc("Like dns_stale_ttl."),
		number("resolver_lru_cache_size", nil).byDefault("10000").doc("Like dns_cache_size."),
		size("resolver_mem_cache_size", nil).byDefault("5m").doc("Like dns_cache_size."),
	}
}

func (s *Settings) hybrid() []*property {
	return []*property{
		text("role", &s.Role).byDefault("traditional").oneOf("traditional", "control_plane", "data_plane").doc("What this node does of the two planes' work."),
		text("cluster_mtls", nil).byDefault("shared").oneOf("shared", "pki").doc("How the planes trust each other."),
		text("cluster_cert", nil).doc("Certificate of this node towards the other plane."),
		text("cluster_cert_key", nil).secret().doc("Its key."),
		text("cluster_ca_cert", nil).doc("Authority of the data planes' certificates, for pki."),
		text("cluster_server_name", nil).doc("Name in the control plane's certificate."),
		text("cluster_control_plane", nil).byDefault("127.0.0.1:8005").doc("Where a data plane finds its control plane."),
		number("cluster_data_plane_purge_delay", nil).byDefault("1209600").between(60, unlimited).doc("Seconds after which a silent data plane is forgotten."),
		text("cluster_ocsp", nil).byDefault("off").oneOf("on", "off", "optional").doc("Ask whether a data plane's certificate was revoked."),
		number("cluster_max_payload", nil).byDefault("16777216").between(4194304, unlimited).doc("Largest configuration, in bytes."),
		boolean("cluster_use_proxy", nil).byDefault("off").doc("Reach the control plane through proxy_server."),
		list("cluster_dp_labels", nil).doc("Pairs key:value that describe this data plane."),
		boolean("cluster_rpc", nil).byDefault("off").doc("Calls between the planes."),
		boolean("cluster_incremental_sync", nil).byDefault("off").doc("Send changes only."),
		text("proxy_server", nil).secret().doc("HTTP proxy between the planes, as a URL."),
		boolean("proxy_server_ssl_verify", nil).byDefault("on").doc("Verify its certificate."),
	}
}

func (s *Settings) manager() []*property {
	return []*property{
		tokens("admin_tokens", &s.AdminTokens).secret().ours().doc("SHA-256 hashes of tokens, as NAME:HASH or HASH. When there are any, the Admin API wants one of the tokens in the header Kong-Admin-Token or as a bearer token."),
		list("admin_allowed_hosts", &s.AdminAllowedHosts).ours().doc("Names under which an Admin API that listens on a loopback address may be asked, besides localhost, the machine's own name and any IP address."),
		list("admin_trusted_origins", &s.AdminTrustedOrigins).ours().doc("Further origins whose pages may use the Admin API, as in https://tools.example.com."),
		list("admin_gui_url", &s.AdminGUIURLs).doc("Where browsers find the management UI; these origins may use the Admin API."),
		text("admin_gui_path", &s.AdminGUIPath).byDefault("/").doc("Path of the management UI."),
		text("admin_gui_api_url", &s.AdminGUIAPIURL).doc("Where /kconfig.js says that the Admin API is. The Manager itself asks its own port."),
		logFile("admin_gui_access_log", &s.AdminGUIAccessLog).byDefault("logs/admin_gui_access.log").doc("Access log of the Manager."),
		text("admin_gui_error_log", nil).byDefault("logs/admin_gui_error.log").doc("Errors of the Manager go to proxy_error_log."),
	}
}

func (s *Settings) tracing() []*property {
	return []*property{
		list("tracing_instrumentations", nil).byDefault("off").
			oneOf("off", "request", "all", "db_query", "dns_query", "router", "http_client", "balancer", "plugin_rewrite", "plugin_access", "plugin_header_filter").
			doc("What makes spans."),
		fraction("tracing_sampling_rate").byDefault("0.01").between(0, 1).doc("Share of the requests that are traced."),
	}
}

func compatible(s *Settings) []*property {
	return []*property{
		boolean("anonymous_reports", nil).byDefault("off").doc("Nothing is ever reported to anybody."),
		text("vault_env_prefix", &s.VaultEnvPrefix).doc("Prefix of variables that the env vault reads."),
		boolean("dedicated_config_processing", nil).byDefault("on").doc("Configuration never holds up traffic."),
		text("untrusted_lua", nil).byDefault("sandbox").oneOf("off", "on", "sandbox").doc("There is no Lua."),
		list("untrusted_lua_sandbox_requires", nil).doc("There is no Lua."),
		list("untrusted_lua_sandbox_environment", nil).doc("There is no Lua."),
		text("lua_package_path", nil).doc("There is no Lua."),
		text("lua_package_cpath", nil).doc("There is no Lua."),
		number("lua_socket_pool_size", nil).byDefault("256").doc("There is no Lua."),
		list("pluginserver_names", nil).doc("There are no plugin servers."),
		boolean("wasm", nil).byDefault("off").doc("There are no WebAssembly filters."),
		list("wasm_filters", nil).byDefault("bundled,user").doc("There are no WebAssembly filters."),
		text("wasm_filters_path", nil).doc("There are no WebAssembly filters."),
		number("worker_events_max_payload", nil).byDefault("65535").doc("There is one process."),
		text("nginx_user", nil).doc("The program runs as whoever starts it."),
		text("nginx_main_user", nil).doc("See nginx_user."),
		text("nginx_daemon", nil).doc("See the flag --detach of gibbon start."),
		text("nginx_main_daemon", nil).doc("See nginx_daemon."),
	}
}
