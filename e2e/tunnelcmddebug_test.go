package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/go-sourcemap/sourcemap"

	"github.com/ecsheap/ecsheap/internal/fakeaws"
	"github.com/ecsheap/ecsheap/internal/nodetest"
)

// debugger is a client that attaches as DevTools and VS Code do.
type debugger struct {
	t    *testing.T
	ctx  context.Context
	conn *websocket.Conn
	id   int
	past []event // events that nobody has waited for yet
}

// event is a message of the inspector.
type event struct {
	ID     int
	Method string
	Params json.RawMessage
	Result json.RawMessage
	Error  *struct{ Message string }
}

// attach walks the way of a debugger from an address to a connection: the version,
// the list, and the address in the list as it stands there.
func (f *forward) attach(t *testing.T) *debugger {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+f.Address+"/json/version", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var version map[string]string
	if err := json.NewDecoder(response.Body).Decode(&version); err != nil || !strings.HasPrefix(version["Browser"], "node.js/") {
		t.Fatalf("version %v, %v", version, err)
	}
	return dialDebugger(t, f.list(t)[0].WebSocketDebuggerURL)
}

func dialDebugger(t *testing.T, address string) *debugger {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	conn, _, err := websocket.Dial(ctx, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadLimit(64 << 20)
	t.Cleanup(func() { _ = conn.CloseNow() })
	return &debugger{t: t, ctx: ctx, conn: conn}
}

func (d *debugger) read() event {
	d.t.Helper()
	_, data, err := d.conn.Read(d.ctx)
	if err != nil {
		d.t.Fatal(err)
	}
	var e event
	if err := json.Unmarshal(data, &e); err != nil {
		d.t.Fatal(err)
	}
	return e
}

// send sends a command and returns its number.
func (d *debugger) send(method string, params any) int {
	d.t.Helper()
	d.id++
	data, err := json.Marshal(map[string]any{"id": d.id, "method": method, "params": params})
	if err != nil {
		d.t.Fatal(err)
	}
	if err := d.conn.Write(d.ctx, websocket.MessageText, data); err != nil {
		d.t.Fatal(err)
	}
	return d.id
}

// answer waits for the answer to a command.
func (d *debugger) answer(id int) event {
	d.t.Helper()
	for {
		if e := d.read(); e.ID == id {
			return e
		} else if e.Method != "" {
			d.past = append(d.past, e)
		}
	}
}

// call is a command that has to be obeyed.
func (d *debugger) call(method string, params, result any) {
	d.t.Helper()
	e := d.answer(d.send(method, params))
	if e.Error != nil {
		d.t.Fatalf("%s: %s", method, e.Error.Message)
	}
	if result != nil {
		if err := json.Unmarshal(e.Result, result); err != nil {
			d.t.Fatal(err)
		}
	}
}

// await waits for an event that fits.
func (d *debugger) await(method string, params any, fits func() bool) {
	d.t.Helper()
	for i := 0; ; i++ {
		if i == len(d.past) {
			if e := d.read(); e.Method != "" {
				d.past = append(d.past, e)
			}
			if i == len(d.past) {
				i--
				continue
			}
		}
		if e := d.past[i]; e.Method == method {
			if err := json.Unmarshal(e.Params, params); err != nil {
				d.t.Fatal(err)
			}
			if fits() {
				d.past = slices.Delete(d.past, i, i+1)
				return
			}
		}
	}
}

// script is what a debugger is told of a script.
type script struct{ ScriptID, URL, SourceMapURL string }

// generated finds the place in a script that a line of its source became, as a
// debugger does: with the map beside the script, in the local copy of the sources.
func generated(t *testing.T, file, mapURL, source string, line int) (int, int) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(filepath.Dir(file), mapURL))
	if err != nil {
		t.Fatal(err)
	}
	mapping, err := sourcemap.Parse("", data)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range strings.Split(string(text), "\n") {
		for column := range len(l) {
			if name, _, at, _, ok := mapping.Source(i+1, column); ok && at == line && strings.HasSuffix(name, source) {
				return i, column
			}
		}
	}
	t.Fatalf("nothing became of %s:%d", source, line)
	return 0, 0
}

// beginnings are the commands with which debuggers begin, in their order: DevTools
// (front_end/core/sdk of js_app) and VS Code (js-debug, nodeAttacher and thread).
var beginnings = map[string][]struct {
	method string
	params map[string]any
}{
	"DevTools": {
		{"Runtime.enable", nil},
		{"Debugger.enable", map[string]any{"maxScriptsCacheSize": 10_000_000}},
		{"Debugger.setPauseOnExceptions", map[string]any{"state": "none"}},
		{"Debugger.setAsyncCallStackDepth", map[string]any{"maxDepth": 32}},
		{"Profiler.enable", nil},
		{"NodeWorker.enable", map[string]any{"waitForDebuggerOnStart": false}},
		{"HeapProfiler.enable", nil},
		{"Runtime.runIfWaitingForDebugger", nil},
	},
	"VS Code": {
		{"NodeWorker.enable", map[string]any{"waitForDebuggerOnStart": true}},
		{"NodeRuntime.notifyWhenWaitingForDisconnect", map[string]any{"enabled": true}},
		{"Runtime.enable", nil},
		{"Debugger.enable", nil},
		{"Debugger.setAsyncCallStackDepth", map[string]any{"maxDepth": 32}},
		{"Debugger.setBlackboxPatterns", map[string]any{"patterns": []string{"^node:"}}},
		{"Debugger.setPauseOnExceptions", map[string]any{"state": "none"}},
		{"Runtime.runIfWaitingForDebugger", nil},
	},
}

// TestTunnelCommandDebuggers has a debugger stop the service at a line of its TypeScript,
// look around, and let it run on, while a second one is attached.
func TestTunnelCommandDebuggers(t *testing.T) {
	for name, beginning := range beginnings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(throttlerDir, "dist", "main.js")
			node := nodetest.Start(t, nodetest.Options{File: file, Ready: "ready", Inspect: true})
			w := newWorld(t, fakeaws.Config{RTT: 20 * time.Millisecond}, node)
			before := node.State()
			f := w.forward(t)
			f.wantAddresses(t, filepath.Dir(file))
			d, other := f.attach(t), f.attach(t)
			for _, c := range beginning {
				d.call(c.method, c.params, nil)
			}
			var s script
			d.await("Debugger.scriptParsed", &s, func() bool { return strings.HasSuffix(s.URL, "/throttler.service.js") })
			local := filepath.Join(throttlerDir, "dist", filepath.Base(s.URL)) // localRoot for remoteRoot
			line, column := generated(t, local, s.SourceMapURL, "src/throttler.service.ts", 23)
			var set struct {
				BreakpointID string
				Locations    []struct{ LineNumber int }
			}
			d.call("Debugger.setBreakpointByUrl", map[string]any{"lineNumber": line, "columnNumber": column, "urlRegex": `.*/throttler\.service\.js$`}, &set)
			if len(set.Locations) != 1 || set.Locations[0].LineNumber != line {
				t.Fatalf("breakpoint %+v", set)
			}
			// Not at once: Node.js 24 takes no message of a session while it is paused within an
			// evaluation of another one.
			other.call("Runtime.evaluate", map[string]any{"expression": "setTimeout(async () => { await service.increment('late'); globalThis.done = 'done'; }); 0"}, nil)
			d.pausedAt(set.BreakpointID)
			eventually(t, "the service runs on", func() bool { return other.value("globalThis.done") == "done" })
			_ = d.conn.Close(websocket.StatusNormalClosure, "")
			_ = other.conn.Close(websocket.StatusNormalClosure, "")
			f.stop(t)
			w.wantEnded(t, 1)
			node.AwaitState(before)
		})
	}
}

// wantAddresses checks what chrome://inspect, DevTools and VS Code are told.
func (f *forward) wantAddresses(t *testing.T, dir string) {
	t.Helper()
	entry := f.list(t)[0]
	want := "ws://" + f.Address + "/" + entry.ID // Node.js repeats the Host header
	if entry.WebSocketDebuggerURL != want || f.Inspector.WebSocketDebuggerURL != want {
		t.Errorf("address %s in the list, %s told, want %s", entry.WebSocketDebuggerURL, f.Inspector.WebSocketDebuggerURL, want)
	}
	if link := fmt.Sprintf("devtools://devtools/bundled/js_app.html?experiments=true&v8only=true&ws=%s/%s", f.Address, entry.ID); f.Inspector.DevToolsURL != link {
		t.Errorf("link %s, want %s", f.Inspector.DevToolsURL, link)
	}
	root, err := filepath.Abs(filepath.Dir(dir)) // dist is a directory that builds write to
	if err != nil {
		t.Fatal(err)
	}
	if f.Launch.RemoteRoot != root || f.Launch.Port != f.LocalPort || f.Launch.Address != "127.0.0.1" {
		t.Errorf("launch %+v, want %s", f.Launch, root)
	}
}

// pausedAt waits until the service stands at the breakpoint, looks around, and lets
// it run on.
func (d *debugger) pausedAt(breakpoint string) {
	d.t.Helper()
	var paused struct {
		HitBreakpoints []string
		CallFrames     []struct{ CallFrameID, FunctionName string }
	}
	d.await("Debugger.paused", &paused, func() bool { return true })
	if !slices.Contains(paused.HitBreakpoints, breakpoint) || paused.CallFrames[0].FunctionName != "increment" {
		d.t.Fatalf("paused %+v", paused)
	}
	var value struct{ Result struct{ Value any } }
	d.call("Debugger.evaluateOnCallFrame", map[string]any{"callFrameId": paused.CallFrames[0].CallFrameID, "expression": "arguments[0]", "returnByValue": true}, &value)
	if value.Result.Value != "late" {
		d.t.Errorf("the argument is %v", value.Result.Value)
	}
	d.call("Debugger.resume", nil, nil)
}

// TestTunnelCommandDebuggerDies kills a debugger that has stopped the service: the service
// runs on soon, though nobody has told the inspector.
func TestTunnelCommandDebuggerDies(t *testing.T) {
	t.Parallel()
	node := nodetest.Start(t, nodetest.Options{Script: nodetest.Quiet(), Ready: nodetest.QuietReady, Inspect: true})
	address := strings.TrimPrefix(node.Line(nodetest.QuietReady), nodetest.QuietReady)
	w := newWorld(t, fakeaws.Config{}, node)
	f := w.forward(t)
	d := f.attach(t)
	d.call("Debugger.enable", nil, nil)
	d.send("Runtime.evaluate", map[string]any{"expression": "debugger"})
	var paused struct{}
	d.await("Debugger.paused", &paused, func() bool { return true })
	_ = d.conn.CloseNow() // the socket alone
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatalf("the service stands still: %v", err)
	}
	_ = response.Body.Close()
	f.stop(t)
}
