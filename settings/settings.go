// Package settings knows every property with which a node is configured. Each is declared
// once, in declare.go, with its name, type, default and words; the file format, the
// environment, what GET / shows and gibbon.conf.default are read from those declarations.
//
// A value comes from the command line, else from GIBBON_<NAME>, else from KONG_<NAME>, else
// from the file, else from the declaration.
package settings

import "time"

// Settings are the values of all properties, checked and converted. They do not change
// after Load.
type Settings struct {
	// General.
	Prefix            string // absolute, without a trailing slash
	NodeID            string // empty: the node keeps one of its own in the prefix
	LogLevel          string // a name such as notice
	ErrorLogFormat    string // text or json
	AccessLogFormat   string // combined or json; what a Log without a format uses
	ProxyAccessLog    Log
	ProxyErrorLog     Log // of the whole node
	AdminAccessLog    Log
	StatusAccessLog   Log
	Plugins           []string // bundled, names, off
	PortMaps          map[uint16]uint16
	ErrorTemplateHTML string // path, empty for the built-in one; likewise the next three
	ErrorTemplateJSON string
	ErrorTemplateXML  string
	ErrorTemplateText string
	WorkerProcesses   int // processors to use; 0 means all

	// Listeners; none when the property is off.
	ProxyListen    []Listener
	StreamListen   []Listener
	AdminListen    []Listener
	AdminGUIListen []Listener
	StatusListen   []Listener
	ClusterListen  []Listener

	// TLS. A certificate or key is a path, PEM text or base64 of PEM.
	SSLCert             []string
	SSLCertKey          []string
	AdminSSLCert        []string
	AdminSSLCertKey     []string
	AdminGUISSLCert     []string
	AdminGUISSLCertKey  []string
	StatusSSLCert       []string
	StatusSSLCertKey    []string
	SSLCipherSuite      string
	SSLCiphers          string
	SSLProtocols        []string
	SSLSessionTickets   bool
	SSLSessionTimeout   time.Duration
	ClientSSL           bool
	ClientSSLCert       string
	ClientSSLCertKey    string
	TrustedCertificates []string // lua_ssl_trusted_certificate: paths, PEM, or system
	TrustedVerifyDepth  int
	UpstreamSSLVerify   bool   // for services that do not say
	UpstreamSSLTrusted  string // for services that do not say
	VaultEnvPrefix      string // of the variables that the vault "env" reads

	// Proxy behaviour.
	Headers                 Headers // what answers carry
	HeadersUpstream         Headers // what requests to targets carry: RequestID only
	Zone                    string  // of this node; empty: no targets are preferred
	ExplainSampling         int     // keep a record of one in so many requests; 0: of none
	ErrorReasonHeader       bool    // name the reason code of a gateway-made error in a header
	TrustedIPs              TrustedIPs
	RealIPHeader            string
	RealIPRecursive         bool
	ErrorDefaultType        string
	KeepalivePoolSize       int           // idle connections per address; 0 means none
	KeepaliveMaxRequests    int           // 0 means unlimited
	KeepaliveIdleTimeout    time.Duration // 0 means for ever
	AllowDebugHeader        bool
	RouterFlavor            string
	WorkerConsistency       string
	MaxRequestHeaders       int
	MaxResponseHeaders      int
	MaxURIArguments         int
	MaxPostArguments        int
	ClientMaxBodySize       int64 // bytes; 0 means unlimited
	ClientBodyBufferSize    int64 // bytes
	AdminClientMaxBodySize  int64 // bytes; 0 means unlimited
	MemCacheSize            int64 // bytes of each store of answers
	ClientHeaderTimeout     time.Duration
	ClientBodyTimeout       time.Duration
	ClientSendTimeout       time.Duration
	ClientKeepaliveTimeout  time.Duration // 0 means no keep-alive
	ClientKeepaliveRequests int           // requests on one client connection
	LargeHeaderBuffers      int           // number of buffers for a long head
	LargeHeaderBufferSize   int64         // bytes of each; the longest line
	RequestDebug            bool
	RequestDebugToken       string

	// Store.
	Database                string // sqlite, postgres or off
	SQLitePath              string // absolute
	Postgres                Postgres
	DeclarativeConfig       string // path
	DeclarativeConfigString string
	DeclarativeLimit        int64 // bytes of a configuration given as a whole; 0 means any
	DBUpdateFrequency       time.Duration
	DBUpdatePropagation     time.Duration
	RevisionsKept           int // in the change log

	// DNS.
	DNS DNS

	// Hybrid mode.
	Role string

	// Management UI.
	AdminGUIURLs        []string // origins that may use the Admin API
	AdminGUIPath        string   // "/", or one without a slash at its end
	AdminGUIAPIURL      string   // empty: the UI finds the Admin API by its port
	AdminGUIAccessLog   Log
	AdminTokens         []Token // one of which its clients must have; none: anybody may use it
	AdminAllowedHosts   []string
	AdminTrustedOrigins []string

	file     string            // the file that was read, or empty
	given    map[string]string // what was set explicitly, by property
	shown    map[string]any    // what Map prints, by property
	injected map[string]string // nginx_* keys that are not properties
	unknown  []string          // keys of the file that are not properties
}

// Postgres says how to reach the database.
type Postgres struct {
	Host                 string
	Port                 int
	User                 string
	Password             string
	Database             string
	Schema               string
	Timeout              time.Duration
	SSL                  bool
	SSLVerify            bool
	MaxConcurrentQueries int
	SemaphoreTimeout     time.Duration
	Notify               bool
}

// DNS says how names are resolved.
type DNS struct {
	Servers     []string // ip:port; empty: as resolv.conf says
	HostsFile   string
	Order       []string // LAST, SRV, A, AAAA, CNAME
	ValidTTL    time.Duration
	HasValidTTL bool // dns_valid_ttl is set
	StaleTTL    time.Duration
	CacheSize   int
	NotFoundTTL time.Duration
	ErrorTTL    time.Duration
	NoSync      bool
	NewClient   bool
}

// A Log says where a log goes.
type Log struct {
	Path   string // absolute, /dev/stdout or /dev/stderr; empty: the log is off
	Format string // the word after the path, or empty
}
