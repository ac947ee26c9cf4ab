package sourcemap

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ecsheap/ecsheap/heap"
)

// mapTo is a map to the first line of a source.
func mapTo(source string) string {
	return `{"version":3,"sources":["` + source + `"],"mappings":"AAAA"}`
}

func TestFolder(t *testing.T) {
	scripts := func(urls ...string) map[string]Script {
		all := map[string]Script{}
		for i, u := range urls {
			all[string(rune('1'+i))] = Script{URL: u}
		}
		return all
	}
	const server = "/app/dist/server.js"
	tests := []struct {
		name    string
		files   map[string]string
		scripts map[string]Script // that of the place is 1
		want    string            // the place, or part of the warning
	}{
		{"base name", map[string]string{"server.js.map": mapTo("../src/server.ts")}, scripts(server), "src/server.ts:1:1"},
		{"name in the script", map[string]string{"server.1a2b.map": mapTo("../src/server.ts")},
			map[string]Script{"1": {server, "server.1a2b.map"}}, "src/server.ts:1:1"},
		{"name in the script, gone", map[string]string{"server.js.map": mapTo("../src/server.ts")},
			map[string]Script{"1": {server, "server.1a2b.map"}}, "src/server.ts:1:1"},
		{"maps elsewhere", map[string]string{"maps/server.js.map": mapTo("../src/server.ts")},
			map[string]Script{"1": {server, "../maps/server.js.map"}}, "src/server.ts:1:1"},
		{"file in the map", map[string]string{"main.map": `{"file":"server.js",` + mapTo("../src/server.ts")[1:]}, scripts(server), "src/server.ts:1:1"},
		{"longest common path", map[string]string{"out/dist/server.js.map": mapTo("../src/right.ts"), "out/server.js.map": mapTo("../src/wrong.ts")},
			scripts(server), "src/right.ts:1:1"},
		{"nothing deeper", map[string]string{"server.js.map": mapTo("../src/right.ts"), "admin/server.js.map": mapTo("../src/wrong.ts")},
			scripts(server), "src/right.ts:1:1"},
		{"twice the same", map[string]string{"a/server.js.map": mapTo("../src/server.ts"), "b/server.js.map": mapTo("../src/server.ts")},
			scripts(server), "src/server.ts:1:1"},
		{"ambiguous", map[string]string{"a/server.js.map": mapTo("a.ts"), "b/server.js.map": mapTo("b.ts")}, scripts(server), "fit equally well"},
		{"of another script", map[string]string{"server.js.map": mapTo("../src/server.ts"), "dist/x.js.map": mapTo("x.ts")},
			scripts("/app/lib/server.js", "/srv/lib/server.js"), "fit equally well"},
		{"of a better script", map[string]string{"admin/server.js.map": mapTo("../../src/admin.ts")},
			scripts(server, "/app/dist/admin/server.js"), "/app/dist/server.js:1:1"},
		{"of a package", map[string]string{"node_modules/p/server.js.map": mapTo("p.ts")}, scripts(server), "/app/dist/server.js:1:1"},
		{"not of the package", map[string]string{"dist/server.js.map": mapTo("../src/server.ts")},
			scripts("/app/node_modules/p/dist/server.js"), "/app/node_modules/p/dist/server.js:1:1"},
		{"package", map[string]string{"node_modules/p/dist/server.js.map": mapTo("../src/server.ts"), "dist/server.js.map": mapTo("no.ts")},
			scripts("/app/node_modules/p/dist/server.js"), "node_modules/p/src/server.ts:1:1"},
		{"in the script", map[string]string{"server.js": "x()\n//# sourceMappingURL=" + dataURL(mapTo("../src/server.ts"))}, scripts(server), "src/server.ts:1:1"},
		{"named by the script", map[string]string{"server.js": "//# sourceMappingURL=maps/s.map", "maps/s.map": mapTo("../src/server.ts")},
			scripts(server), "src/server.ts:1:1"},
		{"named by the script, outside", map[string]string{"server.js": "//# sourceMappingURL=../../s.map"}, scripts(server), "/app/dist/server.js:1:1"},
		{"map of a package by its name", map[string]string{
			"node_modules/p/server.js.map": mapTo("p.ts"), "server.js": "//# sourceMappingURL=" + dataURL(mapTo("../src/server.ts")),
		}, scripts(server), "src/server.ts:1:1"},
		{"script without a map", map[string]string{"server.js": "x()"}, scripts(server), "/app/dist/server.js:1:1"},
		{"no map at all", map[string]string{"x": ""}, scripts(server), "it has none"},
		{"broken", map[string]string{"server.js.map": "{"}, scripts(server), "server.js.map: reading JSON"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newResolver(t, Options{Scripts: tt.scripts, Dir: write(t, tt.files)})
			var p Position
			for range 2 {
				p = r.Resolve(heap.Location{ScriptID: 1})
			}
			if !strings.HasSuffix(tt.want, ":1:1") {
				if w := r.Warnings(); len(w) != 1 || !strings.Contains(w[0].Error(), tt.want) || p.Original {
					t.Errorf("got %v, warnings %v, want one with %q", p, w, tt.want)
				}
				return
			}
			if p.String() != tt.want || len(r.Warnings()) != 0 {
				t.Errorf("got %v, warnings %v, want %s", p, r.Warnings(), tt.want)
			}
		})
	}
}

// TestFolderBeforeDisk prefers what the user names.
func TestFolderBeforeDisk(t *testing.T) {
	disk := write(t, map[string]string{"dist/x.js.map": mapTo("../src/old.ts")})
	dir := write(t, map[string]string{"x.js.map": mapTo("../src/new.ts")})
	url := filepath.ToSlash(disk) + "/dist/x.js"
	other := write(t, map[string]string{"y.js.map": mapTo("../src/other.ts")})
	for dir, want := range map[string]string{"": "src/old.ts", dir: "src/new.ts", other: "src/old.ts"} {
		r := newResolver(t, Options{Dir: dir})
		if p := r.Resolve(heap.Location{Script: url}); p.File != want || len(r.Warnings()) != 0 {
			t.Errorf("folder %q: got %v, %v, want %s", dir, p, r.Warnings(), want)
		}
	}
}

// TestFolderAfterData prefers what the process itself has.
func TestFolderAfterData(t *testing.T) {
	dir := write(t, map[string]string{"x.js.map": mapTo("../src/folder.ts")})
	r := newResolver(t, Options{Scripts: map[string]Script{"1": {"/app/dist/x.js", dataURL(mapTo("../src/data.ts"))}}, Dir: dir})
	if p := r.Resolve(heap.Location{ScriptID: 1}); p.File != "src/data.ts" {
		t.Errorf("got %v, %v", p, r.Warnings())
	}
}

// TestFolderStaysWithin does not follow a script of the folder out of it.
func TestFolderStaysWithin(t *testing.T) {
	dir := write(t, map[string]string{"in/x.js": "//# sourceMappingURL=../x.map", "x.map": mapTo("../src/x.ts")})
	for dir, want := range map[string]bool{dir: true, filepath.Join(dir, "in"): false} {
		r := newResolver(t, Options{Dir: dir})
		if p := r.Resolve(heap.Location{Script: "/app/dist/x.js"}); p.Original != want || len(r.Warnings()) != 0 {
			t.Errorf("%s: got %v, %v", dir, p, r.Warnings())
		}
	}
}

func TestNewErrors(t *testing.T) {
	file := filepath.Join(write(t, map[string]string{"file": ""}), "file")
	for _, dir := range []string{file, filepath.Join(file, "none"), filepath.Join(t.TempDir(), "none")} {
		var e *DirError
		if _, err := New(Options{Dir: dir}); !errors.As(err, &e) || e.Dir != dir || e.Hint() == "" || strings.Count(err.Error(), dir) != 1 {
			t.Errorf("%s: got %v", dir, err)
		}
	}
}
