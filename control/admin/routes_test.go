package admin

import (
	"strings"
	"testing"
)

func TestLookup(t *testing.T) {
	var root routeNode
	for _, path := range []string{
		"/", "/services", "/services/{s}", "/services/{s}/routes", "/upstreams/{u}/targets/{t}", "/upstreams/{u}/targets/all",
		"/upstreams/{u}/targets/{t}/{a}/healthy", "/upstreams/{u}/targets/{t}/healthy",
	} {
		root.add(path, methods{})
	}
	root.add("/targets", nil)
	tests := []struct{ path, want string }{ // want: template and parameters
		{"/", "/"},
		{"/services", "/services"},
		{"/services/", "/services"},
		{"/services/a", "/services/{s} a"},
		{"/services/a/", "/services/{s} a"},
		{"/services/a%20%C3%A9%2f", "/services/{s} a é/"},
		{"/services/a+b", "/services/{s} a+b"},
		{"/services/a/routes", "/services/{s}/routes a"},
		{"/services//", ""},
		{"//services", ""},
		{"//", ""},
		{"/services//routes", ""},
		{"/Services", ""},
		{"/%73ervices", ""},
		{"/services/a/%72outes", ""},
		{"/services/a/nope", ""},
		{"/targets", ""},
		{"", ""},
		{"*", ""},
		{"/upstreams/u/targets/all", "/upstreams/{u}/targets/all u"},
		{"/upstreams/u/targets/all/healthy", "/upstreams/{u}/targets/{t}/healthy u all"},
		{"/upstreams/u/targets/h:1/healthy", "/upstreams/{u}/targets/{t}/healthy u h:1"},
		{"/upstreams/u/targets/h:1/1.2.3.4:5/healthy", "/upstreams/{u}/targets/{t}/{a}/healthy u h:1 1.2.3.4:5"},
		{"/default", "/"},
		{"/default/", "/"},
		{"/default/services", "/services"},
		{"/default/default/services", ""},
		{"/default//services", ""},
		{"/defaults/services", ""},
	}
	for _, tt := range tests {
		got := ""
		if n, params := root.lookup(tt.path); n != nil {
			got = strings.Join(append([]string{n.name}, params...), " ")
		}
		if got != tt.want {
			t.Errorf("lookup(%q) = %q, want %q", tt.path, got, tt.want)
		}
	}
}

func TestEndpointsAreSortedBySegment(t *testing.T) {
	var root routeNode
	for _, path := range []string{"/key-sets", "/services/{s}", "/key-sets/{k}/keys", "/keys", "/services", "/", "/key-sets/{k}"} {
		root.add(path, methods{})
	}
	got := strings.Join(root.endpoints(), " ")
	if want := "/ /key-sets /key-sets/{k} /key-sets/{k}/keys /keys /services /services/{s}"; got != want {
		t.Errorf("endpoints = %s, want %s", got, want)
	}
}
