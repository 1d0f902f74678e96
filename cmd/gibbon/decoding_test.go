package main

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"gibbon/control/store"
	"gibbon/entity"
)

// TestDecodingKeepsTheOrder gives it few rows and many.
func TestDecodingKeepsTheOrder(t *testing.T) {
	t.Parallel()
	for _, rows := range []int{0, 1, decodedTogether, 10*decodedTogether + 3} {
		d := &decoding{kinds: entity.NewKinds(entity.Options{})}
		for n := range rows {
			id := fmt.Sprintf("00000000-0000-4000-8000-%012d", n)
			for _, kind := range []string{"services", "of another version"} {
				if err := d.add(store.Row{Kind: kind, ID: id, Expires: int64(n), Doc: []byte(`{"id":"` + id + `"}`)}); err != nil {
					t.Fatal(err)
				}
			}
		}
		changes, err := d.end()
		if err != nil || len(changes) != rows {
			t.Fatalf("%d rows: %d changes, %v", rows, len(changes), err)
		}
		for n, c := range changes {
			if s, ok := c.Entity.(*entity.Service); !ok || s.ID != c.ID || c.Kind != "services" || c.Expires != int64(n) {
				t.Fatalf("row %d is %+v", n, c)
			}
		}
	}
}

// TestDecodingTellsTheFirstFault has two among many.
func TestDecodingTellsTheFirstFault(t *testing.T) {
	t.Parallel()
	d := &decoding{kinds: entity.NewKinds(entity.Options{})}
	for n := range 10 * decodedTogether {
		doc := "{}"
		if n == 700 || n == 2000 {
			doc = "{"
		}
		if err := d.add(store.Row{Kind: "services", ID: strconv.Itoa(n), Doc: []byte(doc)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.end(); err == nil || !strings.HasPrefix(err.Error(), "stored services 700: ") {
		t.Errorf("the error is %v", err)
	}
}
