package manager

import (
	"encoding/json"
	"io/fs"
	"os"
	"testing"

	"gibbon/ui"
)

// What a browser loads, in bytes as it comes through the wire with gzip.
const (
	firstLoad = 130_000 // scripts, styles and the font
	lazyPage  = 60_000  // what a page adds
	packages  = 80      // that are in the build, at most
)

// A chunk is a file of the build, as Vite's manifest tells of it.
type chunk struct {
	File           string
	Imports, CSS   []string
	Assets         []string
	DynamicImports []string
	IsEntry        bool
	IsDynamicEntry bool
}

func TestBudgets(t *testing.T) {
	t.Parallel()
	files := ui.Build()
	if files == nil {
		t.Skip("built without the UI")
	}
	text, err := fs.ReadFile(files, "manifest.json")
	if err != nil {
		t.Fatal(err)
	}
	var chunks map[string]chunk
	if err := json.Unmarshal(text, &chunks); err != nil {
		t.Fatal(err)
	}
	first := map[string]int64{}
	for name, c := range chunks {
		if c.IsEntry {
			collect(t, files, chunks, name, first)
		}
	}
	loaded := sum(first)
	t.Logf("first load: %d bytes of %d", loaded, firstLoad)
	if loaded == 0 || loaded > firstLoad {
		t.Errorf("the first load is %d bytes, %d are allowed: %v", loaded, firstLoad, first)
	}
	for name, c := range chunks {
		if !c.IsDynamicEntry {
			continue
		}
		page := map[string]int64{}
		collect(t, files, chunks, name, page)
		for file := range first {
			delete(page, file)
		}
		t.Logf("%s: %d bytes", name, sum(page))
		if sum(page) > lazyPage {
			t.Errorf("%s loads %d bytes, %d are allowed: %v", name, sum(page), lazyPage, page)
		}
	}
}

// collect adds the files that a chunk needs to be loaded, with their sizes.
func collect(t *testing.T, files fs.FS, chunks map[string]chunk, name string, into map[string]int64) {
	t.Helper()
	c := chunks[name]
	if _, ok := into[c.File]; ok {
		return
	}
	for _, file := range append(append([]string{c.File}, c.CSS...), c.Assets...) {
		info, err := fs.Stat(files, file+".gz")
		if err != nil {
			info, err = fs.Stat(files, file) // not worth compressing
		}
		if err != nil {
			t.Fatal(err)
		}
		into[file] = info.Size()
	}
	for _, other := range c.Imports {
		collect(t, files, chunks, other, into)
	}
}

func sum(sizes map[string]int64) (all int64) {
	for _, size := range sizes {
		all += size
	}
	return all
}

func TestProductionPackages(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../ui/package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	var lock struct {
		Packages map[string]struct{ Dev, Optional bool }
	}
	if err := json.Unmarshal(text, &lock); err != nil {
		t.Fatal(err)
	}
	n := 0
	for name, p := range lock.Packages {
		if name != "" && !p.Dev {
			n++
		}
	}
	t.Logf("%d packages", n)
	if n == 0 || n > packages {
		t.Errorf("%d packages are in the build, %d are allowed", n, packages)
	}
}
