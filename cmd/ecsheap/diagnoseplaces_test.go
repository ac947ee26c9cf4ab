package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ecsheap/ecsheap/capture"
	"github.com/ecsheap/ecsheap/heap"
	"github.com/ecsheap/ecsheap/leak"
)

// TestPlaces follows a place to its source, and leaves another one where it is.
func TestPlaces(t *testing.T) {
	dir := t.TempDir()
	// The first line of a.js is the third of a.ts.
	const text = `{"version": 3, "file": "a.js", "sources": ["../src/a.ts"], "names": [], "mappings": "AAEA"}`
	if err := os.WriteFile(filepath.Join(dir, "a.js.map"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := newPlaces(capture.Scripts{"5": {URL: "file:///app/dist/a.js", SourceMapURL: "a.js.map"}, "6": {URL: "file:///app/dist/b.js"}}, dir)
	if err != nil {
		t.Fatal(err)
	}
	got := p.resolve(heap.Location{ScriptID: 5, Script: "/app/dist/a.js"})
	if !strings.HasSuffix(got.File, "src/a.ts") || got.Line != 3 || got.Column != 1 || !got.Original {
		t.Errorf("got %+v", got)
	}
	if diff := cmp.Diff(leak.Place{File: "/app/dist/b.js", Line: 8, Column: 3}, p.resolve(heap.Location{ScriptID: 6, Script: "/app/dist/b.js", Line: 7, Column: 2})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	u, said := quiet(t)
	if list := p.warnings(u); len(list) != 0 || said() != "" {
		t.Errorf("warnings %v", list)
	}
}

// TestPlacesWarn tells of maps that are broken, as far as anybody reads.
func TestPlacesWarn(t *testing.T) {
	dir, scripts := t.TempDir(), capture.Scripts{}
	const broken = toldMaps + 2
	for i := range broken {
		name := fmt.Sprintf("s%d.js", i)
		if err := os.WriteFile(filepath.Join(dir, name+".map"), []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
		scripts[fmt.Sprint(i+1)] = capture.Script{URL: "file:///app/dist/" + name, SourceMapURL: name + ".map"}
	}
	p, err := newPlaces(scripts, dir)
	if err != nil {
		t.Fatal(err)
	}
	for i := range broken {
		if at := p.resolve(heap.Location{ScriptID: i + 1, Script: fmt.Sprintf("/app/dist/s%d.js", i)}); at.Original {
			t.Errorf("got %+v", at)
		}
	}
	u, said := quiet(t)
	list := p.warnings(u)
	text := said()
	if len(list) != toldMaps+1 || !strings.HasPrefix(list[toldMaps], "2 more source maps") || strings.Count(text, "warning: ") != toldMaps+1 {
		t.Errorf("warnings %q, talk: %s", list, text)
	}
	if _, err := newPlaces(nil, filepath.Join(dir, "nosuch")); err == nil || exitCode(err) != codeUsage {
		t.Errorf("no directory: %v", err)
	}
}
