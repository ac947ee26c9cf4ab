package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ecsheap/ecsheap/capture"
	"github.com/ecsheap/ecsheap/internal/demoapp"
	"github.com/ecsheap/ecsheap/internal/devtoolstest"
	"github.com/ecsheap/ecsheap/internal/fakeaws"
	"github.com/ecsheap/ecsheap/internal/nodetest"
)

// TestMainJob takes three snapshots of every tested version of Node.js, has
// Chrome's own worker load them, and looks at what was left behind: nothing.
func TestMainJob(t *testing.T) {
	t.Parallel()
	for _, version := range nodetest.Versions() {
		t.Run("node"+version, func(t *testing.T) {
			node := bulk(t, version, 8)
			before := node.State()
			w := newWorld(t, fakeaws.Config{RTT: 10 * time.Millisecond}, node)
			r := w.start(t, "snapshot", "--cluster", "prod", "--task", taskID[:6], "--count", "3", "--interval", "1s", "--dir", "out")
			r.wantCode(t, 0)
			if n := w.wantWhole(t, "out"); n != 3 {
				t.Fatalf("%d snapshots, want 3", n)
			}
			var files []string
			for line := range strings.Lines(r.stdout.String()) {
				if file := strings.TrimSpace(line); strings.HasPrefix(file, "out") && strings.HasSuffix(file, ".heapsnapshot") {
					files = append(files, filepath.Join(w.dir, file))
				}
			}
			wantSeries(t, filepath.Join(w.dir, "out"), files, node)
			w.wantEnded(t, 1)
			node.AwaitState(before)
		})
	}
}

// wantSeries compares the manifest with the files, and both with what Chrome says.
func wantSeries(t *testing.T, dir string, files []string, node *nodetest.Process) {
	t.Helper()
	series, err := capture.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(series.Snapshots) != len(files) || !series.Complete() || len(series.Unfinished) > 0 {
		t.Fatalf("manifest has %d of %d snapshots, unfinished %v", len(series.Snapshots), len(files), series.Unfinished)
	}
	if p := series.Process; p.PID != node.PID || p.NodeVersion != "v"+node.Version || !slices.Contains(p.EnvNames, "PATH") {
		t.Errorf("process %+v, want pid %d, v%s", p, node.PID, node.Version)
	}
	if got := series.Target; got.Cluster != "prod" || got.Service != "api" || got.Container != "api" || got.ImageDigest == "" || got.RuntimeID == "" {
		t.Errorf("target %+v", got)
	}
	if len(series.Samples) == 0 || len(series.Checks) == 0 {
		t.Errorf("%d samples, %d checks", len(series.Samples), len(series.Checks))
	}
	report := devtoolstest.LoadMarked(t, "marker", files...)
	for i, shot := range series.Snapshots {
		data, err := os.ReadFile(files[i])
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(data)
		if shot.Bytes != int64(len(data)) || shot.SHA256 != hex.EncodeToString(sum[:]) {
			t.Errorf("%s: size or hash differ from the manifest", shot.File)
		}
		// On the wire are its compressed pieces, in base64.
		if wire := float64(shot.WireBytes) / float64(shot.Bytes); shot.Transfer != "disk" || wire <= 0 || wire > 0.28 {
			t.Errorf("%s: by %s, %.2f of its bytes on the wire", shot.File, shot.Transfer, wire)
		}
		if !shot.SameObjectIDs || shot.RSSBefore <= 0 || shot.HeapUsedAfter <= 0 || shot.PauseFrom != "process" {
			t.Errorf("shot %+v", shot)
		}
		chrome := report.Snapshots[i]
		if len(chrome.Problems) > 0 || int64(chrome.Nodes) != shot.Nodes {
			t.Errorf("%s: Chrome sees %d nodes and the problems %v, the manifest has %d nodes", shot.File, chrome.Nodes, chrome.Problems, shot.Nodes)
		}
	}
	for _, c := range report.Continuity {
		if c.Markers == 0 || c.SameID != c.Markers {
			t.Errorf("%s to %s: %d of %d objects keep their id", c.From, c.To, c.SameID, c.Markers)
		}
	}
}

func TestJSONOutput(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakeaws.Config{}, bulk(t, "", 2))
	r := w.start(t, "snapshot", "--cluster", "prod", "--service", "api", "--output", "json")
	r.wantCode(t, 0)
	var got struct {
		Schema    int            `json:"schema"`
		Dir       string         `json:"dir"`
		Target    capture.Target `json:"target"`
		Snapshots []capture.Shot `json:"snapshots"`
		Diagnosis diagnosis      `json:"diagnosis"`
	}
	if err := json.Unmarshal([]byte(r.stdout.String()), &got); err != nil {
		t.Fatalf("%v in %s", err, r.stdout)
	}
	if got.Schema != 1 || len(got.Snapshots) != 1 || got.Target.TaskARN != w.task || got.Diagnosis.Verdict != "insufficient" {
		t.Errorf("got %+v", got)
	}
	if !strings.HasPrefix(got.Dir, "ecsheap-api-"+taskID[:8]+"-") {
		t.Errorf("default directory %q", got.Dir)
	}
	if n := w.wantWhole(t, got.Dir); n != 1 {
		t.Errorf("%d snapshots", n)
	}
}

// diagnosis is what scripts read of one.
type diagnosis struct {
	Schema     int     `json:"schema"`
	Verdict    string  `json:"verdict"`
	Confidence float64 `json:"confidence"`
	Summary    string  `json:"summary"`
	Snapshots  []any   `json:"snapshots"`
	Suspects   []struct {
		Rank            int     `json:"rank"`
		Title           string  `json:"title"`
		GrowthPerSecond float64 `json:"growthPerSecond"`
		Path            []any   `json:"path"`
	} `json:"suspects"`
	Classes []any `json:"classes"`
}

// wantLeak checks that a diagnosis names the demo's leak first.
func (d diagnosis) wantLeak(t *testing.T) {
	t.Helper()
	if d.Schema != 1 || d.Verdict != "leak" || !strings.Contains(d.Summary, demoLeak) || len(d.Snapshots) != 3 || len(d.Classes) == 0 {
		t.Errorf("got %+v", d)
	}
	if len(d.Suspects) == 0 || d.Suspects[0].Rank != 1 || !strings.Contains(d.Suspects[0].Title, demoLeak) || d.Suspects[0].GrowthPerSecond <= 0 || len(d.Suspects[0].Path) == 0 {
		t.Errorf("suspects %+v", d.Suspects)
	}
}

// demoLeak is the accumulation point of the demo's service, see leaky.js.
const demoLeak = "timeoutIds"

// TestReport takes three snapshots of a leaking service: the report must name
// what leaks, on stdout, in its files, and when it is made again.
func TestReport(t *testing.T) {
	node := nodetest.Start(t, nodetest.Options{Script: demoapp.Script(), Ready: demoapp.Ready, Inspect: true})
	w := newWorld(t, fakeaws.Config{}, node)
	r := w.start(t, "snapshot", "--cluster", "prod", "--service", "api", "--count", "3", "--interval", "3s", "--dir", "out", "--fail-on-leak")
	r.wantCode(t, 9)
	w.wantEnded(t, 1)
	if n := w.wantWhole(t, "out"); n != 3 {
		t.Errorf("%d snapshots", n)
	}
	sentence, _, _ := strings.Cut(r.stdout.String(), "\n\n")
	if !strings.Contains(sentence, demoLeak) {
		t.Errorf("the sentence is %q", sentence)
	}
	if stderr := r.stderr.String(); !strings.Contains(stderr, "error: a leak was found: ") {
		t.Errorf("on stderr:\n%s", stderr)
	}
	text, page, data := w.read(t, "out/report.txt"), w.read(t, "out/report.html"), w.read(t, "out/report.json")
	if !strings.HasPrefix(r.stdout.String(), text) || !strings.HasSuffix(r.stdout.String(), filepath.Join("out", "s3.heapsnapshot")+"\n") {
		t.Errorf("report.txt is\n%s\nand on stdout is\n%s", text, r.stdout)
	}
	if !strings.Contains(page, demoLeak) {
		t.Error("report.html does not name the leak")
	}
	var stored diagnosis
	if err := json.Unmarshal([]byte(data), &stored); err != nil {
		t.Fatal(err)
	}
	stored.wantLeak(t)

	again := w.start(t, "analyze", "--output", "json", "out")
	again.wantCode(t, 0)
	var got diagnosis
	if err := json.Unmarshal([]byte(again.stdout.String()), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(stored, got); diff != "" {
		t.Errorf("analyze says another thing (-snapshot +analyze)\n%s", diff)
	}
}

// TestNoAnalyze leaves the diagnosis to another time.
func TestNoAnalyze(t *testing.T) {
	w := newWorld(t, fakeaws.Config{}, bulk(t, "", 2))
	r := w.start(t, "snapshot", "--inspector", w.node.Inspector, "--dir", "out", "--no-analyze")
	r.wantCode(t, 0)
	if got := r.stdout.String(); got != filepath.Join("out", "s1.heapsnapshot")+"\n" {
		t.Errorf("stdout %q", got)
	}
	if _, err := os.Stat(filepath.Join(w.dir, "out", "report.json")); err == nil {
		t.Error("there is a report")
	}
	r = w.start(t, "snapshot", "--inspector", w.node.Inspector, "--dir", "json", "--no-analyze", "--output", "json")
	r.wantCode(t, 0)
	if !strings.Contains(r.stdout.String(), `"diagnosis": null`) {
		t.Errorf("stdout %s", r.stdout)
	}
}

// read returns a file below the world's directory.
func (w *world) read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(w.dir, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestDirect goes past AWS.
func TestDirect(t *testing.T) {
	node := bulk(t, "", 2)
	before := node.State()
	w := newWorld(t, fakeaws.Config{}, node)
	r := w.start(t, "snapshot", "--inspector", node.Inspector, "--count", "2", "--interval", "0s", "--dir", "out")
	r.wantCode(t, 0)
	if n := w.wantWhole(t, "out"); n != 2 {
		t.Errorf("%d snapshots", n)
	}
	if calls := w.Calls(); len(calls) != 0 {
		t.Errorf("AWS was called: %+v", calls)
	}
	node.AwaitState(before)
}

func TestDemo(t *testing.T) {
	t.Parallel()
	node := nodetest.Require(t, "")
	w := &world{Server: newWorld(t, fakeaws.Config{}, bulk(t, "", 2)).Server, dir: t.TempDir()}
	r := w.start(t, "demo", "--node", node, "--interval", "1s", "--dir", "out")
	r.wantCode(t, 0)
	if n := w.wantWhole(t, "out"); n != 3 {
		t.Errorf("%d snapshots", n)
	}
	for _, want := range []string{"try next", "ecsheap demo --keep", "3 snapshots in out"} {
		if !strings.Contains(r.stderr.String(), want) {
			t.Errorf("no %q in what the demo says:\n%s", want, r.stderr)
		}
	}
	if calls := w.Calls(); len(calls) != 0 {
		t.Errorf("the demo called the AWS of the environment: %+v", calls)
	}
	report := devtoolstest.Load(t, filepath.Join(w.dir, "out", "s1.heapsnapshot"), filepath.Join(w.dir, "out", "s3.heapsnapshot"))
	first, _ := report.Snapshots[0].Class("Timeout")
	last, _ := report.Snapshots[1].Class("Timeout")
	if last.Count <= first.Count {
		t.Errorf("the demo does not leak: %d Timeout objects, then %d", first.Count, last.Count)
	}
}
