package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ecsheap/ecsheap/internal/fakeaws"
	"github.com/ecsheap/ecsheap/internal/nodetest"
)

// startChromium starts Chromium with an empty profile and returns the address of
// its own debugging port, which serves the DevTools that it was built with: the
// pages behind devtools://devtools/bundled/, where only a person can go.
func startChromium(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		nodetest.Missing(t, "chromium", "install it: apt-get install chromium")
	}
	profile := t.TempDir()
	args := []string{"--headless=new", "--disable-gpu", "--no-first-run", "--disable-component-update", "--remote-debugging-port=0", "--user-data-dir=" + profile}
	if os.Geteuid() == 0 {
		args = append(args, "--no-sandbox")
	}
	cmd := exec.Command(path, append(args, "about:blank")...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		// Its children may write there for a moment longer.
		eventually(t, "the profile is gone", func() bool { return os.RemoveAll(profile) == nil })
	})
	var port string
	eventually(t, "Chromium is there", func() bool {
		text, err := os.ReadFile(filepath.Join(profile, "DevToolsActivePort"))
		port, _, _ = strings.Cut(string(text), "\n")
		return err == nil && port != ""
	})
	return "127.0.0.1:" + port
}

// page opens a page in Chromium.
func page(t *testing.T, chromium, address string) *debugger {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://"+chromium+"/json/new?"+url.QueryEscape(address), nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var tab listed
	if err := json.NewDecoder(response.Body).Decode(&tab); err != nil {
		t.Fatal(err)
	}
	return dialDebugger(t, tab.WebSocketDebuggerURL)
}

// value is that of an expression in the page, as text; a failure is one too.
func (d *debugger) value(expression string) string {
	d.t.Helper()
	var got struct{ Result struct{ Value any } }
	d.call("Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true}, &got)
	return fmt.Sprint(got.Result.Value)
}

// devtools is what the scripts of the tests know of DevTools: the one target, and
// its model of the debugger.
const devtools = `(async () => {
	const SDK = await import('./core/sdk/sdk.js');
	const target = SDK.TargetManager.TargetManager.instance().targets()[0];
	if (!target) return 'no target';
	const model = target.model(SDK.DebuggerModel.DebuggerModel);
	%s
})().catch(e => 'failed: ' + e)`

// TestTunnelCommandDevTools opens the link in the DevTools of Chromium, which shows
// the process, stops it and lets it run on.
func TestTunnelCommandDevTools(t *testing.T) {
	t.Parallel()
	chromium := startChromium(t)
	node := nodetest.Start(t, nodetest.Options{Script: nodetest.Quiet(), Ready: nodetest.QuietReady, Inspect: true})
	w := newWorld(t, fakeaws.Config{}, node)
	f := w.forward(t)
	link, ok := strings.CutPrefix(f.Inspector.DevToolsURL, "devtools://devtools/bundled/")
	if !ok {
		t.Fatalf("link %s", f.Inspector.DevToolsURL)
	}
	p := page(t, chromium, "http://"+chromium+"/devtools/"+link)
	script := func(body string) string { return fmt.Sprintf(devtools, body) }
	eventually(t, "DevTools is attached", func() bool {
		return p.value(script("return target.name() + ' ' + target.type() + ' ' + (model && model.scripts().length > 10)")) == "Main node true"
	})
	ask := script("return (await target.runtimeAgent().invoke_evaluate({expression: 'process.pid'})).result.value")
	if got := p.value(ask); got != fmt.Sprint(node.PID) {
		t.Errorf("DevTools sees process %s, want %d", got, node.PID)
	}
	paused := script("return model.isPaused()")
	p.value(script("target.runtimeAgent().invoke_evaluate({expression: 'globalThis.before = 1; debugger; globalThis.after = 2'}); return ''"))
	eventually(t, "the process stands still", func() bool { return p.value(paused) == "true" })
	p.value(script("model.resume(); return ''"))
	eventually(t, "the process runs on", func() bool { return p.value(paused) == "false" })
	if got := p.value(script("return (await target.runtimeAgent().invoke_evaluate({expression: 'before + after'})).result.value")); got != "3" {
		t.Errorf("the program went on to %s", got)
	}
	f.stop(t)
	w.wantEnded(t, 1)
}
