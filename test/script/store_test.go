package script

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
	_ "modernc.org/sqlite" // the driver that locks the store

	"gibbon/test/gateway"
)

// writesVerb makes services from eight clients until the gateway is killed, which
// happens after so many were acknowledged; -check asks for each of them.
func writesVerb(ts *testscript.TestScript, _ bool, args []string) {
	w := of(ts)
	if args[0] == "-check" {
		for _, name := range w.acked {
			if status, text, err := w.admin(http.MethodGet, "/services/"+name, "", ""); err != nil || status != http.StatusOK {
				ts.Fatalf("service %s was acknowledged: %d %s %v", name, status, text, err)
			}
		}
		fmt.Fprintf(ts.Stdout(), "all of %d there\n", len(w.acked))
		return
	}
	total, err := strconv.Atoi(args[0])
	ts.Check(err)
	enough, err := strconv.Atoi(args[2])
	ts.Check(err)
	next := make(chan int)
	var mu sync.Mutex // guards w.acked
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			for i := range next {
				name := fmt.Sprintf("write-%d", i)
				status, _, err := w.admin(http.MethodPost, "/services", "name="+name+"&host=example.test", "application/x-www-form-urlencoded")
				if err != nil || status != http.StatusCreated {
					continue
				}
				mu.Lock()
				w.acked = append(w.acked, name)
				if len(w.acked) == enough {
					go w.gateway.Kill() // the others write on
				}
				mu.Unlock()
			}
		})
	}
	for i := range total {
		next <- i
	}
	close(next)
	clients.Wait()
	fmt.Fprintf(ts.Stdout(), "%d of %d acknowledged\n", len(w.acked), total)
	if len(w.acked) < enough || len(w.acked) == total {
		ts.Fatalf("killed at %d of %d: not in the middle", len(w.acked), total)
	}
	<-w.gateway.Exited()
}

// storeVerb holds a write lock on the database file, as a backup tool or another
// process might.
func storeVerb(ts *testscript.TestScript, _ bool, args []string) {
	w := of(ts)
	if args[0] == "-unlock" {
		ts.Check(w.broken())
		return
	}
	var file string
	for _, pattern := range []string{"*.db", "*.sqlite", "*/*.db", "*/*.sqlite"} {
		if found, _ := filepath.Glob(filepath.Join(w.prefix, pattern)); len(found) > 0 { // the pattern is good
			file = found[0]
			break
		}
	}
	if file == "" {
		ts.Fatalf("no database file in the prefix")
	}
	db, err := sql.Open("sqlite", file+"?_pragma=busy_timeout(5000)")
	ts.Check(err)
	conn, err := db.Conn(w.ctx)
	ts.Check(err)
	_, err = conn.ExecContext(w.ctx, "BEGIN IMMEDIATE")
	ts.Check(err)
	w.broken = func() error {
		_, err := conn.ExecContext(w.ctx, "ROLLBACK")
		return errors.Join(err, conn.Close(), db.Close())
	}
}

// diskVerb fills the file system of the prefix, which must be one of its own
// (gateway TMPFS=…), and frees it again.
func diskVerb(ts *testscript.TestScript, _ bool, args []string) {
	w := of(ts)
	ballast := filepath.Join(fmt.Sprintf("/proc/%d/root", w.gateway.PID()), w.prefix, "ballast")
	if args[0] == "-free" {
		ts.Check(os.Remove(ballast))
		return
	}
	file, err := os.Create(ballast)
	ts.Check(err)
	defer file.Close()
	for _, size := range []int{64 << 10, 4 << 10, 512, 1} {
		for {
			if _, err := file.Write(make([]byte, size)); errors.Is(err, syscall.ENOSPC) {
				break
			} else if err != nil {
				ts.Fatalf("%v", err)
			}
		}
	}
	// What the store has reserved it may still use: write until it cannot.
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	n := 0
	ts.Check(gateway.Poll(ctx, func() error {
		n++
		name := fmt.Sprintf("full-%d", n)
		status, text, err := w.admin(http.MethodPost, "/services", "name="+name+"&host=h"+strings.Repeat("x", 200)+".test", "application/x-www-form-urlencoded")
		switch {
		case err != nil:
			return err
		case status == http.StatusCreated:
			w.acked = append(w.acked, name)
			return errors.New("writes still succeed")
		case status < 500:
			return fmt.Errorf("%w: status %d: %s", gateway.ErrGone, status, text)
		}
		fmt.Fprintf(ts.Stdout(), "%d %s\n", status, text)
		if status, _, err := w.admin(http.MethodGet, "/services/"+name, "", ""); err != nil || status != http.StatusNotFound {
			return fmt.Errorf("%w: the refused service is there: %d %w", gateway.ErrGone, status, err)
		}
		return nil
	}))
}
