package sampling

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const pprofTree = "handler 1000 (parse 4000 (push! 3000) render 500) handler 20 (handler 30)"

func TestPprof(t *testing.T) {
	start := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	p := mustParse(t, text(t, pprofTree)).Pprof(PprofOptions{Interval: 131072, Start: start, Duration: 30 * time.Second, Comments: []string{"node v22.1.0"}})
	if err := p.CheckValid(); err != nil {
		t.Fatal(err)
	}
	if p.DefaultSampleType != "inuse_space" || p.Period != 131072 || p.TimeNanos != start.UnixNano() || p.DurationNanos != 30e9 || p.Comments[0] != "node v22.1.0" {
		t.Errorf("got %s", p)
	}
	if got := p.Sample[0].Value; got[0] != 2 || got[1] != 1000 {
		t.Errorf("values of the first sample: %v", got)
	}
	if got := p.Sample[2].Location; len(got) != 3 || got[0].Line[0].Function.Name != "push" || got[2].Line[0].Function.Name != "handler" {
		t.Errorf("the stack of push does not begin with it: %v", got)
	}
	f := p.Sample[0].Location[0].Line[0]
	if f.Function.Filename != "/app/my handler.js" || f.Line != 71 || f.Column != 5 {
		t.Errorf("got %+v of %+v", f, f.Function)
	}
	all := mustParse(t, text(t, pprofTree)).Pprof(PprofOptions{Collected: true})
	if all.DefaultSampleType != "alloc_space" || all.TimeNanos != 0 || all.SampleType[1].Type != "alloc_space" {
		t.Errorf("with what was collected: %s", all)
	}
}

func TestFileName(t *testing.T) {
	for address, want := range map[string]string{
		"":                      "",
		"/app/main.js":          "/app/main.js", // Node.js 14
		"file:///app/main.js":   "/app/main.js",
		"file:///a%20b/m.js":    "/a b/m.js",
		"node:internal/timers":  "node:internal/timers",
		"evalmachine.<anon %%>": "evalmachine.<anon %%>",
		"webpack://app/./a.js":  "webpack://app/./a.js",
	} {
		if got := fileName(address); got != want {
			t.Errorf("%q: got %q, want %q", address, got, want)
		}
	}
}

// TestPprofTop has pprof itself read the file.
func TestPprofTop(t *testing.T) {
	var file bytes.Buffer
	if err := mustParse(t, text(t, pprofTree)).Pprof(PprofOptions{Interval: 131072}).Write(&file); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "profile.pb.gz")
	if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("go", "tool", "pprof", "-top", "-lines", "-unit=B", path).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	const want = `File: node
Type: inuse_space
Showing nodes accounting for 8550B, 100% of 8550B total
      flat  flat%   sum%        cum   cum%
     4000B 46.78% 46.78%      7000B 81.87%  parse /app/my parse.js:51
     3000B 35.09% 81.87%      3000B 35.09%  push
     1050B 12.28% 94.15%      8550B   100%  handler /app/my handler.js:71
      500B  5.85%   100%       500B  5.85%  render /app/my render.js:61
`
	if got := strings.TrimLeft(string(out), "\n"); got != want {
		t.Errorf("pprof says:\n%s", got)
	}
}
