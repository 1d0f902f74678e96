package settings

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A Source says where settings come from.
type Source struct {
	File    string            // of the -c flag; it must exist. Empty: the first of Files that exists
	Files   []string          // nil means DefaultFiles
	Environ []string          // KEY=value, as os.Environ gives them
	Flags   map[string]string // property to value, from the command line
}

// DefaultFiles are tried in order when no file is named.
func DefaultFiles() []string {
	return []string{"/etc/gibbon/gibbon.conf", "/etc/gibbon.conf", "/etc/kong/kong.conf", "/etc/kong.conf"}
}

// Load reads all settings. The error names every fault, one a line.
func Load(src Source) (*Settings, error) {
	file, err := src.find()
	if err != nil {
		return nil, err
	}
	given := make(map[string]string)
	if file != "" {
		if given, err = readConf(file); err != nil {
			return nil, err
		}
	}
	fromFile := slices.Sorted(maps.Keys(given))
	for _, prefix := range []string{"KONG_", "GIBBON_"} {
		for _, variable := range src.Environ {
			key, value, _ := strings.Cut(variable, "=")
			if name, ok := strings.CutPrefix(key, prefix); ok && validKey(name) && name == strings.ToUpper(name) {
				given[strings.ToLower(name)] = strings.ReplaceAll(strings.TrimSpace(value), `\#`, "#")
			}
		}
	}
	maps.Copy(given, src.Flags)
	s, err := load(given)
	if err != nil {
		return nil, err
	}
	s.file = file
	for _, key := range fromFile {
		if _, known := s.given[key]; !known && s.injected[key] == "" {
			s.unknown = append(s.unknown, key)
		}
	}
	return s, nil
}

// find returns the file to read, or "" when there is none.
func (src *Source) find() (string, error) {
	if src.File != "" {
		return filepath.Abs(src.File)
	}
	files := src.Files
	if files == nil {
		files = DefaultFiles()
	}
	for _, path := range files {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path, nil
		}
	}
	return "", nil
}

// load converts and checks what was given.
func load(given map[string]string) (*Settings, error) {
	s := &Settings{given: make(map[string]string), shown: make(map[string]any), injected: make(map[string]string)}
	var faults []error
	declared := make(map[string]bool)
	for _, p := range s.properties() {
		declared[p.name] = true
		text, ok := given[p.name]
		if ok {
			s.given[p.name] = text
		}
		if !ok || text == "" && p.needsText() {
			text = p.standard
		}
		if text == "" && p.needsText() {
			continue // stays unset
		}
		shown, err := p.apply(text)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		if _, _, ok := directive(p.name); ok {
			shown = shownText(text)
		}
		if p.hidden && shown != nil {
			shown = "******"
		}
		if shown != nil {
			s.shown[p.name] = shown
		}
	}
	for name, text := range given {
		if _, _, ok := directive(name); ok && !declared[name] {
			s.injected[name] = text
		}
	}
	if len(faults) == 0 {
		faults = append(faults, s.resolve())
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return s, nil
}

// needsText says that an empty text is no value of the property: it then has its default.
func (p *property) needsText() bool {
	return len(p.enum) > 0 && p.kind != "array" || p.kind != "string" && p.kind != "array"
}

func (s *Settings) properties() []*property {
	var all []*property
	for _, section := range s.sections() {
		all = append(all, section.properties...)
	}
	return all
}

// resolve makes paths absolute and checks what spans properties.
func (s *Settings) resolve() error {
	if s.Prefix == "" {
		prefix, err := defaultPrefix()
		if err != nil {
			return err
		}
		s.Prefix = prefix
	}
	prefix, err := filepath.Abs(s.Prefix)
	if err != nil {
		return fmt.Errorf("prefix: %w", err)
	}
	s.Prefix, s.shown["prefix"] = prefix, prefix
	for _, p := range []*string{
		&s.ProxyAccessLog.Path, &s.ProxyErrorLog.Path, &s.AdminAccessLog.Path, &s.AdminGUIAccessLog.Path,
		&s.StatusAccessLog.Path, &s.SQLitePath,
	} {
		if *p != "" {
			*p = s.Path(*p)
		}
	}
	return errors.Join(s.checkLogs(), s.checkCertificates(), s.checkNames())
}

// checkLogs refuses formats that do not exist, and fills in the default one.
func (s *Settings) checkLogs() error {
	var faults []error
	for name, l := range map[string]*Log{
		"proxy_access_log": &s.ProxyAccessLog, "admin_access_log": &s.AdminAccessLog,
		"admin_gui_access_log": &s.AdminGUIAccessLog, "status_access_log": &s.StatusAccessLog,
	} {
		l.Format = cmp.Or(l.Format, s.AccessLogFormat)
		if l.Format == "kong_log_format" { // the reference's name for its own
			l.Format = "combined"
		}
		if l.Format != "combined" && l.Format != "json" {
			faults = append(faults, fmt.Errorf("%s names an unknown format: '%s' (combined, json)", name, l.Format))
		}
	}
	return errors.Join(faults...)
}

// checkCertificates wants as many keys as certificates.
func (s *Settings) checkCertificates() error {
	var faults []error
	for name, pair := range map[string][2][]string{
		"ssl_cert":           {s.SSLCert, s.SSLCertKey},
		"admin_ssl_cert":     {s.AdminSSLCert, s.AdminSSLCertKey},
		"admin_gui_ssl_cert": {s.AdminGUISSLCert, s.AdminGUISSLCertKey},
		"status_ssl_cert":    {s.StatusSSLCert, s.StatusSSLCertKey},
	} {
		switch certs, keys := len(pair[0]), len(pair[1]); {
		case certs > 0 && keys == 0:
			faults = append(faults, fmt.Errorf("%s_key must be specified", name))
		case certs == 0 && keys > 0:
			faults = append(faults, fmt.Errorf("%s must be specified", name))
		case certs != keys:
			faults = append(faults, fmt.Errorf("%s was specified for %d certificates, but %s_key for %d keys", name, certs, name, keys))
		}
	}
	return errors.Join(faults...)
}

// guiPath is what admin_gui_path may be. Segments of dots only would be resolved by browsers.
var guiPath = regexp.MustCompile(`^(/|(/[A-Za-z0-9._~-]*[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+)$`)

// checkNames looks at texts that have a form without being an enumeration.
func (s *Settings) checkNames() error {
	var faults []error
	for _, version := range s.SSLProtocols {
		if !slices.Contains([]string{"TLSv1.1", "TLSv1.2", "TLSv1.3"}, version) {
			faults = append(faults, fmt.Errorf("ssl_protocols has an invalid value: '%s' (TLSv1.1, TLSv1.2, TLSv1.3)", version))
		}
	}
	if !guiPath.MatchString(s.AdminGUIPath) {
		faults = append(faults, fmt.Errorf("admin_gui_path must start with a slash, must not end with one, and consists of letters, digits and the characters -._~/, got '%s'", s.AdminGUIPath))
	}
	for i, server := range s.DNS.Servers {
		address, err := resolverAddress(server)
		if err != nil {
			faults = append(faults, fmt.Errorf("dns_resolver must be a comma separated list in the form of IPv4/6 or IPv4/6:port, got '%s'", server))
			continue
		}
		s.DNS.Servers[i] = address
	}
	if s.Database == "off" && s.Role == "control_plane" {
		faults = append(faults, errors.New("in-memory storage can not be used when role = \"control_plane\""))
	}
	return errors.Join(faults...)
}

// defaultPrefix is a folder that whoever starts the program can write to.
func defaultPrefix() (string, error) {
	const system = "/usr/local/gibbon"
	if os.Geteuid() == 0 {
		return system, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", errors.New("prefix is unknown, for there is no home directory: set it with -p or GIBBON_PREFIX")
	}
	return filepath.Join(home, ".gibbon"), nil
}

// Path returns name within the prefix, or name itself when it is absolute.
func (s *Settings) Path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(s.Prefix, name)
}

// Given reports whether a property was set explicitly.
func (s *Settings) Given(name string) bool {
	_, found := s.given[name]
	return found
}

// File returns the settings file that was read, or "" when there was none.
func (s *Settings) File() string { return s.file }

// Unused lists what was given without effect: unknown keys of the file, and nginx directives
// that the gateway has no use for.
func (s *Settings) Unused() []string {
	names := append(slices.Clone(s.unknown), slices.Collect(maps.Keys(s.injected))...)
	slices.Sort(names)
	return slices.Compact(names)
}

// Save writes what was given to path, readable by its owner only: it may hold secrets.
func (s *Settings) Save(path string) error {
	given := maps.Clone(s.given)
	maps.Copy(given, s.injected)
	given["prefix"] = s.Prefix
	data, err := json.MarshalIndent(given, "", "  ")
	if err != nil {
		return fmt.Errorf("save settings: %w", err)
	}
	temporary := path + ".new"
	if err := os.WriteFile(temporary, append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("save settings: %w", err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return fmt.Errorf("save settings: %w", err)
	}
	return nil
}

// LoadSaved reads what Save wrote.
func LoadSaved(path string) (*Settings, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("load saved settings: %w", err)
	}
	var given map[string]string
	if err := json.Unmarshal(data, &given); err != nil {
		return nil, fmt.Errorf("load saved settings: %s: %w", path, err)
	}
	return load(given)
}

// A Change is a property that differs between two Settings.
type Change struct {
	Name     string
	Old, New string // as written; empty when not given
	Live     bool   // takes effect without a restart
}

// Changes lists what differs from s in other, by name.
func (s *Settings) Changes(other *Settings) []Change {
	var changes []Change
	for _, p := range s.properties() {
		before, after := s.written(p), other.written(p)
		if before != after && !p.idle {
			changes = append(changes, Change{p.name, before, after, p.dynamic})
		}
	}
	slices.SortFunc(changes, func(a, b Change) int { return strings.Compare(a.Name, b.Name) })
	return changes
}

// Adopt returns settings that are as in s, except for properties that can change live: these
// are as in next.
func (s *Settings) Adopt(next *Settings) (*Settings, error) {
	given := maps.Clone(s.given)
	maps.Copy(given, s.injected)
	given["prefix"] = s.Prefix
	for _, p := range s.properties() {
		if p.dynamic {
			given[p.name] = next.written(p)
		}
	}
	adopted, err := load(given)
	if err != nil {
		return nil, err
	}
	adopted.file, adopted.unknown = s.file, s.unknown
	return adopted, nil
}

// written returns the text that counts for p.
func (s *Settings) written(p *property) string {
	if p.name == "prefix" {
		return s.Prefix
	}
	text, ok := s.given[p.name]
	if !ok || text == "" && p.needsText() {
		return p.standard
	}
	return text
}
