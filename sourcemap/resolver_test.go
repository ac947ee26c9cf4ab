package sourcemap

import (
	"bytes"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/ecsheap/ecsheap/heap"
)

const throttler = "testdata/throttler"

// placeOf returns where the text starts in a file, as V8 has it.
func placeOf(t *testing.T, file, text string) (line, column int) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, _, ok := bytes.Cut(data, []byte(text))
	if !ok {
		t.Fatalf("no %q in %s", text, file)
	}
	line = bytes.Count(before, []byte("\n"))
	return line, len(before) - (bytes.LastIndexByte(before, '\n') + 1)
}

// write writes files, by their path in a new folder, and returns the folder.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func newResolver(t testing.TB, o Options) *Resolver {
	t.Helper()
	r, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func absolute(t *testing.T, name string) string {
	t.Helper()
	full, err := filepath.Abs(name)
	if err != nil {
		t.Fatal(err)
	}
	return filepath.ToSlash(full)
}

// TestResolveThrottler follows the function that leaks, in each way in which the
// compilers left their maps.
func TestResolveThrottler(t *testing.T) {
	here := absolute(t, throttler)
	tests := []struct {
		name, script, sourceMapURL, dir, url string
		want                                 string
	}{
		{"map beside", "dist/throttler.service.js", "throttler.service.js.map", "", here, "src/throttler.service.ts:25:41"},
		{"file URL", "dist/throttler.service.js", "throttler.service.js.map", "", "file://" + here, "src/throttler.service.ts:25:41"},
		{"map beside, no manifest", "dist/throttler.service.js", "", "", here, "src/throttler.service.ts:25:41"},
		{"inline", "inline/throttler.service.js", "inline", "", here, "src/throttler.service.ts:25:41"},
		{"bundle", "bundle/main.js", "main.js.map", "", here, "src/throttler.service.ts:25:26"},
		{"deployed elsewhere", "dist/throttler.service.js", "throttler.service.js.map", throttler + "/dist", "/app", "src/throttler.service.ts:25:41"},
		{"deployed elsewhere, whole project", "dist/throttler.service.js", "", throttler, "/app", "src/throttler.service.ts:25:41"},
		{"deployed elsewhere, inline", "inline/throttler.service.js", "inline", throttler + "/inline", "/app", "src/throttler.service.ts:25:41"},
		{"not to be found", "dist/throttler.service.js", "throttler.service.js.map", "", "/app", "/app/dist/throttler.service.js:33:45"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := heap.Location{ScriptID: 57}
			l.Line, l.Column = placeOf(t, filepath.Join(throttler, tt.script), "this.timeoutIds.push(function")
			l.Column += len("this.timeoutIds.push(function")
			if !strings.HasPrefix(tt.script, "bundle") {
				l.Column += len(" expire")
			}
			url := tt.url + "/" + tt.script
			scripts := map[string]Script{"57": {URL: url, SourceMapURL: tt.sourceMapURL}}
			if tt.sourceMapURL == "" {
				scripts, l.Script = nil, url
			}
			r := newResolver(t, Options{Scripts: scripts, Dir: tt.dir})
			p := r.Resolve(l)
			if p.String() != tt.want || p.Original != strings.HasPrefix(tt.want, "src/") || len(r.Warnings()) != 0 {
				t.Errorf("got %v, %+v, warnings %v, want %s", p, p, r.Warnings(), tt.want)
			}
		})
	}
}

// simple is a map of one source whose first line is the third of the source.
const simple = `{"version":3,"sources":["../src/x.ts"],"names":["made"],"mappings":"AAEAA"}`

func dataURL(text string) string {
	return "data:application/json;base64," + base64.StdEncoding.EncodeToString([]byte(text))
}

func TestResolveOnly(t *testing.T) {
	null := strings.Replace(simple, `"../src/x.ts"`, "null", 1)
	tests := []struct {
		name     string
		scripts  map[string]Script
		location heap.Location
		want     string
	}{
		{"data", map[string]Script{"1": {"/app/dist/x.js", dataURL(simple)}}, heap.Location{ScriptID: 1, Script: "/app/dist/x.js"}, "src/x.ts:3:1"},
		{"query", map[string]Script{"1": {"file:///app/dist/x.js?v=1", dataURL(simple)}}, heap.Location{ScriptID: 1, Script: "file:///app/dist/x.js?v=1"}, "src/x.ts:3:1"},
		{"names agree", map[string]Script{"1": {"file:///app/dist/x.js", dataURL(simple)}}, heap.Location{ScriptID: 1, Script: "/app/dist/x.js"}, "src/x.ts:3:1"},
		{"script of another process", map[string]Script{"1": {"/app/dist/x.js", dataURL(simple)}}, heap.Location{ScriptID: 1, Script: "/other.js"}, "/other.js:1:1"},
		{"unknown script", nil, heap.Location{ScriptID: 57, Line: 9, Column: 2}, "script 57:10:3"},
		{"known script without a map", map[string]Script{"57": {URL: "file:///app/none.js"}}, heap.Location{ScriptID: 57, Line: 9, Column: 2}, "/app/none.js:10:3"},
		{"Node.js itself", map[string]Script{"2": {URL: "node:internal/timers"}}, heap.Location{ScriptID: 2, Script: "node:internal/timers"}, "node:internal/timers:1:1"},
		{"evaluated", nil, heap.Location{ScriptID: 2, Script: "evalmachine.<anonymous>"}, "evalmachine.<anonymous>:1:1"},
		{"no place", map[string]Script{"1": {"/app/dist/x.js", dataURL(simple)}}, heap.Location{ScriptID: 1, Line: -1, Column: -1}, "/app/dist/x.js"},
		{"no source", map[string]Script{"1": {"/app/dist/x.js", dataURL(null)}}, heap.Location{ScriptID: 1}, "/app/dist/x.js:1:1"},
		{"web", map[string]Script{"1": {"/app/dist/x.js", "https://example.com/x.js.map"}}, heap.Location{ScriptID: 1}, "/app/dist/x.js:1:1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newResolver(t, Options{Scripts: tt.scripts})
			if p := r.Resolve(tt.location); p.String() != tt.want || p.Original != (strings.HasPrefix(tt.want, "src/")) {
				t.Errorf("got %+v, want %s", p, tt.want)
			} else if p.Original && p.Name != "made" {
				t.Errorf("name %q", p.Name)
			}
			if w := r.Warnings(); len(w) != 0 {
				t.Errorf("warnings: %v", w)
			}
		})
	}
}

func TestWarnings(t *testing.T) {
	dir := write(t, map[string]string{"x.js": "x()", "x.js.map": "no map"})
	tests := []struct {
		name   string
		script Script
		line   int
		want   string
	}{
		{"broken", Script{URL: "/app/dist/x.js", SourceMapURL: dataURL(strings.Replace(simple, "AAEAA", "AAEAA;!", 1))}, 0, "reading mappings"},
		{"bad data", Script{URL: "/app/dist/x.js", SourceMapURL: "data:;base64,!"}, 0, "reading a data URL"},
		{"of another build", Script{URL: "/app/dist/x.js", SourceMapURL: dataURL(simple)}, 4, "it has 1 lines, but the script a function in line 5"},
		{"broken file", Script{URL: filepath.ToSlash(dir) + "/x.js"}, 0, "reading JSON"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newResolver(t, Options{Scripts: map[string]Script{"1": tt.script}})
			for range 3 {
				if p := r.Resolve(heap.Location{ScriptID: 1, Line: tt.line}); p.Original || p.File != tt.script.URL {
					t.Errorf("got %+v", p)
				}
			}
			w := r.Warnings()
			var e *MapError
			if len(w) != 1 || !errors.As(w[0], &e) || !strings.Contains(w[0].Error(), tt.want) || e.Script != tt.script.URL || e.Hint() == "" {
				t.Errorf("got %v, want one with %q", w, tt.want)
			}
		})
	}
}

// TestModuleLoadedTwice has one map, and one warning, for two scripts of one file.
func TestModuleLoadedTwice(t *testing.T) {
	dir := write(t, map[string]string{"x.mjs.map": "no map"})
	url := "file://" + filepath.ToSlash(dir) + "/x.mjs"
	r := newResolver(t, Options{Scripts: map[string]Script{"1": {URL: url + "?v=1"}, "2": {URL: url + "?v=2"}}})
	r.Resolve(heap.Location{ScriptID: 1})
	r.Resolve(heap.Location{ScriptID: 2})
	if w := r.Warnings(); len(w) != 1 {
		t.Errorf("warnings: %v", w)
	}
}

// TestResolveAtOnce has many goroutines ask for maps that nobody has read yet.
func TestResolveAtOnce(t *testing.T) {
	scripts := map[string]Script{
		"1": {URL: "/app/dist/throttler.service.js"}, "2": {URL: "/app/dist/main.js"}, "3": {URL: "/app/dist/bad.js", SourceMapURL: "data:,"},
	}
	r := newResolver(t, Options{Scripts: scripts, Dir: throttler + "/dist"})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for id := range 3 {
				r.Resolve(heap.Location{ScriptID: id + 1, Line: 8, Column: 2})
				r.Warnings()
			}
		})
	}
	wg.Wait()
	if len(r.Warnings()) != 1 {
		t.Errorf("warnings: %v", r.Warnings())
	}
}
