// Package lastknown keeps a copy of the configuration in a file of this node, so
// that it can serve when its database cannot be reached at the start.
package lastknown

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"gibbon/control/store"
)

// header begins a file. Another version of the format has another one.
const header = "gibbon last known configuration 1\n"

// ErrDamaged says that a file is not what Write wrote.
var ErrDamaged = errors.New("the last known configuration is damaged")

// longest is how long a string in a file may be. Greater lengths are damage.
const longest = 1 << 30

// Write writes the rows of some kinds, as r shows them, into a file. The file is
// there whole or not at all. Only its owner may read it: it holds secrets.
func Write(ctx context.Context, file string, r store.Reader, kinds []string) (err error) {
	f, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*")
	if err != nil {
		return fmt.Errorf("keep the configuration: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name()) // err says what happened
			err = fmt.Errorf("keep the configuration: %w", err)
		}
	}()
	err = write(ctx, f, r, kinds)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}

func write(ctx context.Context, to io.Writer, r store.Reader, kinds []string) error {
	if _, err := io.WriteString(to, header); err != nil {
		return err
	}
	packed, err := gzip.NewWriterLevel(to, gzip.BestSpeed) // its checksum guards all
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(packed, 1<<16)
	number, err := r.Latest(ctx)
	if err != nil {
		return err
	}
	buffer := binary.AppendVarint(nil, number)
	if _, err := w.Write(buffer); err != nil {
		return err
	}
	for _, kind := range kinds {
		err := r.Each(ctx, kind, func(row store.Row) error {
			buffer = appendString(buffer[:0], row.Kind)
			buffer = appendString(buffer, row.ID)
			buffer = binary.AppendVarint(binary.AppendVarint(buffer, row.Revision), row.Expires)
			buffer = binary.AppendUvarint(buffer, uint64(len(row.Doc)))
			if _, err := w.Write(buffer); err != nil {
				return err
			}
			_, err := w.Write(row.Doc)
			return err
		})
		if err != nil {
			return err
		}
	}
	if _, err := w.Write(appendString(nil, "")); err != nil { // no kind: the end
		return err
	}
	return errors.Join(w.Flush(), packed.Close())
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// Load calls f with every row in a file that has not expired by now, and returns
// the number of the revision that they are of. Without a file the error is
// os.ErrNotExist. Rows are only good when it returns no error.
func Load(file string, now time.Time, f func(store.Row) error) (number int64, err error) {
	opened, err := os.Open(file)
	if err != nil {
		return 0, err
	}
	defer func() { _ = opened.Close() }() // only read
	return read(bufio.NewReaderSize(opened, 1<<16), now.Unix(), f)
}

func read(from *bufio.Reader, now int64, f func(store.Row) error) (int64, error) {
	begin := make([]byte, len(header))
	if _, err := io.ReadFull(from, begin); err != nil || string(begin) != header {
		return 0, ErrDamaged
	}
	packed, err := gzip.NewReader(from)
	if err != nil {
		return 0, damaged(err)
	}
	r := bufio.NewReaderSize(packed, 1<<16)
	number, err := binary.ReadVarint(r)
	if err != nil || number < 0 {
		return 0, damaged(err)
	}
	for {
		row, end, err := readRow(r)
		if err != nil {
			return 0, damaged(err)
		}
		if end {
			break
		}
		if row.Expires != 0 && row.Expires <= now {
			continue
		}
		if err := f(row); err != nil {
			return 0, err
		}
	}
	if _, err := r.ReadByte(); !errors.Is(err, io.EOF) { // which also checks the sum
		return 0, damaged(err)
	}
	return number, nil
}

func damaged(err error) error { return fmt.Errorf("%w: %w", ErrDamaged, err) }

func readRow(r *bufio.Reader) (row store.Row, end bool, err error) {
	kind, err := readBytes(r)
	if err != nil || len(kind) == 0 {
		return row, err == nil, err
	}
	id, errID := readBytes(r)
	revision, errRevision := binary.ReadVarint(r)
	expires, errExpires := binary.ReadVarint(r)
	doc, errDoc := readBytes(r)
	row = store.Row{Kind: string(kind), ID: string(id), Revision: revision, Expires: expires, Doc: doc}
	return row, false, errors.Join(errID, errRevision, errExpires, errDoc)
}

// readBytes reads a length and as many bytes. Memory is taken as they come, not
// as the length promises.
func readBytes(r *bufio.Reader) ([]byte, error) {
	n, err := binary.ReadUvarint(r)
	if err != nil {
		return nil, err
	}
	if n > longest {
		return nil, errors.New("too long")
	}
	if n <= 1<<16 {
		b := make([]byte, n)
		_, err = io.ReadFull(r, b)
		return b, err
	}
	b, err := io.ReadAll(io.LimitReader(r, int64(n)))
	if err == nil && uint64(len(b)) != n {
		err = io.ErrUnexpectedEOF
	}
	return b, err
}

// A Keeper writes a file after changes.
type Keeper struct {
	db      store.Store
	file    string
	kinds   []string
	log     *slog.Logger
	dirty   chan struct{}
	stop    context.CancelFunc
	running sync.WaitGroup
}

// settle is how long after a change the file is written, so that one of many is
// written once. Large ones also take at most a twentieth of the time.
const settle = time.Second

// lastChance is how long Close may write.
const lastChance = time.Second

// Keep writes the file soon after each revision of db, until Close. Changed has
// it written once without one.
func Keep(db store.Store, file string, kinds []string, log *slog.Logger) *Keeper {
	ctx, stop := context.WithCancel(context.Background())
	k := &Keeper{db: db, file: file, kinds: kinds, log: log, dirty: make(chan struct{}, 1), stop: stop}
	db.OnCommit(func(store.Revision) { k.Changed() })
	k.running.Go(func() { k.run(ctx) })
	return k
}

// Changed says that the file is out of date.
func (k *Keeper) Changed() {
	select {
	case k.dirty <- struct{}{}:
	default:
	}
}

func (k *Keeper) run(ctx context.Context) {
	pause := settle
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(lastChance, cancel) })()
	for {
		select {
		case <-ctx.Done():
			return
		case <-k.dirty:
		}
		select {
		case <-ctx.Done(): // what follows is the last chance
		case <-time.After(pause):
		}
		select {
		case <-k.dirty: // that came meanwhile
		default:
		}
		began := time.Now()
		err := k.db.View(work, func(r store.Reader) error { return Write(work, k.file, r, k.kinds) })
		pause = max(settle, 20*time.Since(began))
		switch {
		case errors.Is(err, store.ErrUnavailable): // it is told of a change again
		case err != nil && work.Err() == nil:
			k.log.Error("the last known configuration is not kept", "file", k.file, "error", err)
		}
	}
}

// Close writes what is out of date, and ends.
func (k *Keeper) Close() {
	k.stop()
	k.running.Wait()
}
