package leaktest

import (
	"io/fs"
	"slices"
	"strings"
	"testing"
)

// TestCorpus checks that the tables and the folders agree, and that what a Want
// names is in the source.
func TestCorpus(t *testing.T) {
	all := slices.Concat(Apps(), Holdout())
	seen := map[string]bool{}
	for _, app := range all {
		if seen[app.Name] {
			t.Errorf("%s: there are two", app.Name)
		}
		seen[app.Name], seen[app.file] = true, true
		if found, ok := Find(app.Name); !ok || found.Source() != app.Source() || found.Holdout != strings.HasPrefix(app.file, "holdout/") {
			t.Errorf("%s: finds %+v", app.Name, found)
		}
		checkApp(t, app)
	}
	err := fs.WalkDir(sources, ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && !seen[name] {
			t.Errorf("%s is in no table", name)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if _, ok := Find("no such app"); ok {
		t.Error("finds what is not there")
	}
}

// internalNames are those of accumulation points that Node.js names, not the app.
var internalNames = []string{"30000", "3600000", "setInterval", "setTimeout", "AbortSignal", "kEvents", "abort", "signal", "#signal", "_events", "requests", "127.0.0.1", "buffered", "kBufferedValue"}

// checkApp checks one app.
func checkApp(t *testing.T, app App) {
	t.Helper()
	src := app.Source()
	if src == "" || app.Pattern == "" || app.Load <= 0 {
		t.Errorf("%s: incomplete: %+v", app.Name, app)
	}
	if app.Leaks != (len(app.Want.Any) > 0) || !app.Leaks && (app.Also != nil || app.Want.At != "") {
		t.Errorf("%s: leaks %t, want %s", app.Name, app.Leaks, app.Want)
	}
	marked := strings.Contains(src, "// leak") || strings.Contains(src, "// culprit")
	if app.Leaks != marked && app.Name != "agent-requests" { // its leak is in Node.js' own agent
		t.Errorf("%s: leaks %t, its source is marked %t", app.Name, app.Leaks, marked)
	}
	if at := app.Want.At; at != "" && app.Line(at) == 0 {
		t.Errorf("%s: not one line has %q", app.Name, at)
	}
	for _, w := range slices.Concat(app.Also, []Want{app.Want}) {
		for _, p := range w.Any {
			if !hasWord(src, p.Name) && !slices.Contains(internalNames, p.Name) {
				t.Errorf("%s: the source has no %q", app.Name, p.Name)
			}
		}
	}
}

// TestCorpusIsWide holds the corpus to its size.
func TestCorpusIsWide(t *testing.T) {
	leaks, patterns := 0, map[string]bool{}
	for _, app := range Apps() {
		if app.Leaks {
			leaks++
			patterns[app.Pattern] = true
		}
	}
	if controls := len(Apps()) - leaks; leaks < 12 || len(patterns) < 12 || controls < 10 {
		t.Errorf("%d leaks of %d patterns, %d controls", leaks, len(patterns), controls)
	}
}

func TestAccepts(t *testing.T) {
	w := Want{Any: []Point{{"Map", "cache"}, {"Object", "#byId"}}}
	tests := []struct {
		class, edge, title string
		want               bool
	}{
		{"Map", "cache", "", true},
		{"Map", "context.cache", "", true},
		{"Map", "", "Service.cache (Map)", true},
		{"Map", "[entry]", "cache in server.js (Map)", true},
		{"Object", "#byId", "", true},
		{"{a, b, c}", "#byId", "", true},
		{"Array", "cache", "Service.cache (Array)", false},
		{"Tenant", "tenants", "cache (Map) of 200 Tenant", true},
		{"Tenant", "tenants", "mycache (Map) of 200 Tenant", false},
		{"{a, b}", "cache", "", false},
		{"Map", "requestCache", "Service.requestCache", false},
		{"Map", "cached", "cache2", false},
		{"Map", "_cache", "$cache", false},
		{"Object", "byId", "", false},
		{"Map", "", "", false},
		{"", "cache", "cache", false},
	}
	for _, tt := range tests {
		if got := w.Accepts(tt.class, tt.edge, tt.title); got != tt.want {
			t.Errorf("Accepts(%q, %q, %q) = %t", tt.class, tt.edge, tt.title, got)
		}
	}
	if got, want := w.String(), "cache (Map) or #byId (Object)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if (Want{}).Accepts("", "", "") {
		t.Error("the truth about a healthy app accepts something")
	}
}

func TestHasWord(t *testing.T) {
	tests := []struct {
		text, name string
		want       bool
	}{
		{"a", "a", true},
		{"ab a", "a", true},
		{"aaa", "a", false},
		{"aaa a", "aa", false},
		{"x.a[0]", "a", true},
		{"éa", "a", false},
		{"", "a", false},
		{"a", "", false},
	}
	for _, tt := range tests {
		if got := hasWord(tt.text, tt.name); got != tt.want {
			t.Errorf("hasWord(%q, %q) = %t", tt.text, tt.name, got)
		}
	}
}

func TestLine(t *testing.T) {
	app, _ := Find("throttler")
	if got := strings.Split(app.Source(), "\n")[app.Line("// culprit")-1]; !strings.Contains(got, "setTimeout") {
		t.Errorf("the culprit is %q", got)
	}
	for _, text := range []string{"no such text", "this."} {
		if got := app.Line(text); got != 0 {
			t.Errorf("%q: line %d", text, got)
		}
	}
	if app.File() != "throttler.js" {
		t.Errorf("the file is %q", app.File())
	}
	if (App{file: "apps/none.js"}).Source() != "" {
		t.Error("a file that is not there has a source")
	}
}
