package ui

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The build is made by Node and used by Go. What it was made of is written
// beside it, so that Go can tell whether it is out of date.
func TestBuildIsFresh(t *testing.T) {
	written, err := os.ReadFile("dist/sources.sha256")
	if err != nil {
		t.Fatal(err)
	}
	if want := sourcesHash(t); strings.TrimSpace(string(written)) != want {
		t.Errorf("ui/dist was built from other sources (%s, now %s): run make ui", strings.TrimSpace(string(written)), want)
	}
}

// sourcesHash is what build/sources.ts computes: a hash of the names and hashes of all sources.
func sourcesHash(t *testing.T) string {
	t.Helper()
	files := []string{"index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts"}
	for _, dir := range []string{"build", "src"} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && !strings.HasSuffix(path, ".test.ts") {
				files = append(files, filepath.ToSlash(path))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(files)
	all := sha256.New()
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(content)
		fmt.Fprintf(all, "%s %s\n", hex.EncodeToString(sum[:]), file)
	}
	return hex.EncodeToString(all.Sum(nil))
}
