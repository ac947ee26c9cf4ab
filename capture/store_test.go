package capture

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestManifestGolden holds the manifest to the letter: scripts read it.
func TestManifestGolden(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProcess()
		p.snapshot = func(ctx context.Context, n int, w io.Writer) error {
			if n == 2 {
				p.id, p.nextID = "", "99"
			}
			return p.send(ctx, w, snapshotText(3))
		}
		pl := plan(t, 2, 6*time.Second)
		pl.Target = Target{Cluster: "demo", Service: "web", TaskARN: "arn:aws:ecs:eu-west-1:111122223333:task/demo/0123456789abcdef0123456789abcdef",
			TaskDefinitionARN: "arn:aws:ecs:eu-west-1:111122223333:task-definition/web:7", Container: "app",
			RuntimeID: "0123456789abcdef0123456789abcdef-1234567890", Image: "example/app:1 <&>", ImageDigest: "sha256:00"}
		pl.Checks = []any{map[string]any{"id": "exec", "level": "ok"}}
		if _, err := Run(t.Context(), pl, p.source(), Progress{}, nil); err != nil {
			t.Fatal(err)
		}
		golden(t, filepath.Join(pl.Dir, "manifest.json"), "manifest.golden.json")
	})
}

// TestManifestGoldenEmpty is the manifest of a capture that took nothing.
func TestManifestGoldenEmpty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProcess()
		p.process = Process{PID: 1, StartedAt: p.process.StartedAt}
		p.fail["snapshot"] = at(1, errLost)
		p.fail["memory"] = at(1, errLost)
		pl := plan(t, 1, 0)
		if _, err := Run(t.Context(), pl, p.source(), Progress{}, nil); !errors.Is(err, errLost) {
			t.Fatal(err)
		}
		golden(t, filepath.Join(pl.Dir, "manifest.json"), "manifest-empty.golden.json")
		text, err := os.ReadFile(filepath.Join(pl.Dir, "manifest.json"))
		if err != nil || strings.Contains(string(text), "null") {
			t.Errorf("a list is null: %v\n%s", err, text)
		}
	})
}

func golden(t *testing.T, file, name string) {
	t.Helper()
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s differs from %s (go test -update rewrites it):\n%s", file, path, got)
	}
}

func TestOpenStore(t *testing.T) {
	base := t.TempDir()
	write := func(name string) string {
		path := filepath.Join(base, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	taken := write("taken/old.txt")
	file := write("file")
	if err := os.Mkdir(filepath.Join(base, "empty"), 0o700); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{
		"new": "", "a/b/new": "", "empty": "",
		"taken":    "is not empty (old.txt is there)",
		"file":     "is not a directory",
		"file/sub": "cannot be",
		"file/a/b": "cannot be",
	} {
		path := filepath.Join(base, dir)
		st, err := openStore(path)
		if want == "" {
			if err != nil {
				t.Errorf("%s: %v", dir, err)
				continue
			}
			if got := names(t, path); got != "" {
				t.Errorf("%s: left %s", dir, got)
			}
			st.discard()
			if _, err := os.Stat(path); (err == nil) == (len(st.made) > 0) {
				t.Errorf("%s: made %v, after discard %v", dir, st.made, err)
			}
			continue
		}
		var bad *DirError
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) || bad.Hint() == "" {
			t.Errorf("%s: got %v", dir, err)
		}
	}
	for _, path := range []string{taken, file} {
		if text, err := os.ReadFile(path); err != nil || string(text) != "precious" {
			t.Errorf("%s was touched: %q, %v", path, text, err)
		}
	}
}

// What was made on the way to the directory goes with it, what others made or
// use stays.
func TestDiscardParents(t *testing.T) {
	tests := []struct {
		name, dir  string
		there, put string // made before, and between making and discarding
		want       string // what stays
	}{
		{"all new", "a/b/c", "", "", ""},
		{"one was there", "a/b/c", "a", "", "a"},
		{"one was put to use", "a/b/c", "", "a/x", "a a/x"},
		{"the directory was put to use", "a/b/c", "", "a/b/c/x", "a a/b a/b/c a/b/c/x"},
		{"all were there", "a/b", "a/b", "", "a a/b"},
		{"up and down", "a/../b/c", "", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			mkdir := func(dir string) {
				if err := os.MkdirAll(dir, 0o700); err != nil {
					t.Fatal(err)
				}
			}
			mkdir(filepath.Clean(tt.there))
			st, err := openStore(tt.dir)
			if err != nil {
				t.Fatal(err)
			}
			mkdir(filepath.Clean(tt.put))
			st.discard()
			if got := tree(t); got != tt.want {
				t.Errorf("left %q, want %q", got, tt.want)
			}
		})
	}
}

// tree are all files and directories below the working directory.
func tree(t *testing.T) string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if path != "." {
			all = append(all, filepath.ToSlash(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, " ")
}

// A failing Run leaves no more behind than it found.
func TestRunDiscardsParents(t *testing.T) {
	t.Chdir(t.TempDir())
	p := newProcess()
	p.fail["process"] = at(1, errLost)
	if _, err := Run(t.Context(), Plan{Dir: "a/b/c", Count: 1}, p.source(), Progress{}, nil); !errors.Is(err, errLost) {
		t.Fatal(err)
	}
	if got := tree(t); got != "" {
		t.Errorf("left %s", got)
	}
}

func TestCheckDir(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"new", "a/b/c"} {
		if err := CheckDir(dir); err != nil {
			t.Errorf("%s: %v", dir, err)
		}
	}
	for _, dir := range []string{"file", "file/a/b", ".", "new/" + strings.Repeat("x", 300)} {
		var bad *DirError
		if err := CheckDir(dir); !errors.As(err, &bad) || bad.Hint() == "" || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v", dir, err)
		}
	}
	if got := tree(t); got != "file" {
		t.Errorf("left %s", got)
	}
}

func TestOpenStoreUnwritable(t *testing.T) {
	if os.Geteuid() == 0 {
		// Modes do not bind root; /proc accepts nobody's files.
		if runtime.GOOS != "linux" {
			t.Skip("root, and no /proc")
		}
		for name, open := range map[string]func(string) error{
			"openStore": func(dir string) error { _, err := openStore(dir); return err },
			"CheckDir":  CheckDir,
		} {
			var bad *DirError
			if err := open("/proc/nope/x"); !errors.As(err, &bad) || !strings.Contains(err.Error(), "/proc/nope/x: cannot be made: mkdir /proc/nope:") {
				t.Errorf("%s: got %v", name, err)
			}
		}
		return
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	var bad *DirError
	if _, err := openStore(dir); !errors.As(err, &bad) || !errors.Is(err, fs.ErrPermission) || bad.Hint() == "" {
		t.Errorf("existing: got %v", err)
	}
	if _, err := openStore(filepath.Join(dir, "new")); !errors.As(err, &bad) || !errors.Is(err, fs.ErrPermission) {
		t.Errorf("new: got %v", err)
	}
	if err := CheckDir(filepath.Join(dir, "new", "x")); !errors.As(err, &bad) || !errors.Is(err, fs.ErrPermission) {
		t.Errorf("early: got %v", err)
	}
}

// captured makes a capture of two snapshots.
func captured(t *testing.T) string {
	t.Helper()
	p := newProcess()
	p.took = 0
	pl := plan(t, 2, 0)
	if _, err := Run(t.Context(), pl, p.source(), Progress{}, nil); err != nil {
		t.Fatal(err)
	}
	return pl.Dir
}

func TestLoadAfterKill(t *testing.T) {
	dir := captured(t)
	for _, name := range []string{"s3.heapsnapshot.tmp", "manifest.json.tmp", "notes.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Load(dir)
	if err != nil || len(s.Snapshots) != 2 || strings.Join(s.Unfinished, " ") != "s3.heapsnapshot.tmp" || s.Dir != dir {
		t.Errorf("got %d snapshots, unfinished %q, dir %s, %v", len(s.Snapshots), s.Unfinished, s.Dir, err)
	}
}

func TestLoadErrors(t *testing.T) {
	edit := func(from, to string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			path := filepath.Join(dir, "manifest.json")
			text, err := os.ReadFile(path)
			if err != nil || !strings.Contains(string(text), from) {
				t.Fatalf("no %q in the manifest, %v", from, err)
			}
			if err := os.WriteFile(path, []byte(strings.Replace(string(text), from, to, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	tests := []struct {
		name   string
		damage func(*testing.T, string)
		want   string
	}{
		{"no manifest", func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, "manifest.json")) }, "has no manifest.json"},
		{"manifest is a directory", func(t *testing.T, dir string) {
			os.Remove(filepath.Join(dir, "manifest.json"))
			os.Mkdir(filepath.Join(dir, "manifest.json"), 0o700)
		}, "cannot be read"},
		{"manifest cut off", edit("}\n", ""), "damaged manifest.json"},
		{"newer schema", edit(`"schema": 1`, `"schema": 2`), "schema is 2, not 1"},
		{"file elsewhere", edit(`"s1.heapsnapshot"`, `"../s1.heapsnapshot"`), "not the name of a file"},
		{"file at an absolute path", edit(`"s1.heapsnapshot"`, `"/etc/passwd"`), "not the name of a file"},
		{"the directory itself", edit(`"s1.heapsnapshot"`, `"."`), "not the name of a file"},
		{"no file name", edit(`"s1.heapsnapshot"`, `""`), "not the name of a file"},
		{"out of order", edit(`"n": 1,`, `"n": 3,`), "comes after"},
		{"snapshot gone", func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, "s2.heapsnapshot")) }, "lacks s2.heapsnapshot"},
		{"snapshot changed", func(t *testing.T, dir string) { os.Truncate(filepath.Join(dir, "s2.heapsnapshot"), 10) }, "s2.heapsnapshot has 10 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := captured(t)
			tt.damage(t, dir)
			_, err := Load(dir)
			var bad *DirError
			if !errors.As(err, &bad) || !strings.Contains(err.Error(), tt.want) || bad.Hint() == "" {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// FuzzManifest holds parseManifest to what Load relies on, and to the manifest
// surviving a round trip.
func FuzzManifest(f *testing.F) {
	for _, name := range []string{"manifest.golden.json", "manifest-empty.golden.json"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(`{"schema":1,"snapshots":[{"n":1,"file":"a\\b"},{"n":2,"file":".."}]}`))
	f.Add([]byte(`{"schema":1,"snapshots":null,"checks":null,"process":{"execArgv":null}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := parseManifest(text)
		if err != nil {
			return
		}
		for _, shot := range s.Snapshots {
			if path := filepath.Join("dir", shot.File); filepath.Dir(path) != "dir" {
				t.Fatalf("%q leads out of the directory", shot.File)
			}
		}
		once, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		again, err := parseManifest(once)
		if err != nil {
			t.Fatalf("own output refused: %v\n%s", err, once)
		}
		if twice, _ := json.Marshal(again); string(twice) != string(once) {
			t.Fatalf("round trip:\n%s\n%s", once, twice)
		}
	})
}

// TestRunAgain takes the directory of a capture that was refused before its first
// snapshot, and not that of one with a snapshot.
func TestRunAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		where := plan(t, 1, 0)
		p := newProcess()
		refused := p.source()
		refusal := errors.New("too large")
		refused.Gate = func(context.Context, int, []Shot) (any, error) { return nil, refusal }
		if _, err := Run(t.Context(), where, refused, Progress{}, nil); !errors.Is(err, refusal) {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(where.Dir, auditName), []byte("{}\n"), fileMode); err != nil {
			t.Fatal(err)
		}
		if s, err := Run(t.Context(), where, p.source(), Progress{}, nil); err != nil || len(s.Snapshots) != 1 {
			t.Errorf("got %v, %v", s.Snapshots, err)
		}
		var taken *DirError
		if _, err := Run(t.Context(), where, p.source(), Progress{}, nil); !errors.As(err, &taken) {
			t.Errorf("got %v", err)
		}
	})
}
