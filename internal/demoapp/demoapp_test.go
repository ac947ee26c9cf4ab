package demoapp_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ecsheap/ecsheap/internal/demoapp"
	"github.com/ecsheap/ecsheap/internal/nodeproc"
	"github.com/ecsheap/ecsheap/internal/nodetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// watch is appended to the service: it reports the heap after a collection,
// for each thousand requests.
const watch = `
const seen = [];
const timer = setInterval(() => {
  if (throttler.timeoutIds.length < 1000 * (seen.length + 1)) return;
  gc();
  seen.push(process.memoryUsage().heapUsed);
  console.log(['leaked', throttler.timeoutIds.length, throttler.storage.size, seen[seen.length - 1] - seen[0]].join(' '));
}, 5);
`

// TestLeakGrowsAndNothingElse runs the service on every version, the later ones
// of the table too, and looks at its heap as it runs.
func TestLeakGrowsAndNothingElse(t *testing.T) {
	for _, pin := range nodetest.Pins() {
		t.Run(pin.Major, func(t *testing.T) {
			if _, err := nodetest.Find(pin.Major); err != nil && !pin.Tested {
				t.Skip(err)
			}
			p := nodetest.Start(t, nodetest.Options{
				Version: pin.Major, Script: demoapp.Script() + watch, Ready: demoapp.Ready,
				NodeArgs: []string{"--expose-gc"}, Args: []string{"--rate=3000"},
			})
			var grown int
			for n := 1; n <= 3; n++ {
				fields := strings.Fields(p.Line("leaked " + strconv.Itoa(n)))
				if clients := fields[2]; clients != "200" {
					t.Errorf("the throttler knows %s clients, want 200 all the time", clients)
				}
				grown, _ = strconv.Atoi(fields[3])
			}
			const requests, least, most = 2000, 400, 1500 // bytes a request
			if grown < requests*least || grown > requests*most {
				t.Errorf("heap grew by %d bytes in %d requests, want %d to %d a request", grown, requests, least, most)
			}
		})
	}
}

func TestStart(t *testing.T) {
	node := nodetest.Require(t, nodetest.System)
	var stdout strings.Builder
	app, err := demoapp.Start(t.Context(), node, demoapp.Options{HeapMB: 20, Rate: 50, Stdout: &stdout})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { app.Close() })
	if body := get(t, "http://"+app.Inspector+"/json/version"); !strings.Contains(body, "node.js/v"+app.Version) {
		t.Errorf("inspector says %s, want version %s", body, app.Version)
	}
	if body := get(t, "http://"+app.Address+"/products/42"); !strings.Contains(body, `"name":"Product number 42"`) {
		t.Errorf("service says %s", body)
	}
	if !regexp.MustCompile(`^127\.0\.0\.1:\d+$`).MatchString(app.Address) {
		t.Errorf("service listens at %s", app.Address)
	}
	if runtime.GOOS == "linux" {
		listeners, err := nodetest.Listeners(app.PID)
		if err != nil || len(listeners) != 2 {
			t.Errorf("listeners %v, %v; want the service and its inspector", listeners, err)
		}
	}
	if err := app.Close(); err != nil {
		t.Error(err)
	}
	select {
	case <-app.Done():
	default:
		t.Error("Close returned before the service was gone")
	}
	if err := app.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if !strings.HasPrefix(stdout.String(), demoapp.Ready) || !strings.Contains(app.Output(), demoapp.Ready) {
		t.Errorf("copy of stdout %q, output %q", stdout.String(), app.Output())
	}
}

func TestStartLeavesNothingWhenItFails(t *testing.T) {
	node := nodetest.Require(t, nodetest.System)
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	stop := errors.New("stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	stopAt := &trigger{do: func() { cancel(stop) }}
	_, err := demoapp.Start(ctx, node, demoapp.Options{HeapMB: 200, Stderr: stopAt})
	if !errors.Is(err, stop) {
		t.Errorf("got %v, want the cause", err)
	}
	if left, _ := os.ReadDir(temp); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// trigger runs do at the first write: for stderr that is the inspector's line,
// well before the service is ready.
type trigger struct{ do func() }

func (w *trigger) Write(p []byte) (int, error) {
	w.do()
	return len(p), nil
}

func TestStartErrors(t *testing.T) {
	t.Run("none on PATH", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		_, err := demoapp.Start(t.Context(), "", demoapp.Options{})
		if e, ok := errors.AsType[*nodeproc.StartError](err); !ok || e.Hint() == "" {
			t.Errorf("got %v, want a StartError with a hint", err)
		}
	})
	t.Run("too old", func(t *testing.T) {
		old := filepath.Join(t.TempDir(), "node")
		if err := os.WriteFile(old, []byte("#!/bin/sh\necho v16.20.2\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		_, err := demoapp.Start(t.Context(), old, demoapp.Options{})
		if e, ok := errors.AsType[*demoapp.VersionError](err); !ok || e.Version != "16.20.2" || e.Hint() == "" {
			t.Errorf("got %v, want a VersionError", err)
		}
	})
}

// TestServiceEndsWithItsStdin checks that the service cannot outlive whoever
// started it: its stdin is at its end here from the start.
func TestServiceEndsWithItsStdin(t *testing.T) {
	node := nodetest.Require(t, nodetest.System)
	file := filepath.Join(t.TempDir(), "shop.js")
	if err := os.WriteFile(file, []byte(demoapp.Script()), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if out, err := exec.CommandContext(ctx, node, file).CombinedOutput(); err != nil {
		t.Errorf("service ended with %v, want exit code 0:\n%s", err, out)
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
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
