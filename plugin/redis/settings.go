// Package redis is how plugins reach a Redis server, or one that speaks its
// protocol: the settings that they share, and connections that answer in time.
package redis

import (
	"gibbon/entity"
	"gibbon/schema"
)

// Settings say where a Redis server is and how to speak with it.
type Settings struct {
	Host       string
	Port       int
	Timeout    int64 // milliseconds
	Username   string
	Password   *string
	Database   int
	SSL        bool
	SSLVerify  bool
	ServerName string
}

// Fields declares the fields of the record.
func (s *Settings) Fields() schema.Fields {
	return schema.Fields{
		schema.String("host", &s.Host).Check(entity.CheckHost).Doc("Host name or address of the server."),
		schema.Number("port", &s.Port).Default(6379).Between(0, 65535).Doc("Port of the server."),
		schema.Number("timeout", &s.Timeout).Default(2000).Between(0, 1<<31-2).
			Doc("Milliseconds that a request waits for Redis at most, connecting included."),
		schema.String("username", &s.Username).Referenceable().
			Doc("The user of Redis 6 and later; without one only the password is sent."),
		schema.NullString("password", &s.Password).Referenceable().Encrypted().Doc("The password; without one there is no AUTH."),
		schema.Number("database", &s.Database).Default(0).Doc("Number of the database."),
		schema.Bool("ssl", &s.SSL).Default(false).Optional().Doc("Whether to use TLS."),
		schema.Bool("ssl_verify", &s.SSLVerify).Default(false).Optional().Doc("Whether the server's certificate must be valid."),
		schema.String("server_name", &s.ServerName).Optional().Check(entity.CheckSNI).
			Doc("The name in the server's certificate, sent as SNI; by default the host."),
	}
}

// OldNames declares the names that the fields had before they were a record.
// plugin is who has them.
func OldNames(plugin string, s *Settings) schema.Fields {
	old := oldNames{plugin}
	return schema.Fields{
		describe(old, schema.String("redis_host", &s.Host), "host"),
		describe(old, schema.Number("redis_port", &s.Port), "port"),
		describe(old, schema.NullString("redis_password", &s.Password), "password"),
		describe(old, schema.String("redis_username", &s.Username), "username"),
		describe(old, schema.Bool("redis_ssl", &s.SSL), "ssl"),
		describe(old, schema.Bool("redis_ssl_verify", &s.SSLVerify), "ssl_verify"),
		describe(old, schema.String("redis_server_name", &s.ServerName), "server_name"),
		describe(old, schema.Number("redis_timeout", &s.Timeout), "timeout"),
		describe(old, schema.Number("redis_database", &s.Database), "database"),
	}
}

type oldNames struct{ plugin string }

func describe[T any](o oldNames, f *schema.Value[T], name string) *schema.Value[T] {
	message := o.plugin + ": config.redis_" + name + " is deprecated, please use config.redis." + name + " instead"
	return f.Expand(func(v any) map[string]any {
		return map[string]any{"redis": map[string]any{name: v}}
	}).Deprecated(schema.Deprecation{ReplacedWith: [][]string{{"redis", name}}, Message: message, RemovedIn: "4.0"})
}
