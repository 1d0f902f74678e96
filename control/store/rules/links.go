package rules

import (
	"encoding/binary"
	"errors"

	"gibbon/control/store"
)

// AppendLinks encodes the keys, references and tags of p, for a store to keep beside a row:
// three lists of strings, each string preceded by its length.
func AppendLinks(b []byte, p *store.Put) []byte {
	b = binary.AppendUvarint(b, uint64(len(p.Keys)))
	for _, key := range p.Keys {
		b = appendStrings(b, key.Name, key.Value)
	}
	b = binary.AppendUvarint(b, uint64(len(p.Refs)))
	for _, ref := range p.Refs {
		cascade := ""
		if ref.Cascade {
			cascade = "cascade"
		}
		b = appendStrings(b, ref.Field, ref.Kind, ref.ID, cascade)
	}
	b = binary.AppendUvarint(b, uint64(len(p.Tags)))
	return appendStrings(b, p.Tags...)
}

func appendStrings(b []byte, list ...string) []byte {
	for _, s := range list {
		b = append(binary.AppendUvarint(b, uint64(len(s))), s...)
	}
	return b
}

// ReadLinks decodes what AppendLinks made into p.
func ReadLinks(b []byte, p *store.Put) error {
	r := &linkReader{rest: b}
	for range r.count() {
		p.Keys = append(p.Keys, store.Key{Name: r.string(), Value: r.string()})
	}
	for range r.count() {
		p.Refs = append(p.Refs, store.Ref{Field: r.string(), Kind: r.string(), ID: r.string(), Cascade: r.string() != ""})
	}
	for range r.count() {
		p.Tags = append(p.Tags, r.string())
	}
	if r.broken || len(r.rest) > 0 {
		return errors.New("the links of a row are damaged")
	}
	return nil
}

type linkReader struct {
	rest   []byte
	broken bool
}

// count reads a number that is at most the number of bytes left: every string
// takes at least one.
func (r *linkReader) count() int {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 || n > uint64(len(r.rest)-size) {
		r.broken, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[size:]
	return int(n)
}

func (r *linkReader) string() string {
	n := r.count()
	s := string(r.rest[:n])
	r.rest = r.rest[n:]
	return s
}
