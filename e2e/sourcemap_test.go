package e2e

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/runtime"

	"github.com/ecsheap/ecsheap/capture"
	"github.com/ecsheap/ecsheap/cdp"
	"github.com/ecsheap/ecsheap/heap"
	"github.com/ecsheap/ecsheap/internal/nodetest"
	"github.com/ecsheap/ecsheap/sourcemap"
)

// throttlerDir is the service in TypeScript and what compilers made of it.
const throttlerDir = "../sourcemap/testdata/throttler"

// throttlerPlaces are functions, and constructors of objects, in the lines of the
// TypeScript.
var throttlerPlaces = []string{
	"closure src/main.ts:11",                // function added
	"closure src/store/session.store.ts:18", // () => this.sessions.delete(…)
	"closure src/throttler.service.ts:21",   // increment
	"closure src/throttler.service.ts:25",   // function expire
	"object src/store/session.store.ts:13",  // new SessionStore
	"object src/throttler.service.ts:16",    // new ThrottlerStorageService
}

// mappedCase is a way in which scripts and their maps can be there.
type mappedCase struct {
	name      string
	build     string // folder of the compiled service
	elsewhere bool   // the scripts run without their maps, in a folder that is gone afterwards
	dir       string // as --source-maps
	manifest  bool   // the scripts of the process are known
}

func mappedCases() []mappedCase {
	return []mappedCase{
		{name: "beside", build: "dist", manifest: true},
		{name: "beside, no manifest", build: "dist"},
		{name: "inline", build: "inline", manifest: true},
		{name: "bundle", build: "bundle", manifest: true},
		{name: "elsewhere", build: "dist", elsewhere: true, dir: throttlerDir + "/dist", manifest: true},
		{name: "elsewhere, no manifest", build: "dist", elsewhere: true, dir: throttlerDir + "/dist"},
		{name: "elsewhere, inline", build: "inline", elsewhere: true, dir: throttlerDir + "/inline", manifest: true},
	}
}

// TestSourceMaps takes snapshots of the compiled service and looks for the lines of its
// source. FULL=1 tries every version of Node.js.
func TestSourceMaps(t *testing.T) {
	versions := []string{"18", "24"}
	if os.Getenv("FULL") == "1" {
		versions = nil
		for _, pin := range nodetest.Pins() {
			versions = append(versions, pin.Major)
		}
	}
	for _, version := range versions {
		for _, c := range mappedCases() {
			t.Run(version+" "+c.name, func(t *testing.T) {
				t.Parallel()
				s, scripts := c.run(t, version)
				r, err := sourcemap.New(sourcemap.Options{Scripts: scripts, Dir: c.dir})
				if err != nil {
					t.Fatal(err)
				}
				found, left := resolveAll(s, r)
				for _, place := range throttlerPlaces {
					if !slices.Contains(found, place) {
						t.Errorf("no %s among %q", place, found)
					}
				}
				for _, place := range left { // what the compiler has added comes from nowhere
					if !strings.HasSuffix(strings.Split(place, ":")[0], ".js") {
						t.Errorf("%s is no place of a script", place)
					}
				}
				if len(r.Warnings()) != 0 {
					t.Errorf("warnings: %v", r.Warnings())
				}
			})
		}
	}
}

// run starts the service, takes a snapshot and lists its scripts.
func (c mappedCase) run(t *testing.T, version string) (*heap.Snapshot, map[string]sourcemap.Script) {
	t.Helper()
	main := filepath.Join(throttlerDir, c.build, "main.js")
	if c.elsewhere {
		away := t.TempDir()
		copyScripts(t, filepath.Join(throttlerDir, c.build), away)
		main = filepath.Join(away, "main.js")
		defer os.RemoveAll(away)
	}
	p := nodetest.Start(t, nodetest.Options{Version: version, File: main, Ready: "ready", Inspect: true})
	conn := dialInspector(t, p.Inspector)
	var scripts map[string]sourcemap.Script
	if c.manifest {
		list, err := conn.Scripts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		scripts = map[string]sourcemap.Script{}
		for _, s := range list {
			// As the manifest has it.
			scripts[s.ID] = sourcemap.Script(capture.Script{URL: s.URL, SourceMapURL: s.SourceMapURL})
		}
	}
	file := filepath.Join(t.TempDir(), "s.heapsnapshot")
	if err := takeSnapshot(t.Context(), conn, heapprofiler.TakeHeapSnapshotParams{}, file); err != nil {
		t.Fatal(err)
	}
	return parseFile(t, file), scripts
}

func dialInspector(t *testing.T, address string) *cdp.Conn {
	t.Helper()
	conn, err := cdp.Dial(t.Context(), func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// TestAllocationInSource follows the stack of an allocation to the lines of TypeScript.
func TestAllocationInSource(t *testing.T) {
	for _, version := range []string{"18", "24"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			p := nodetest.Start(t, nodetest.Options{Version: version, File: filepath.Join(throttlerDir, "dist", "main.js"), Ready: "ready", Inspect: true})
			conn := dialInspector(t, p.Inspector)
			yes := true
			for _, call := range []struct {
				method string
				params any
			}{
				{heapprofiler.CommandEnable, nil},
				{heapprofiler.CommandStartTrackingHeapObjects, heapprofiler.StartTrackingHeapObjectsParams{TrackAllocations: &yes}},
				{runtime.CommandEvaluate, runtime.EvaluateParams{Expression: "service.increment('late').then(() => {})", AwaitPromise: &yes}},
			} {
				if err := conn.Call(t.Context(), call.method, call.params, nil); err != nil {
					t.Fatal(err)
				}
			}
			file := filepath.Join(t.TempDir(), "s.heapsnapshot")
			if err := takeSnapshot(t.Context(), conn, heapprofiler.TakeHeapSnapshotParams{}, file); err != nil {
				t.Fatal(err)
			}
			s := parseFile(t, file)
			r, err := sourcemap.New(sourcemap.Options{})
			if err != nil {
				t.Fatal(err)
			}
			known, unknown := 0, 0
			for n := range heap.Node(s.NumNodes()) {
				if s.Type(n) != heap.ClosureNode || s.RawName(n) != "expire" {
					continue
				}
				frames := s.Allocation(n)
				if frames == nil { // made before the tracking
					unknown++
					continue
				}
				known++
				const want = "increment src/throttler.service.ts:21"
				if at := r.Resolve(frames[0].Location); fmt.Sprintf("%s %s:%d", frames[0].Function, at.File, at.Line) != want {
					t.Errorf("allocated by %s at %v, want %s", frames[0].Function, at, want)
				}
			}
			if known != 1 || unknown != 3 {
				t.Errorf("%d functions with an allocation, %d without", known, unknown)
			}
		})
	}
}

// copyScripts copies the scripts below a folder without their maps.
func copyScripts(t *testing.T, from, to string) {
	t.Helper()
	for _, pattern := range []string{"*.js", "*/*.js"} {
		files, err := filepath.Glob(filepath.Join(from, pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("%d files %s in %s, %v", len(files), pattern, from, err)
		}
		for _, file := range files {
			rel, err := filepath.Rel(from, file)
			if err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			target := filepath.Join(to, rel)
			if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(target, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// resolveAll resolves the places of all nodes in the service's scripts: found are those
// that a map leads to, "type file:line", and left the others.
func resolveAll(s *heap.Snapshot, r *sourcemap.Resolver) (found, left []string) {
	for n := range heap.Node(s.NumNodes()) {
		l, ok := s.Location(n)
		base := filepath.Base(l.Script)
		if !ok || base != "main.js" && base != "throttler.service.js" && base != "session.store.js" {
			continue
		}
		p := r.Resolve(l)
		if place := fmt.Sprintf("%s %s:%d", s.TypeName(n), p.File, p.Line); p.Original {
			found = append(found, place)
		} else {
			left = append(left, place)
		}
	}
	return found, left
}

// TestLocationRates checks on every version that functions of scripts, and objects of
// classes in scripts, know where they stand, and that the scripts have names. Builtins
// stand nowhere.
func TestLocationRates(t *testing.T) {
	for _, pin := range nodetest.Pins() {
		t.Run(pin.Major, func(t *testing.T) {
			t.Parallel()
			s, _ := mappedCase{build: "dist"}.run(t, pin.Major)
			var closures, inScripts, located, named int
			for n := range heap.Node(s.NumNodes()) {
				if s.Type(n) != heap.ClosureNode {
					continue
				}
				closures++
				if inScript(s, n) {
					inScripts++
				}
				if l, ok := s.Location(n); ok {
					located++
					if l.Script != "" {
						named++
					}
				}
			}
			t.Logf("%d closures, %d in scripts, %d located, %d with the name of the script", closures, inScripts, located, named)
			if located == 0 || located != inScripts || named < located*99/100 {
				t.Errorf("of %d closures in scripts %d are located, %d with the name of the script", inScripts, located, named)
			}
		})
	}
}

// inScript says whether a function is one of JavaScript.
func inScript(s *heap.Snapshot, n heap.Node) bool {
	for shared := range s.Out(n) {
		if s.EdgeName(shared.Edge) != "shared" {
			continue
		}
		for script := range s.Out(shared.To) {
			if name := s.EdgeName(script.Edge); name == "script" || name == "script_or_debug_info" {
				return true
			}
		}
	}
	return false
}

// TestFirstLineHasNoWrapper measures that the function around a CommonJS module does not
// move the columns of its first line: source maps do not know of it.
func TestFirstLineHasNoWrapper(t *testing.T) {
	const first = "globalThis.first = function onFirstLine() {};"
	for _, pin := range nodetest.Pins() {
		t.Run(pin.Major, func(t *testing.T) {
			t.Parallel()
			p := nodetest.Start(t, nodetest.Options{
				Version: pin.Major, Script: first + " process.stdin.resume(); console.log('ready');", Ready: "ready", Inspect: true,
			})
			file := filepath.Join(t.TempDir(), "s.heapsnapshot")
			if err := takeSnapshot(t.Context(), dialInspector(t, p.Inspector), heapprofiler.TakeHeapSnapshotParams{}, file); err != nil {
				t.Fatal(err)
			}
			s := parseFile(t, file)
			for n := range heap.Node(s.NumNodes()) {
				if s.Type(n) == heap.ClosureNode && s.RawName(n) == "onFirstLine" {
					if l, ok := s.Location(n); !ok || l.Line != 0 || l.Column != strings.Index(first, "()") {
						t.Errorf("at %v, %v", l, ok)
					}
					return
				}
			}
			t.Error("no such function")
		})
	}
}
