package postgres

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Settings are those of a gateway, without prefix, that keeps its configuration in
// a database of this server.
func (s *Server) Settings(database string) map[string]string {
	return map[string]string{
		"DATABASE": "postgres", "PG_HOST": Host, "PG_PORT": strconv.Itoa(s.Port), "PG_USER": User, "PG_PASSWORD": Password,
		"PG_DATABASE": database, "PG_TIMEOUT": "2000",
	}
}

// Crash kills every process of the server with SIGKILL.
func (s *Server) Crash() error {
	all := []int{s.command.Process.Pid}
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", all[0]))
	if err != nil {
		return err
	}
	for _, list := range lists {
		text, err := os.ReadFile(list)
		if err != nil {
			return err
		}
		for word := range strings.FieldsSeq(string(text)) {
			pid, err := strconv.Atoi(word)
			if err != nil {
				return err
			}
			all = append(all, pid)
		}
	}
	for _, pid := range all {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
	}
	_ = s.command.Wait() // that it was killed is no error
	return s.guard.Close()
}
