package leaktest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/ecsheap/ecsheap/internal/nodetest"
)

// quick is a plan that takes half a second.
var quick = Plan{Shots: 2, Load: 10}

// find returns an app of the corpus.
func find(t *testing.T, name string) App {
	t.Helper()
	app, ok := Find(name)
	if !ok {
		t.Fatalf("no app %q", name)
	}
	return app
}

// TestCapture captures an app of each kind of module.
func TestCapture(t *testing.T) {
	for _, name := range []string{"metrics-array", "esm-variable"} {
		for _, p := range []Plan{quick, {Shots: 3, Load: 10, Restart: 2}} {
			files := Capture(t, "", find(t, name), p)
			if len(files) != p.Shots {
				t.Fatalf("%s: %d files", name, len(files))
			}
			for i, file := range files {
				if filepath.Base(file) != snapshotName(i+1) {
					t.Errorf("file %d is %s", i+1, file)
				}
				wantSnapshot(t, file)
			}
			if entries, err := os.ReadDir(filepath.Dir(files[0])); err != nil || len(entries) != p.Shots {
				t.Errorf("%s: left %v, %v", name, entries, err)
			}
		}
	}
}

// wantSnapshot checks that a file is a whole snapshot that nobody else may read.
func wantSnapshot(t *testing.T, file string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(data) || !strings.HasPrefix(string(data), `{"snapshot":`) {
		t.Errorf("%s is no snapshot", file)
	}
	if info, err := os.Stat(file); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%s: %v, %v", file, info.Mode(), err)
	}
}

// TestCaptureKeeps checks that what was kept is found again, and not taken for
// what another app or plan would make.
func TestCaptureKeeps(t *testing.T) {
	keep := t.TempDir()
	t.Setenv(keepVariable, keep)
	app := find(t, "metrics-array")
	files := Capture(t, "", app, quick)
	if !strings.HasPrefix(files[0], keep) {
		t.Fatalf("kept %s", files[0])
	}
	const mark = "found again"
	if err := os.WriteFile(files[0], []byte(mark), 0o600); err != nil {
		t.Fatal(err)
	}
	again := Capture(t, "", app, quick)
	if data, err := os.ReadFile(again[0]); err != nil || string(data) != mark || !slices.Equal(again, files) {
		t.Errorf("captured again: %s, %v", again[0], err)
	}
	for _, other := range [][]string{
		Capture(t, "", app, Plan{Shots: 2, Load: 11}),
		Capture(t, "", find(t, "class-static"), quick),
	} {
		if other[0] == files[0] {
			t.Errorf("%s stands for something else as well", other[0])
		}
	}
	if err := os.Remove(files[1]); err != nil {
		t.Fatal(err)
	}
	wantSnapshot(t, Capture(t, "", app, quick)[0])
}

func TestPlan(t *testing.T) {
	app := App{Load: 70}
	tests := []struct{ in, want Plan }{
		{Plan{}, Plan{Shots: defaultShots, Load: 70}},
		{Plan{Shots: 5, Load: 2, Restart: 4}, Plan{Shots: 5, Load: 2, Restart: 4}},
		{Plan{Shots: 2, Restart: 2}, Plan{Shots: 2, Load: 70}},
	}
	for _, tt := range tests {
		if got := tt.in.filled(app); got != tt.want {
			t.Errorf("%+v stands for %+v, want %+v", tt.in, got, tt.want)
		}
	}
}

// TestDriver has the driver serve in order, call an app before and after each
// snapshot, and end with an error when something is wrong.
func TestDriver(t *testing.T) {
	const app = `
		const seen = [];
		exports.ready = new Promise((resolve) => setTimeout(resolve, 5)).then(() => seen.push('ready'));
		exports.request = async (i) => { await null; seen.push(i); if (i === 12) throw new Error('request 12'); };
		exports.beforeShot = (n) => { seen.push('before ' + n); };
		exports.afterShot = (n) => { seen.push('after ' + n); console.log('seen ' + seen.join()); };`
	tests := []struct {
		name string
		args []string
		want string // a line of its output
		good bool
	}{
		{"in order", []string{"load", "3", "snap", "a", "load", "9", "snap", "b"},
			"seen ready,0,1,2,before 1,after 1,3,4,5,6,7,8,9,10,11,before 2,after 2", true},
		{"a request fails", []string{"load", "13"}, "request 12", false},
		{"unknown step", []string{"dance", "1"}, "no such step: dance", false},
	}
	preload := filepath.Join(t.TempDir(), "driver.js")
	if err := os.WriteFile(preload, []byte(driver), 0o600); err != nil {
		t.Fatal(err)
	}
	versions := nodetest.Versions()
	for i, version := range versions {
		for _, tt := range tests {
			if i < len(versions)-1 && !tt.good {
				continue // what is wrong is so on the newest
			}
			t.Run(version+"/"+tt.name, func(t *testing.T) {
				node := nodetest.Start(t, nodetest.Options{Version: version, Script: app, NodeArgs: []string{"--require", preload}, Args: tt.args})
				err := node.Wait(t.Context())
				if (err == nil) != tt.good || strings.Contains(node.Output(), driven) != tt.good {
					t.Errorf("ended with %v:\n%s", err, node.Output())
				}
				if !strings.Contains(node.Output(), tt.want) {
					t.Errorf("no %q in\n%s", tt.want, node.Output())
				}
			})
		}
	}
}
