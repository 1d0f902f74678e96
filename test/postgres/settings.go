package postgres

import "strconv"

// Settings are those of a gateway, without prefix, that keeps its configuration in
// a database of this server.
func (s *Server) Settings(database string) map[string]string {
	return map[string]string{
		"DATABASE": "postgres", "PG_HOST": Host, "PG_PORT": strconv.Itoa(s.Port), "PG_USER": User, "PG_PASSWORD": Password,
		"PG_DATABASE": database, "PG_TIMEOUT": "2000",
	}
}
