package declarative_test

import (
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
	"time"

	"gibbon/control/declarative"
	"gibbon/control/store/memory"
	"gibbon/entity"
)

// manyRoutes is a file of services with ten routes each.
func manyRoutes(services int, head, service, route, between, end, tail string) []byte {
	var b strings.Builder
	b.WriteString(head)
	for s := range services {
		if s > 0 {
			b.WriteString(between)
		}
		fmt.Fprintf(&b, service, s)
		for r := range 10 {
			if r > 0 {
				b.WriteString(between)
			}
			fmt.Fprintf(&b, route, s*10+r)
		}
		b.WriteString(end)
	}
	b.WriteString(tail)
	return []byte(b.String())
}

func jsonFile(services int) []byte {
	return manyRoutes(services, `{"_format_version":"3.0","services":[`,
		`{"name":"service-%d","host":"127.0.0.1","port":1,"routes":[`,
		`{"name":"route-%d","paths":["/large/%[1]d"]}`, ",", "]}", "]}")
}

func yamlFile(services int) []byte {
	return manyRoutes(services, "_format_version: \"3.0\"\nservices:\n",
		"- name: service-%d\n  host: 127.0.0.1\n  port: 1\n  routes:\n",
		"  - name: route-%d\n    paths:\n    - /large/%[1]d\n", "", "", "")
}

// BenchmarkStart measures what a gateway without a database does with its file:
// parsing it, and putting its 22,000 entities in force.
func BenchmarkStart(b *testing.B) {
	const services = 2000
	for name, text := range map[string][]byte{"json": jsonFile(services), "yaml": yamlFile(services)} {
		b.Run("parse/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := declarative.Parse(name, text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	d, err := declarative.Parse("json", jsonFile(services))
	if err != nil {
		b.Fatal(err)
	}
	loader := declarative.Loader{Kinds: entity.NewKinds(entity.Options{}), Now: time.Now, Random: rand.Reader}
	b.Run("load", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := loader.Load(d.Tree); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("replace", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			node := declarative.Node{Loader: loader, Store: memory.New(memory.Options{})}
			if _, err := node.Replace(b.Context(), "bench", d.Tree, d.Hash); err != nil {
				b.Fatal(err)
			}
		}
	})
}
