package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestExamples compares the examples of the pages with the scripts, which compare
// them with the program: a command must be run there, and each part of its
// output between two lines of … must be there to the letter.
func TestExamples(t *testing.T) {
	for _, page := range []string{"reading-snapshots.md", "selecting.md"} {
		t.Run(page, func(t *testing.T) { compareExamples(t, "../../docs/"+page) })
	}
}

func compareExamples(t *testing.T, name string) {
	t.Helper()
	const ellipsis = "…"
	page, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	scripts := allScripts(t)
	examples := strings.Split(string(page), "```console\n$ ")[1:]
	if len(examples) == 0 {
		t.Fatal("the page has no examples")
	}
	for _, example := range examples {
		text, _, closed := strings.Cut(example, "```\n")
		command, output, _ := strings.Cut(text, "\n")
		if !closed || !strings.Contains(scripts, "\nexec "+command+"\n") {
			t.Errorf("no script runs: %s", command)
		}
		for part := range strings.SplitSeq(output, ellipsis+"\n") {
			if !strings.Contains(scripts, "\n"+part) {
				t.Errorf("%s: no script has the output\n%s", command, part)
			}
		}
	}
}

func allScripts(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}
