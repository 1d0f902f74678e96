package proxy

import (
	"testing"
)

func TestRepliesMayTellDateAndServer(t *testing.T) {
	x := new(exchange)
	x.seen.Response.Set("date", "then")
	if !x.told("Date") || x.told("Server") {
		t.Error("the fields of a reply are not seen")
	}
	x.seen.Response.Arrive(502, nil, false)
	if x.told("Date") {
		t.Error("the fields of an answer that arrived are taken for those of a reply")
	}
}
