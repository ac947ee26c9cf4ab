package nodetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestStartEveryVersion(t *testing.T) {
	for _, major := range Versions() {
		t.Run(major, func(t *testing.T) {
			t.Parallel()
			p := Start(t, Options{
				Version: major, Inspect: true, Args: []string{"an argument"},
				Script: `console.log(process.version, process.pid, process.cwd(), process.argv[2]);
					process.stdin.on('end', () => process.exit(0)).resume();`,
			})
			dir, err := filepath.EvalSymlinks(p.Dir)
			if err != nil {
				t.Fatal(err)
			}
			want := fmt.Sprintf("v%s %d %s an argument", p.Version, p.PID, dir)
			if got := p.Line("v"); !strings.HasSuffix(got, want) {
				t.Errorf("process says %q, want %q", got, want)
			}
			if !strings.HasPrefix(p.Version, major+".") {
				t.Errorf("version %s for %s", p.Version, major)
			}
			var before State
			if runtime.GOOS == "linux" {
				before = p.State() // ahead of the first connection, which takes a moment to go
			}
			body := get(t, "http://"+p.Inspector+"/json/version")
			if !strings.Contains(body, "node.js/v"+p.Version) {
				t.Errorf("inspector at %s says %s", p.Inspector, body)
			}
			if runtime.GOOS == "linux" {
				p.AwaitState(before)
			}
		})
	}
}

func TestStartSystemAndNewestLTS(t *testing.T) {
	for version, want := range map[string]string{System: "", "": "24."} {
		p := Start(t, Options{Version: version, Script: `console.log('up')`, Ready: "up"})
		if !strings.HasPrefix(p.Version, want) {
			t.Errorf("Version %q is %s, want %s…", version, p.Version, want)
		}
	}
}

func TestStartFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mine.js")
	if err := os.WriteFile(file, []byte(`console.log(__filename)`), 0o600); err != nil {
		t.Fatal(err)
	}
	p := Start(t, Options{Version: System, File: file})
	p.Line("mine.js")
	if p.Script != file {
		t.Errorf("Script = %s, want %s", p.Script, file)
	}
}

func TestStateSeesWhatChanges(t *testing.T) {
	p := Start(t, Options{Version: System, Script: `
		const fs = require('fs'), net = require('net'), http = require('http');
		const acts = {
			listen: () => net.createServer().listen(0, '127.0.0.1', () => console.log('did listen')),
			open: () => { fs.openSync('left.tmp', 'w'); console.log('did open'); },
			unlink: () => { fs.unlinkSync('left.tmp'); console.log('did unlink'); },
		};
		process.stdin.on('end', () => process.exit(0)).resume();
		const server = http.createServer((q, r) => { acts[q.url.slice(1)](); r.end(); });
		server.listen(0, '127.0.0.1', () => console.log('listening on 127.0.0.1:' + server.address().port));`})
	address := strings.TrimPrefix(p.Line("listening on "), "listening on ")
	before := p.State()
	if want := []string{address}; !slices.Equal(before.Listeners, want) {
		t.Errorf("listeners %v, want %v", before.Listeners, want)
	}
	if len(before.Connections)+len(before.TempFiles) != 0 {
		t.Errorf("connections %v, temporary files %v, want none", before.Connections, before.TempFiles)
	}

	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	connected := before
	connected.Connections = []string{address + " " + conn.LocalAddr().String()}
	p.AwaitState(connected)
	conn.Close()
	p.AwaitState(before)

	get(t, "http://"+address+"/open")
	opened := before
	opened.TempFiles = []string{"left.tmp"}
	opened.Files = append(slices.Clone(before.Files), filepath.Join(p.Dir, "left.tmp"))
	slices.Sort(opened.Files)
	p.AwaitState(opened)

	get(t, "http://"+address+"/unlink")
	unlinked := before
	unlinked.Files = append(slices.Clone(before.Files), filepath.Join(p.Dir, "left.tmp")+" (deleted)")
	slices.Sort(unlinked.Files)
	p.AwaitState(unlinked)

	get(t, "http://"+address+"/listen")
	p.Line("did listen")
	if after := p.State(); len(after.Listeners) != 2 || after.Equal(unlinked) {
		t.Errorf("a second listener is not seen: %v", after.Listeners)
	}
}

// get fetches a URL over a connection of its own, gone when it returns.
func get(t *testing.T, url string) string {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	client := http.Client{Transport: transport, Timeout: 20 * time.Second}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestFixtures(t *testing.T) {
	quiet := Start(t, Options{Version: System, Script: Quiet(), Ready: QuietReady})
	address := strings.TrimPrefix(quiet.Line(QuietReady), QuietReady)
	if got := get(t, "http://"+address+"/some/path"); !strings.Contains(got, `["","some","path"]`) {
		t.Errorf("quiet answers %s", got)
	}
	bulk := Start(t, Options{Version: System, Script: Bulk(), Args: []string{"3"}, Ready: BulkReady})
	if got, want := bulk.Line(BulkReady), "filled 3 chunks"; got != want {
		t.Errorf("bulk says %q, want %q", got, want)
	}
}

func TestBulkHasTheWantedSize(t *testing.T) {
	const wanted, tolerance = 40, 7 // MB
	p := Start(t, Options{
		Script: Bulk() + `
			const file = require('v8').writeHeapSnapshot('s.heapsnapshot');
			console.log('wrote ' + require('fs').statSync(file).size);`,
		Args: []string{strconv.Itoa(wanted)},
	})
	size, err := strconv.Atoi(strings.TrimPrefix(p.Line("wrote "), "wrote "))
	if err != nil || size < (wanted-tolerance)*1e6 || size > (wanted+tolerance)*1e6 {
		t.Errorf("snapshot of %d bytes, want about %d MB (%v)", size, wanted, err)
	}
}

// recorder is a testing.TB that notes how a test ended. It embeds a real one
// for what it does not note.
type recorder struct {
	testing.TB
	skipped, failed string
}

func (r *recorder) Skipf(format string, args ...any) {
	r.skipped = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.failed = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func TestMissingVersionSkipsHereAndFailsInCI(t *testing.T) {
	t.Setenv(toolsVariable, t.TempDir())
	require := func() *recorder {
		r := &recorder{TB: t}
		done := make(chan struct{})
		go func() {
			defer close(done)
			Require(r, "22")
		}()
		<-done
		return r
	}
	const hint = "scripts/nodes.sh 22"
	t.Setenv("CI", "")
	if r := require(); !strings.Contains(r.skipped, hint) || r.failed != "" {
		t.Errorf("here: skipped %q, failed %q; want a skip with %q", r.skipped, r.failed, hint)
	}
	t.Setenv("CI", "true")
	if r := require(); !strings.Contains(r.failed, hint) || r.skipped != "" {
		t.Errorf("in CI: skipped %q, failed %q; want a failure with %q", r.skipped, r.failed, hint)
	}
}

func TestFind(t *testing.T) {
	tools := t.TempDir()
	t.Setenv(toolsVariable, tools)
	pin, ok := find("")
	if !ok || !pin.LTS {
		t.Fatalf("no LTS is pinned: %+v", pin)
	}
	if _, err := Find(""); !isMissing(err, pin.Major) {
		t.Errorf("got %v, want a MissingError for %s", err, pin.Major)
	}
	node := filepath.Join(tools, "node", pin.Version, "bin", "node")
	if err := os.MkdirAll(filepath.Dir(node), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(node, nil, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"", pin.Major} {
		if got, err := Find(version); got != node || err != nil {
			t.Errorf("Find(%q) = %s, %v; want %s", version, got, err, node)
		}
	}
	if _, err := Find("19"); err == nil || isMissing(err, "19") {
		t.Errorf("Find(19) = %v, want that it is not in the table", err)
	}
	t.Setenv("PATH", tools)
	if _, err := Find(System); !isMissing(err, System) {
		t.Errorf("Find(System) without node on PATH = %v", err)
	}
}

func isMissing(err error, version string) bool {
	missing, ok := errors.AsType[*MissingError](err)
	return ok && missing.Version == version && missing.Hint() != "" && missing.Error() != ""
}

func TestPins(t *testing.T) {
	const table = `# a comment
# major role linux-x64 darwin-arm64
16 later 16.1.0 -
18 test  18.1.0 18.0.0

24 lts   24.1.0 24.0.0
`
	got := parsePins(table, "darwin-arm64")
	want := []Pin{{Major: "16"}, {Major: "18", Version: "18.0.0", Tested: true}, {Major: "24", Version: "24.0.0", Tested: true, LTS: true}}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for _, pin := range parsePins(table, "plan9-mips") {
		if pin.Version != "" {
			t.Errorf("unknown platform has %+v", pin)
		}
	}
}

func TestPinnedTable(t *testing.T) {
	if got, want := Versions(), []string{"18", "20", "22", "24", "26"}; !slices.Equal(got, want) {
		t.Errorf("Versions() = %v, want %v", got, want)
	}
	for _, platform := range []string{"linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64"} {
		lts := 0
		for _, pin := range parsePins(pins, platform) {
			if pin.LTS {
				lts++
			}
			if pin.Tested && !strings.HasPrefix(pin.Version, pin.Major+".") {
				t.Errorf("%s: %+v is tested but has no version of its own", platform, pin)
			}
		}
		if lts != 1 {
			t.Errorf("%s: %d versions are the newest LTS", platform, lts)
		}
	}
}

func TestTools(t *testing.T) {
	t.Setenv(toolsVariable, "")
	tools, err := Tools()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(tools, "..", "go.mod")); err != nil {
		t.Errorf("tools at %s: %v", tools, err)
	}
	t.Chdir("/")
	if tools, err := Tools(); err == nil {
		t.Errorf("tools at %s outside a checkout", tools)
	}
}

// TestProcessEndsWithTheTest looks from outside at a process of an ended test.
func TestProcessEndsWithTheTest(t *testing.T) {
	var p *Process
	t.Run("inner", func(t *testing.T) {
		p = Start(t, Options{Version: System, Script: `setInterval(() => {}, 1000); console.log('up')`, Ready: "up"})
	})
	if p == nil {
		t.Skip("no node")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	select {
	case <-p.Done():
	default:
		t.Errorf("still running: %v", p.Wait(ctx))
	}
}

// TestShapes looks at every shape from inside: how much of the heap it uses, and
// that a snapshot of it and what the event loop stood still are told.
func TestShapes(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("Probe needs Linux")
	}
	const empty, wanted, tolerance = 5, 20, 5 // MB
	for _, shape := range append(ShapeNames(), "map+strings") {
		t.Run(shape, func(t *testing.T) {
			p := Start(t, Options{Script: Shapes() + Probe(), Args: []string{shape, strconv.Itoa(wanted)}, Ready: ShapesReady})
			text, err := os.ReadFile(strings.TrimPrefix(p.Line(ProbeReady), ProbeReady))
			if err != nil {
				t.Fatal(err)
			}
			var probed struct {
				Live   json.RawMessage
				Vitals struct{ RSS, HeapUsed int64 }
			}
			if err := json.Unmarshal(text, &probed); err != nil {
				t.Fatal(err)
			}
			if mb := probed.Vitals.HeapUsed/1e6 - empty; mb < wanted-tolerance || mb > wanted+tolerance {
				t.Errorf("%d MB of heap, want about %d", mb, wanted)
			}
			if !strings.Contains(string(probed.Live), "type_data") {
				t.Errorf("no count of objects in %.100s", probed.Live)
			}
		})
	}
	p := Start(t, Options{Script: Shapes() + Probe(), Args: []string{"mix", "5"}, Ready: ProbeReady})
	if err := p.Signal(syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	var took struct {
		Seen struct{ Nodes, FileBytes, RSSPeak, Pause int64 }
	}
	if err := json.Unmarshal([]byte(strings.TrimPrefix(p.Line("took 1 "), "took 1 ")), &took); err != nil {
		t.Fatal(err)
	}
	if s := took.Seen; s.Nodes < 50000 || s.FileBytes < 1e6 || s.RSSPeak < 10e6 || s.Pause < 1e6 {
		t.Errorf("took %+v", s)
	}
	if err := p.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if ms, err := strconv.Atoi(strings.TrimPrefix(p.Line("stopped 1 "), "stopped 1 ")); err != nil || int64(ms) < took.Seen.Pause/2e6 {
		t.Errorf("stopped for %d ms in a snapshot of %d ns: %v", ms, took.Seen.Pause, err)
	}
}
