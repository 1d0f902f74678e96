package gateway

import (
	"context"
	"fmt"
	"os/exec"
)

// Command runs another command of the program to its end, in the prefix and with
// the settings of o, and returns what it wrote to its standard output.
func Command(ctx context.Context, o Options, arguments ...string) ([]byte, error) {
	command := exec.CommandContext(ctx, o.Binary, arguments...)
	command.Env = append(environment(o.Env), "GIBBON_PREFIX="+o.Prefix)
	problems := new(output)
	command.Stderr = problems
	out, err := command.Output()
	if err != nil {
		return out, fmt.Errorf("gibbon %v: %w\n%s%s", arguments, err, out, problems)
	}
	return out, nil
}
