//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"gibbon/test/postgres"
)

// pushed is how many entities ten clients put.
const pushed = 10_000

// storeFigure is a row of the table.
type storeFigure struct{ what, of string }

// stores measures writes, reads, the start and the memory with SQLite and with
// PostgreSQL, both of which write through to the disk.
func stores(ctx context.Context, o options) error {
	path, err := filepath.Abs(o.gibbon)
	if err != nil {
		return err
	}
	wanted := func(name string) bool { return o.only == "" || o.only == name }
	var names []string
	figures := map[string][]storeFigure{}
	if wanted("SQLite") {
		names = append(names, "SQLite")
		figures["SQLite"], err = measureStore(ctx, path, o, func(context.Context) ([]string, error) { return nil, nil })
		if err != nil {
			return fmt.Errorf("SQLite: %w", err)
		}
	}
	if wanted("PostgreSQL") {
		server, err := syncingServer(ctx)
		switch {
		case errors.Is(err, postgres.ErrMissing):
			fmt.Fprintln(os.Stderr, "bench:", err)
		case err != nil:
			return err
		default:
			defer server.Remove()
			names = append(names, "PostgreSQL")
			figures["PostgreSQL"], err = measureStore(ctx, path, o, func(ctx context.Context) ([]string, error) { return newDatabase(ctx, path, server) })
			if err != nil {
				return fmt.Errorf("PostgreSQL: %w", err)
			}
		}
	}
	var out strings.Builder
	if len(names) > 0 {
		table(&out, names, figures)
	}
	if wanted("file") {
		files, err := startWithFiles(ctx, path, o)
		if err != nil {
			return fmt.Errorf("start with a file: %w", err)
		}
		out.WriteString("\n")
		table(&out, []string{"file"}, map[string][]storeFigure{"file": files})
	}
	fmt.Fprintf(&out, "\n%s\n", machine(ctx))
	return publish(o.write, "store", out.String())
}

// table writes the figures, which have the same rows, next to each other.
func table(out *strings.Builder, names []string, figures map[string][]storeFigure) {
	fmt.Fprintf(out, "| | %s |\n|---%s|\n", strings.Join(names, " | "), strings.Repeat("|---", len(names)))
	for i, row := range figures[names[0]] {
		fmt.Fprintf(out, "| %s |", row.what)
		for _, name := range names {
			fmt.Fprintf(out, " %s |", figures[name][i].of)
		}
		out.WriteString("\n")
	}
}

// syncingServer is a server that does not answer before the disk has it.
func syncingServer(ctx context.Context) (*postgres.Server, error) {
	server, err := postgres.New(ctx)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(server.Stop(), server.Start(ctx, "fsync=on")); err != nil {
		server.Remove()
		return nil, err
	}
	return server, nil
}

// newDatabase makes a database with tables and returns the settings that name it.
func newDatabase(ctx context.Context, binary string, server *postgres.Server) ([]string, error) {
	name, err := server.NewDatabase(ctx)
	if err != nil {
		return nil, err
	}
	var env []string
	settings := server.Settings(name)
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		env = append(env, "GIBBON_"+key+"="+settings[key])
	}
	dir, err := os.MkdirTemp("", "bench-migrations-")
	if err != nil {
		return nil, err
	}
	bootstrap := exec.CommandContext(ctx, binary, "migrations", "bootstrap", "-p", dir)
	bootstrap.Env = append(os.Environ(), env...)
	out, err := bootstrap.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("migrations bootstrap: %w\n%s", err, out)
	}
	return env, errors.Join(err, os.RemoveAll(dir))
}

// measureStore measures one kind of store; fresh makes an empty one.
func measureStore(ctx context.Context, binary string, o options, fresh func(context.Context) ([]string, error)) ([]storeFigure, error) {
	var figures []storeFigure
	for _, measure := range []func(context.Context, *storeNode, options) ([]storeFigure, error){measureWrites, measurePush, measureLarge} {
		env, err := fresh(ctx)
		if err != nil {
			return nil, err
		}
		dir, err := os.MkdirTemp("", "bench-store-")
		if err != nil {
			return nil, err
		}
		n := &storeNode{binary: binary, dir: dir, env: env}
		err = n.start(ctx)
		if err == nil {
			var more []storeFigure
			if more, err = measure(ctx, n, o); err != nil {
				err = n.failed(err)
			}
			figures = append(figures, more...)
			for _, f := range more {
				fmt.Fprintf(os.Stderr, "%s: %s\n", f.what, f.of)
			}
		}
		if n.process != nil {
			n.stop()
		}
		if err = errors.Join(err, os.RemoveAll(dir)); err != nil {
			return nil, err
		}
	}
	return figures, nil
}

// A storeNode is a gateway with a store.
type storeNode struct {
	*process

	binary, dir string
	env         []string
}

// Where a storeNode listens, beside gibbonAdmin.
const (
	storeProxy  = "127.0.0.1:19180"
	storeStatus = "127.0.0.1:19182"
)

// start starts the gateway on all cores and waits until it serves.
func (n *storeNode) start(ctx context.Context, env ...string) error {
	all := slices.Concat([]string{
		"GIBBON_PROXY_LISTEN=" + storeProxy, "GIBBON_ADMIN_LISTEN=" + gibbonAdmin, "GIBBON_STATUS_LISTEN=" + storeStatus,
		"GIBBON_ADMIN_GUI_LISTEN=off", "GIBBON_ADMIN_ACCESS_LOG=off", "GIBBON_NGINX_ADMIN_CLIENT_MAX_BODY_SIZE=0",
	}, n.env, env)
	var err error
	if n.process, err = launch(ctx, n.dir, fmt.Sprint("0-", runtime.NumCPU()-1), all, n.binary, "start", "-p", n.dir); err != nil {
		return err
	}
	return n.answers(ctx, "http://"+gibbonAdmin+"/status")
}

// measureWrites counts how many services are made in a second.
func measureWrites(ctx context.Context, _ *storeNode, o options) ([]storeFigure, error) {
	var figures []storeFigure
	for _, clients := range []int{1, 8, 64} {
		begun, made := time.Now(), 0
		err := inParallel(ctx, clients, func(w *adminWriter, _ int) (bool, error) {
			return time.Since(begun) < o.length, w.write("POST", "/services", `{"host":"target.test","tags":["bench"]}`)
		}, &made)
		if err != nil {
			return nil, err
		}
		figures = append(figures, storeFigure{
			fmt.Sprintf("writes per second, clients: %d", clients), number(float64(made) / time.Since(begun).Seconds()),
		})
	}
	return figures, nil
}

// measurePush has ten clients put entities under ids of their own, as decK does.
func measurePush(ctx context.Context, _ *storeNode, _ options) ([]storeFigure, error) {
	begun := time.Now()
	for _, part := range []struct{ from, to int }{{0, pushed / 10}, {pushed / 10, pushed}} { // services, then their routes
		var made int
		err := inParallel(ctx, 10, func(w *adminWriter, n int) (bool, error) {
			if n += part.from; n >= part.to {
				return false, nil
			}
			path, body := "/services/"+entityID('a', n), fmt.Sprintf(`{"name":"s%d","host":"target.test"}`, n)
			if part.from > 0 {
				path, body = "/routes/"+entityID('b', n), fmt.Sprintf(`{"name":"r%d","paths":["/r%d"],"service":{"id":%q}}`, n, n, entityID('a', n%(pushed/10)))
			}
			return true, w.write("PUT", path, body)
		}, &made)
		if err != nil {
			return nil, err
		}
	}
	return []storeFigure{{fmt.Sprintf("PUT of %d entities by ten clients", pushed), fmt.Sprintf("%.1f s", time.Since(begun).Seconds())}}, nil
}

func entityID(kind byte, n int) string { return fmt.Sprintf("%c0000000-0000-4000-8000-%012d", kind, n) }
