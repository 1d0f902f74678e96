package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

//go:generate go test -run ^TestCommandReferenceIsFresh$ . -update

var update = flag.Bool("update", false, "write docs/reference/commands.md")

// TestCommandReferenceIsFresh compares the manual's page with what the commands say of
// themselves.
func TestCommandReferenceIsFresh(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "reference", "commands.md")
	want := commandReference()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(kept) != want {
		t.Error("docs/reference/commands.md is out of date: run make generate")
	}
}

// commandReference is the page about all commands.
func commandReference() string {
	root := (&commandLine{stdout: io.Discard, stderr: io.Discard}).root()
	var b strings.Builder
	b.WriteString("# Commands\n\nGenerated from the program by `make generate`.\n\n" + root.Long + "\n\n" +
		"Errors go to the standard error output as `Error: …`; the exit status is 0 on success and 1 otherwise.\n")
	for _, cmd := range root.Commands() {
		if cmd.IsAvailableCommand() {
			describe(&b, cmd)
		}
	}
	return b.String()
}

func describe(b *strings.Builder, cmd *cobra.Command) {
	cmd.InitDefaultHelpFlag()
	text := cmd.Long
	if text == "" {
		text = cmd.Short + "."
	}
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n```\n%s\n```\n", strings.TrimSuffix(cmd.CommandPath()+strings.TrimPrefix(cmd.Use, cmd.Name()), " "), text, strings.ReplaceAll(strings.TrimPrefix(cmd.Example, "  "), "\n  ", "\n"))
	if flags := strings.TrimRight(cmd.NonInheritedFlags().FlagUsages(), "\n"); flags != "" {
		fmt.Fprintf(b, "\n```\n%s\n```\n", flags)
	}
	if flags := strings.TrimRight(cmd.InheritedFlags().FlagUsages(), "\n"); flags != "" && cmd.Name() == "start" {
		fmt.Fprintf(b, "\nEvery command has these flags, too:\n\n```\n%s\n```\n", flags)
	}
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			describe(b, sub)
		}
	}
}
