package schema

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"
)

// A Stamp fills in automatic values: ids, secrets and times.
type Stamp struct {
	Now    func() time.Time
	Random io.Reader // crypto/rand.Reader, or a fixed source in tests

	// Derived says that records come from an export: what a Deriver would make
	// of them has been made.
	Derived bool
}

// A Deriver is a Record in which something is kept in another form than bodies
// have it, such as a password, or follows from other fields.
type Deriver interface {
	// Derive is called once for each body, when it is valid and has its
	// automatic values.
	Derive(random io.Reader) error
}

// Create fills the automatic fields of a new record that the body left out; the
// time of the last change is always set.
func (s Stamp) Create(r Record) error {
	for _, f := range r.Fields() {
		a := f.declared().auto
		if a == notAuto || a != autoUpdated && f.tree() != nil {
			continue
		}
		switch a {
		case autoUUID:
			id, err := NewUUID(s.Random)
			if err != nil {
				return err
			}
			f.put(id)
		case autoSecret:
			secret, err := newSecret(s.Random)
			if err != nil {
				return err
			}
			f.put(secret)
		default:
			f.put(s.now(f))
		}
	}
	return s.derive(r)
}

func (s Stamp) derive(r Record) error {
	if d, ok := as[Deriver](r); ok && !s.Derived {
		return d.Derive(s.Random)
	}
	return nil
}

// Update sets the time of the last change.
func (s Stamp) Update(r Record) error {
	for _, f := range r.Fields() {
		switch a := f.declared().auto; {
		case a == autoUpdated, a == autoCreated && f.tree() == nil:
			f.put(s.now(f))
		}
	}
	return s.derive(r)
}

// CreatedAt is when r was made, in Unix seconds; 0 when that is not known.
func CreatedAt(r Record) float64 {
	for _, f := range r.Fields() {
		if f.declared().auto == autoCreated {
			seconds, _ := asFloat(f.tree())
			return seconds
		}
	}
	return 0
}

// now is the present in seconds, with milliseconds for a field that can hold
// them.
func (s Stamp) now(f Field) json.Number {
	now := s.Now()
	if f.declared().kind == "number" {
		return number(float64(now.UnixMilli()) / 1000)
	}
	return json.Number(strconv.FormatInt(now.Unix(), 10))
}

// NewUUID makes a UUID of version 4.
func NewUUID(random io.Reader) (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("make a UUID: %w", err)
	}
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:], nil
}

// newSecret makes 32 letters and digits out of 24 bytes; the two that base64
// adds to these are replaced by digits that depend on their place.
func newSecret(random io.Reader) (string, error) {
	var b [24]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("make a secret: %w", err)
	}
	text := []byte(base64.RawStdEncoding.EncodeToString(b[:]))
	for i, c := range text {
		if c == '+' || c == '/' {
			text[i] = '0' + (b[i%len(b)]+byte(i))%10
		}
	}
	return string(text), nil
}
