package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ecsheap/ecsheap/sampling"
	"github.com/ecsheap/ecsheap/tunnel"
)

// stored is a small profile as V8 sends it.
const stored = `{"head":{"callFrame":{"functionName":"(root)","scriptId":"0","url":"","lineNumber":-1,"columnNumber":-1},"selfSize":0,"id":1,"children":[
{"callFrame":{"functionName":"","scriptId":"9","url":"file:///app/my%20cart.js","lineNumber":41,"columnNumber":6},"selfSize":600000,"id":2,"children":[
{"callFrame":{"functionName":"push","scriptId":"0","url":"","lineNumber":-1,"columnNumber":-1},"selfSize":150000,"id":3,"children":[]}]},
{"callFrame":{"functionName":"(GC)","scriptId":"0","url":"","lineNumber":-1,"columnNumber":-1},"selfSize":250000,"id":4,"children":[]},
{"callFrame":{"functionName":"caller","scriptId":"9","url":"file:///app/my%20cart.js","lineNumber":1,"columnNumber":1},"selfSize":0,"id":5,"children":[]}]},
"samples":[{"size":600000,"nodeId":2,"ordinal":1}]}`

func summaryOf(t *testing.T, text string) (*sampling.Profile, profileJSON) {
	t.Helper()
	p, err := sampling.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return p, profileJSON{
		Schema: schema, Dir: "out", DurationMs: 30_100, Samples: len(p.Samples), TotalBytes: p.TotalBytes(), Sites: sitesJSON(p.Sites()), Functions: sitesJSON(p.Functions()),
	}
}

func TestPrintProfile(t *testing.T) {
	_, summary := summaryOf(t, stored)
	var out bytes.Buffer
	if err := printProfile(&ui{out: &out}, summary); err != nil {
		t.Fatal(err)
	}
	const want = `1.0 MB allocated in 30.1 s are still alive (estimated from 1 sample)

    SELF   %     TOTAL   %  FUNCTION     BEGINS AT
750.0 kB  75  750.0 kB  75  (anonymous)  /app/my cart.js:42:7
250.0 kB  25  250.0 kB  25  (GC)
`
	if out.String() != want {
		t.Errorf("got:\n%s", &out)
	}
}

func TestPrintProfileLong(t *testing.T) {
	summary := profileJSON{Dir: "out", IncludeCollected: true, Samples: 1, TotalBytes: 2000}
	for range profileRows + 5 {
		summary.Sites = append(summary.Sites, siteJSON{Function: strings.Repeat("name\x1b", 20), URL: "file:///" + strings.Repeat("long/", 30) + "end.js", Line: 1234, Column: 5, SelfBytes: 100, TotalBytes: 100})
	}
	var out bytes.Buffer
	if err := printProfile(&ui{out: &out}, summary); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 3+profileRows+1 || lines[len(lines)-1] != "and 5 more, in "+filepath.Join("out", "profile.json") || !strings.Contains(lines[0], "alive or collected") {
		t.Errorf("got:\n%s", &out)
	}
	for _, line := range lines {
		if displayWidth(line) > maxColumns || strings.Contains(line, "\x1b") {
			t.Errorf("%d columns: %q", displayWidth(line), line)
		}
	}
	if !strings.HasSuffix(lines[3], "/end.js:1234:5") {
		t.Errorf("the place has lost its line: %q", lines[3])
	}
}

// TestPrintProfileEmpty: an idle service gets a text and no table.
func TestPrintProfileEmpty(t *testing.T) {
	for collected, want := range map[bool]string{false: "nothing that was allocated is still alive", true: "nothing was allocated"} {
		var out bytes.Buffer
		err := printProfile(&ui{out: &out}, profileJSON{DurationMs: 30_000, IntervalBytes: 131072, IncludeCollected: collected})
		text := out.String()
		if err != nil || !strings.HasPrefix(text, want) || !strings.Contains(text, "no sample in 30.0 s") || !strings.Contains(text, "--sampling-interval 32768") || strings.Contains(text, "SELF") {
			t.Errorf("%v, got:\n%s", err, text)
		}
		for line := range strings.Lines(text) {
			if displayWidth(line) > maxColumns {
				t.Errorf("%d columns: %q", displayWidth(line), line)
			}
		}
	}
}

func TestTakesSnapshots(t *testing.T) {
	mine := runReason("snapshot")
	nobody := fmt.Sprintf("ecsheap snapshot on %s, pid %d", hostName(), 1<<30) // above every kernel's highest pid
	for reason, want := range map[string]bool{
		mine:                              true, // alive, since it is us
		nobody:                            false,
		"ecsheap snapshot on mars, pid 1": true,
		"ecsheap profile on mars, pid 1":  false,
		"a shell":                         false,
		"":                                false,
	} {
		if got := takesSnapshots(tunnel.Session{Reason: reason}); got != want {
			t.Errorf("%q: %t", reason, got)
		}
	}
}

func TestPlace(t *testing.T) {
	for want, s := range map[string]siteJSON{
		"":                         {Line: 3},
		"/app/a b.js:3:4":          {URL: "file:///app/a%20b.js", Line: 3, Column: 4},
		"node:internal/timers:3:4": {URL: "node:internal/timers", Line: 3, Column: 4},
		"wasm://x":                 {URL: "wasm://x"},
		`a\u001b.js:1:1`:           {URL: "a\x1b.js", Line: 1, Column: 1},
	} {
		if got := place(s); got != want {
			t.Errorf("%+v: got %q, want %q", s, got, want)
		}
	}
}

func TestStoreProfile(t *testing.T) {
	p, summary := summaryOf(t, stored)
	dir := filepath.Join(t.TempDir(), "a", "b")
	r := sampled{raw: []byte(stored), startedAt: time.Now(), duration: time.Second}
	if err := storeProfile(dir, r, p, profileOptions{interval: 131072}, summary); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{profileFile, profilePprofFile, profileJSONFile} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Size() == 0 || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if data, err := os.ReadFile(filepath.Join(dir, profileFile)); err != nil || string(data) != stored {
		t.Errorf("%v, got %s", err, data)
	}
	if info, err := os.Stat(dir); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info, err)
	}
}

func TestWriteWhole(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "taken")
	if err := os.Mkdir(path, 0o700); err != nil { // so that the last step fails
		t.Fatal(err)
	}
	if err := writeWhole(path, []byte("x")); err == nil {
		t.Error("no error")
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "busy"+tmpSuffix), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := writeWhole(filepath.Join(dir, "busy"), []byte("x")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "busy"+tmpSuffix)); err != nil {
		t.Errorf("the file of somebody else: %v", err)
	}
}

// What cannot be read is stored all the same, and a first error is not hidden.
func TestTellProfileUnreadable(t *testing.T) {
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	u := newUI(streams{in: os.Stdin, out: out, err: out})
	dir := filepath.Join(t.TempDir(), "out")
	got := tellProfile(u, profileOptions{dir: dir}, sampled{raw: []byte(`{}`)}, nil)
	if _, first := os.Stat(filepath.Join(dir, profileFile)); !isAs[*sampling.FormatError](got) || first != nil {
		t.Errorf("got %v, %v", got, first)
	}
	interrupted := &interruptedError{signal: os.Interrupt}
	got = tellProfile(u, profileOptions{dir: filepath.Join(dir, profileFile)}, sampled{raw: []byte(stored)}, interrupted)
	u.close()
	out.Close()
	var said bytes.Buffer
	if _, err := said.ReadFrom(in); err != nil || !errors.Is(got, interrupted) || !strings.Contains(said.String(), "warning: ") {
		t.Errorf("got %v, %v and on stderr:\n%s", got, err, &said)
	}
}
