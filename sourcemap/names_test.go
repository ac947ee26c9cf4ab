package sourcemap

import (
	"path"
	"strings"
	"testing"
)

func TestReadable(t *testing.T) {
	const dist = "/app/dist/throttler.js"
	tests := []struct {
		name, source, script, base string
		projects                   []string
		want                       string
	}{
		{"beside dist", "../src/throttler.ts", dist, dist, nil, "src/throttler.ts"},
		{"deeper", "../../src/a/b.ts", "/app/dist/a/b.js", "/app/dist/a/b.js", nil, "src/a/b.ts"},
		{"maps elsewhere", "../../src/x.ts", "/app/dist/x.js", "/app/maps/js/x.js.map", nil, "src/x.ts"},
		{"compiled in place", "throttler.ts", "/app/src/throttler.js", "/app/src/throttler.js", nil, "src/throttler.ts"},
		{"in place at the top", "x.ts", "/app/x.js", "/app/x.js", nil, "app/x.ts"},
		{"nothing in common", "/build/src/x.ts", dist, dist, nil, "/build/src/x.ts"},
		{"absolute", "/app/src/x.ts", dist, dist, nil, "src/x.ts"},
		{"file URL", "file:///app/src/a%20b.ts", dist, dist, nil, "src/a b.ts"},
		{"file of another machine", "file://server/src/x.ts", dist, dist, nil, "file:/server/src/x.ts"},
		{"project", "../src/x.ts", "/app/packages/api/dist/x.js", "/app/packages/api/dist/x.js", []string{"/app/packages/api", "/app", "/usr/lib"}, "packages/api/src/x.ts"},
		{"project of another", "../src/x.ts", dist, dist, []string{"/usr/lib"}, "src/x.ts"},
		{"package", "../src/x.ts", "/app/node_modules/p/dist/x.js", "/app/node_modules/p/dist/x.js", []string{"/app"}, "node_modules/p/src/x.ts"},
		{"package of an unknown project", "../src/x.ts", "/app/node_modules/p/dist/x.js", "/app/node_modules/p/dist/x.js", nil, "node_modules/p/src/x.ts"},
		{"webpack", "webpack://my-app/./src/x.ts", dist, dist, nil, "src/x.ts"},
		{"webpack without a name", "webpack:///./src/x.ts?1a2b", dist, dist, nil, "src/x.ts"},
		{"webpack, root", "webpack:///src/x.ts", dist, dist, nil, "src/x.ts"},
		{"webpack, above", "webpack://my-app/../shared/x.ts", dist, dist, nil, "shared/x.ts"},
		{"webpack, own", "webpack://my-app/webpack/bootstrap", dist, dist, nil, "webpack/bootstrap"},
		{"web", "https://example.com/x.ts", dist, dist, nil, "https://example.com/x.ts"},
		{"no base", "../src/x.ts", "", "", nil, "src/x.ts"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := readable(tt.source, tt.script, tt.base, tt.projects); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestLocalPath(t *testing.T) {
	for name, want := range map[string]string{
		"/app/x.js": "/app/x.js", "file:///app/a%20b.mjs?x=1": "/app/a b.mjs", "file://localhost/x.js": "/x.js", "/app/../x.js": "/x.js",
		"/app/what?.js": "/app/what?.js", "node:internal/timers": "", "evalmachine.<anonymous>": "", "": "", "x.js": "",
		"file://server/share/x.js": "", "//server/share/x.js": "", "file:////server/x.js": "", "https://example.com/x.js": "", "file://%zz": "",
	} {
		if got, ok := localPath(name); got != want || ok != (want != "") {
			t.Errorf("%q: got %q, %v, want %q", name, got, ok, want)
		}
	}
}

func TestRooted(t *testing.T) {
	for _, tt := range []struct{ root, source, want string }{
		{"", "a.ts", "a.ts"}, {"/src", "a.ts", "/src/a.ts"}, {"/src/", "a.ts", "/src/a.ts"}, {"webpack://x", "./a.ts", "webpack://x/./a.ts"},
		{"/src", "/b/a.ts", "/b/a.ts"}, {"/src", "file:///a.ts", "file:///a.ts"},
	} {
		if got := rooted(tt.root, &tt.source); got != tt.want {
			t.Errorf("%q and %q: got %q, want %q", tt.root, tt.source, got, tt.want)
		}
	}
	if got := rooted("/src", nil); got != "" {
		t.Errorf("no source: got %q", got)
	}
}

// FuzzReadable has names that no compiler writes come out as something that does not
// lead elsewhere.
func FuzzReadable(f *testing.F) {
	f.Add("../src/x.ts", "/app/dist/x.js", "/app")
	f.Add("webpack://a/../../x", "", "")
	f.Add("file://%", "/", "/")
	f.Fuzz(func(t *testing.T, source, script, project string) {
		script = path.Clean("/" + script)
		got := readable(source, script, script, []string{path.Clean("/" + project)})
		if scheme(source) == "" && strings.HasPrefix(got, "../") || scheme(source) == "" && got != "" && path.Clean(got) != got {
			t.Errorf("%q, %q, %q: got %q", source, script, project, got)
		}
		localPath(source)
		beside("/app/x.js", source)
	})
}
