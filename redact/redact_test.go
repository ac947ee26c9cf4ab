package redact

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ecsheap/ecsheap/internal/heaptest"
	"github.com/ecsheap/ecsheap/internal/nodetest"
)

// snapshotTimeout is far more than Node.js takes for the program in testdata.
const snapshotTimeout = time.Minute

// secretBytes is how much of a secret must not be found.
const secretBytes = 8

// realSnapshot runs the program in testdata and returns its snapshot.
func realSnapshot(t *testing.T, version string) []byte {
	t.Helper()
	node := nodetest.Require(t, version)
	ctx, cancel := context.WithTimeout(t.Context(), snapshotTimeout)
	defer cancel()
	file := filepath.Join(t.TempDir(), "in.heapsnapshot")
	cmd := exec.CommandContext(ctx, node, "testdata/secrets.cjs", file)
	cmd.Env = append(os.Environ(), "VISIBLE_ENV=zqraivebazrag")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// redacted redacts a snapshot and returns the copy.
func redacted(t testing.TB, in []byte, o Options) ([]byte, Report) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out.heapsnapshot")
	report, err := Snapshot(t.Context(), bytes.NewReader(in), out, o)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return b, report
}

// TestNoSecretSurvives plants secrets in every place that V8 writes text from, and looks
// for every eight bytes of them in the bytes of the copy.
func TestNoSecretSurvives(t *testing.T) {
	source, err := os.ReadFile("testdata/secrets.cjs")
	if err != nil {
		t.Fatal(err)
	}
	secrets := append(regexp.MustCompile(`zq[\w-]+`).FindAllString(string(source), -1), "zqraivebazrag", "4155550123", "3955550199", "1234567")
	for _, pin := range nodetest.Pins() {
		t.Run(pin.Major, func(t *testing.T) {
			t.Parallel()
			in := realSnapshot(t, pin.Major)
			out, report := redacted(t, in, Options{})
			planted := 0
			for _, secret := range secrets {
				if bytes.Contains(in, []byte(secret)) {
					planted++
				}
				for i := 0; i == 0 || i+secretBytes <= len(secret); i++ {
					part := secret[i:min(i+secretBytes, len(secret))]
					if bytes.Contains(out, []byte(part)) {
						t.Errorf("%q of %q is in the copy", part, secret)
					}
				}
			}
			if planted < 2*len(secrets)/3 {
				t.Errorf("only %d of %d secrets were in the original", planted, len(secrets))
			}
			names := []string{"VisibleSession", "visibleMethod", "visibleKeep", "visibleNamed", "visibleClosed", "secrets.cjs"}
			if pin.Major != "14" { // in whose snapshots compiled code cannot be told by its name
				names = append(names, "visibleToken", "visibleLeft")
			}
			for _, name := range names {
				if !bytes.Contains(out, []byte(name)) {
					t.Errorf("%s, which is a name of code, is not in the copy", name)
				}
			}
			checkSame(t, in, out)
			if report.Kept+report.Framed+report.Replaced != report.Strings || report.Proven == 0 || report.Keys == 0 {
				t.Errorf("report %+v", report)
			}
		})
	}
}

// document is a snapshot as encoding/json sees it.
type document struct {
	Snapshot  json.RawMessage   `json:"snapshot"`
	Nodes     []json.Number     `json:"nodes"`
	Edges     []json.Number     `json:"edges"`
	Traces    []json.Number     `json:"trace_function_infos"`
	Tree      json.RawMessage   `json:"trace_tree"`
	Samples   []json.RawMessage `json:"samples"`
	Locations []json.RawMessage `json:"locations"`
	Strings   []string          `json:"strings"`
}

func read(t testing.TB, b []byte) document {
	t.Helper()
	var d document
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// checkSame compares what has to be the same: all but the strings and the keys among the
// indexes; of the strings, their lengths and which of them are equal.
func checkSame(t testing.TB, in, out []byte) {
	t.Helper()
	a, b := read(t, in), read(t, out)
	if !slices.Equal(a.Nodes, b.Nodes) || string(a.Tree) != string(b.Tree) || !slices.Equal(a.Traces, b.Traces) || len(a.Locations) != len(b.Locations) {
		t.Error("the graph has changed")
	}
	if len(a.Edges) != len(b.Edges) || len(a.Strings) != len(b.Strings) {
		t.Fatalf("%d numbers of edges of %d, %d strings of %d", len(b.Edges), len(a.Edges), len(b.Strings), len(a.Strings))
	}
	for i := range a.Edges {
		if a.Edges[i] != b.Edges[i] && (i%3 != 1 || len(a.Edges[i]) != len(b.Edges[i])) {
			t.Fatalf("edge %d has changed from %s to %s", i/3, a.Edges[i], b.Edges[i])
		}
	}
	became, was := map[string]string{}, map[string]string{}
	for i, s := range a.Strings {
		r := b.Strings[i]
		if units([]byte(s)) != units([]byte(r)) {
			t.Errorf("%q became %q, of another length", s, r)
		}
		if other, ok := became[s]; ok && other != r {
			t.Errorf("%q became %q and %q", s, other, r)
		}
		if other, ok := was[r]; ok && other != s {
			t.Errorf("%q and %q became %q", s, other, r)
		}
		became[s], was[r] = r, s
	}
}

// service is a small heap with a name of each kind.
func service() *heaptest.Graph {
	g := heaptest.New(heaptest.Node22)
	g.Node("roots", "synthetic", "(GC roots)", 0)
	g.Node("global", "object", "global", 40)
	g.Node("app", "object", "App", 64).At(7, 4, 13)
	g.Node("ctor", "closure", "App", 64).At(7, 4, 13)
	g.Node("shared", "code", "App", 32)
	g.Node("script", "code", "/home/alice/app/server.js", 88)
	g.Node("map", "object shape", "system / Map", 88)
	g.Node("descriptors", "object shape", "system / DescriptorArray", 88)
	g.Node("described", "string", "visible", 24)
	g.Node("value", "string", "secret value", 24)
	g.Node("length", "string", "12345", 24)
	g.Edge(heaptest.Root, "shortcut", "global", "global")
	g.Edge(heaptest.Root, "element", "1", "roots")
	g.Edge("global", "property", "app", "app")
	g.Edge("global", "property", "topLevel", "app")
	g.Edge("app", "property", "visible", "value")
	g.Edge("app", "property", "notDescribed", "length")
	g.Edge("app", "element", "4155550123", "value")
	g.Edge("app", "internal", "map", "map")
	g.Edge("map", "internal", "descriptors", "descriptors")
	g.Edge("descriptors", "internal", "0", "described")
	g.Node("bytecode", "code", "system / BytecodeArray", 64)
	g.Node("pool", "code", "(constant pool)", 64)
	g.Node("top", "string", "topLevel", 24)
	g.Edge("shared", "internal", "function_data", "bytecode")
	g.Edge("bytecode", "internal", "4", "pool")
	g.Edge("pool", "internal", "0", "described")
	g.Edge("pool", "hidden", "1", "top")
	g.Edge("ctor", "internal", "shared", "shared")
	g.Edge("shared", "internal", "script", "script")
	g.Edge("ctor", "internal", "3 / part of key (App @7) -> value (secret value @21) pair in WeakMap (table @5)", "value")
	return g
}

func TestSmallService(t *testing.T) {
	in := service().Bytes(t)
	out, report := redacted(t, in, Options{})
	checkSame(t, in, out)
	strings := read(t, out).Strings
	for _, name := range []string{"(GC roots)", "App", "system / DescriptorArray", "visible", "topLevel", "global", "descriptors"} {
		if !slices.Contains(strings, name) {
			t.Errorf("%q is gone", name)
		}
	}
	for _, name := range []string{"secret value", "notDescribed", "alice", "12345", "4155550123"} {
		if bytes.Contains(out, []byte(name)) {
			t.Errorf("%q is there", name)
		}
	}
	for _, form := range []string{
		`"/home/[A-Za-z]\w{4}/app/server.js"`, `"3 / part of key \(App @7\) -> value \(\w{12} @21\) pair in WeakMap \(table @5\)"`, `"[1-9]\d{4}"`,
	} {
		if !regexp.MustCompile(form).Match(out) {
			t.Errorf("nothing is like %s", form)
		}
	}
	if report.Keys != 1 {
		t.Errorf("%d keys", report.Keys)
	}
}

// TestKey compares copies with one key and with others.
func TestKey(t *testing.T) {
	in := service().Bytes(t)
	a, _ := redacted(t, in, Options{Key: bytes.Repeat([]byte{1}, KeyBytes)})
	b, _ := redacted(t, in, Options{Key: bytes.Repeat([]byte{1}, KeyBytes)})
	if !bytes.Equal(a, b) {
		t.Error("two copies with one key differ")
	}
	c, _ := redacted(t, in, Options{Key: bytes.Repeat([]byte{2}, KeyBytes)})
	d, _ := redacted(t, in, Options{})
	e, _ := redacted(t, in, Options{})
	if bytes.Equal(a, c) || bytes.Equal(d, e) {
		t.Error("copies with different keys are the same")
	}
}

// TestForeignSections has sections and header fields of a later version, and text where
// there should be none.
func TestForeignSections(t *testing.T) {
	in := string(service().Bytes(t))
	in = strings.Replace(in, `{"snapshot":{`, `{"snapshot":{"title":"zqtitle","uid":3,"more":{"a":"zqmore"},`, 1)
	in = strings.Replace(in, `"strings":[`, `"scopes":[1,2,[3,-4]],"zqsecret section!":[1],"scope_texts":["zqtext",{"a":[1,"]"]}],"flag":true,"strings":[`, 1)
	out, report := redacted(t, []byte(in), Options{})
	planted := regexp.MustCompile(`zq(title|more|secret|text)`) // "zq" alone is in a pseudonym by chance
	if planted.Match(out) || !bytes.Contains(out, []byte(`"scopes":[1,2,[3,-4]]`)) || !bytes.Contains(out, []byte(`"uid":3`)) {
		t.Errorf("the copy is %.400s", out)
	}
	if want := []string{"a section without a proper name", "scope_texts", "flag"}; !slices.Equal(report.Dropped, want) {
		t.Errorf("left out %q, want %q", report.Dropped, want)
	}
	checkSame(t, []byte(in), out)
}

func TestFileOfTheCopy(t *testing.T) {
	dir := t.TempDir()
	in, out := service().Bytes(t), filepath.Join(dir, "out")
	if _, err := Snapshot(t.Context(), bytes.NewReader(in), out, Options{}); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(out)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	var exists *ExistsError
	if _, err := Snapshot(t.Context(), bytes.NewReader(in), out, Options{}); !errors.As(err, &exists) {
		t.Errorf("the second time: %v", err)
	}
	if _, err := Snapshot(t.Context(), bytes.NewReader(in), out, Options{Overwrite: true}); err != nil {
		t.Errorf("overwriting: %v", err)
	}
	// What fails leaves what was there, and nothing beside it.
	for name, r := range map[string]io.Reader{
		"cut off": bytes.NewReader(in[:len(in)/2]), "broken": io.MultiReader(bytes.NewReader(in[:100]), errReader{}),
	} {
		if _, err := Snapshot(t.Context(), r, out, Options{Overwrite: true}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if after, err := os.Stat(out); err != nil || after.Size() != info.Size() {
		t.Errorf("the file is %v now, %v", after, err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("there are %d files", len(entries))
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errReason)
	if _, err := Snapshot(ctx, bytes.NewReader(in), filepath.Join(dir, "new"), Options{}); !errors.Is(err, errReason) {
		t.Errorf("cancelled: %v", err)
	}
}

var errReason = errors.New("the reason")

// errReader fails.
type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, errReason }

// TestCutAnywhere cuts a snapshot at every place: it is never taken for a whole one.
func TestCutAnywhere(t *testing.T) {
	in := service().Bytes(t)
	out := filepath.Join(t.TempDir(), "out")
	for n := range in {
		var syntax *SyntaxError
		if _, err := Snapshot(t.Context(), bytes.NewReader(in[:n]), out, Options{}); !errors.As(err, &syntax) {
			t.Fatalf("cut at %d: %v", n, err)
		}
	}
}

// FuzzSnapshot has it read anything. What it takes has to come out the same but for the
// strings, and be taken again.
func FuzzSnapshot(f *testing.F) {
	for _, version := range heaptest.Versions() {
		g := heaptest.New(version)
		g.Node("a", "object", "Secret Class", 16)
		g.Edge(heaptest.Root, "property", "user@example.com", "a")
		f.Add(g.Bytes(f))
	}
	f.Add(service().Bytes(f))
	f.Add([]byte(`{"snapshot":{},"strings":["\ud800"]}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		out := filepath.Join(t.TempDir(), "out")
		_, err := Snapshot(t.Context(), bytes.NewReader(in), out, Options{})
		if err != nil {
			if proof := (*ProofError)(nil); errors.As(err, &proof) {
				t.Fatal(err)
			}
			return
		}
		b, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		if !json.Valid(b) {
			t.Fatalf("no JSON: %s", b)
		}
		if _, err := Snapshot(t.Context(), bytes.NewReader(b), out, Options{Overwrite: true}); err != nil {
			t.Fatal(err)
		}
	})
}
