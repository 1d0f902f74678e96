package plugintest

import (
	"bufio"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gibbon/entity"
	"gibbon/plugin"
	"gibbon/schema"
)

// CheckSettings holds that each setting of p has a test which shows its effect: testdata/settings.txt names them,
// a line "setting: TestX" or "setting: TestX/row of its table" for each. The setting's name must be in the test or the
// row, and the test must fail when the setting is ignored. A setting that another package understands is tested
// there, and neither is looked at: "redis.ssl: ../redis TestTLS/TLS". One that is accepted and does nothing has
// "no effect" and the reason instead.
func CheckSettings(tb testing.TB, p *plugin.Plugin) {
	tb.Helper()
	file, err := os.Open("testdata/settings.txt")
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = file.Close() }() // only read
	named := map[string]string{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if setting, test, ok := strings.Cut(lines.Text(), ": "); ok {
			named[setting] = test
		}
	}
	for _, setting := range settingsOf(tb, p) {
		test, ok := named[setting]
		delete(named, setting)
		if strings.HasPrefix(test, "no effect") {
			continue // the file says why
		}
		if !ok {
			tb.Errorf("%s: testdata/settings.txt names no test that shows the effect of %s", p.Name, setting)
		} else if err := findTest(setting, test); err != nil {
			tb.Errorf("%s: the test of %s: %v", p.Name, setting, err)
		} else if !strings.HasPrefix(test, "../") && !testing.Short() {
			if err := prove(setting, test); err != nil {
				tb.Errorf("%s: the test of %s: %v", p.Name, setting, err)
			}
		}
	}
	for _, setting := range slices.Sorted(maps.Keys(named)) {
		tb.Errorf("%s: testdata/settings.txt has a test of %s, which is no setting", p.Name, setting)
	}
}

// settingsOf are the names of all settings, those in records as record.setting.
func settingsOf(tb testing.TB, p *plugin.Plugin) (all []string) {
	tb.Helper()
	kinds := entity.NewKinds(entity.Options{Plugins: plugin.Types([]*plugin.Plugin{p})})
	var walk func(prefix string, fields any)
	walk = func(prefix string, fields any) {
		list, _ := fields.([]any)
		for _, one := range list {
			field, _ := one.(map[string]any)
			for name, v := range field {
				spec, _ := v.(map[string]any)
				switch {
				case prefix == "" && name != "config":
				case spec["type"] == "record" && prefix == "":
					walk("config.", spec["fields"])
				case spec["type"] == "record":
					walk(prefix+name+".", spec["fields"])
				default:
					all = append(all, strings.TrimPrefix(prefix+name, "config."))
				}
			}
		}
	}
	description, _ := parseJSON(tb, schema.DescribeVariant(kinds.Of("plugins").Variants[0].Schema())).(map[string]any)
	walk("", description["fields"])
	return all
}

// findTest looks for a test, or a row of its table, that has the last part of the setting's name in it.
func findTest(setting, test string) error {
	dir, mentioned := ".", setting[strings.LastIndexByte(setting, '.')+1:]
	if other, name, ok := strings.Cut(test, " "); ok && strings.HasPrefix(other, "../") {
		dir, test, mentioned = other, name, ""
	}
	name, row, hasRow := strings.Cut(test, "/")
	paths, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		return err
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, text, 0)
		if err != nil {
			return err
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Name.Name != name {
				continue
			}
			var node ast.Node = f
			if hasRow {
				if node = rowOf(f, row); node == nil {
					return fmt.Errorf("%s has no row %q", name, row)
				}
			}
			if source := string(text[node.Pos()-file.FileStart : node.End()-file.FileStart]); !strings.Contains(source, mentioned) {
				return fmt.Errorf("%s does not have its name", test)
			}
			return nil
		}
	}
	return fmt.Errorf("there is no %s", name)
}

// rowOf is the smallest composite literal, or pair of one, that begins with a name.
func rowOf(f *ast.FuncDecl, name string) (row ast.Node) {
	begins := func(e ast.Expr) bool {
		l, ok := e.(*ast.BasicLit)
		return ok && l.Kind == token.STRING && l.Value == strconv.Quote(name)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CompositeLit:
			if len(n.Elts) > 0 && begins(n.Elts[0]) {
				row = n
			}
		case *ast.KeyValueExpr:
			if begins(n.Key) {
				row = n
			}
		}
		return true
	})
	return row
}
