package cdp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ecsheap/ecsheap/internal/nodetest"
)

// eachNode is everyNode with the versions of the past, where they are installed.
func eachNode(t *testing.T, o nodetest.Options, test func(*testing.T, *nodetest.Process)) {
	for _, pin := range nodetest.Pins() {
		if _, err := nodetest.Find(pin.Major); err != nil && !pin.Tested && !pin.LTS {
			continue
		}
		t.Run(pin.Major, func(t *testing.T) {
			t.Parallel()
			o := o
			o.Version, o.Inspect = pin.Major, true
			if o.Ready == "" {
				o.Script, o.Ready = o.Script+"\nconsole.log('ready')", "ready"
			}
			test(t, nodetest.Start(t, o))
		})
	}
}

const idle = "setInterval(() => {}, 1000);"

func TestNodeEvaluate(t *testing.T) {
	eachNode(t, nodetest.Options{Script: idle}, func(t *testing.T, p *nodetest.Process) {
		before := p.State()
		c := openNode(t, p)
		var n int
		if err := c.Evaluate(t.Context(), "new Promise(r => setTimeout(r, 10, require('os').EOL.length))", &n); err != nil || n != 1 {
			t.Errorf("a promise: %d, %v", n, err)
		}
		want := bytes.Repeat([]byte("0123456789abcdef"), 4<<20/16)
		var got []byte
		if err := c.Evaluate(t.Context(), "Buffer.alloc(4 << 20, '0123456789abcdef').toString('base64')", &got); err != nil || !bytes.Equal(got, want) {
			t.Errorf("4 MB: %d bytes, %v", len(got), err)
		}
		var text string
		if err := c.Evaluate(t.Context(), `'é"\\\n😀'`, &text); err != nil || text != "é\"\\\n😀" {
			t.Errorf("a string: %q, %v", text, err)
		}
		var exception *ExceptionError
		for _, expression := range []string{"(() => { throw new Error('boom') })()", "Promise.reject(new Error('boom'))", "(() => { throw 'boom' })()", "Promise.reject('boom')"} {
			if err := c.Evaluate(t.Context(), expression, &text); !errors.As(err, &exception) || !strings.Contains(err.Error(), "boom") {
				t.Errorf("%s: %v", expression, err)
			}
		}
		for _, expression := range []string{"undefined", "NaN", "10n"} {
			if err := c.Evaluate(t.Context(), expression, &n); err == nil || !strings.HasSuffix(err.Error(), "no value but "+expression) {
				t.Errorf("%s: %v", expression, err)
			}
			if err := c.Evaluate(t.Context(), expression, nil); err != nil {
				t.Errorf("%s without a destination: %v", expression, err)
			}
		}
		c.Close()
		p.AwaitState(before)
	})
}

// Of all versions only 22 was seen to tell; the others let one wait.
func TestNodePromiseCollected(t *testing.T) {
	c := openNode(t, nodetest.Start(t, nodetest.Options{Version: "22", Script: idle + "console.log('ready')", Ready: "ready", Inspect: true}))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	result := make(chan error, 1)
	go func() { result <- c.Evaluate(ctx, "new Promise(() => {})", nil) }()
	eventually(t, func() bool {
		if err := c.CollectGarbage(t.Context()); err != nil {
			t.Fatal(err)
		}
		return len(result) > 0
	})
	if err := <-result; !errors.Is(err, ErrPromiseCollected) {
		t.Errorf("got %v", err)
	}
}

func TestNodeObjectID(t *testing.T) {
	eachNode(t, nodetest.Options{Script: "globalThis.mine = {};" + idle}, func(t *testing.T, p *nodetest.Process) {
		c := openNode(t, p)
		ids := make([]string, 3)
		for i := range ids {
			var err error
			if ids[i], err = c.ObjectID(t.Context(), "globalThis.mine"); err != nil {
				t.Fatal(err)
			}
			if err := c.HeapSnapshot(t.Context(), io.Discard, nil); err != nil {
				t.Fatal(err)
			}
		}
		if ids[0] != "" || ids[1] == "" || ids[1] != ids[2] {
			t.Errorf("ids %q", ids)
		}
		if id, err := c.ObjectID(t.Context(), "42"); err == nil || !strings.Contains(err.Error(), "number") {
			t.Errorf("a number has the id %q, %v", id, err)
		}
	})
}

func TestNodeScripts(t *testing.T) {
	o := nodetest.Options{Script: `
const m = require('module');
globalThis.turns = 0;
function spin() { for (let i = 0; i < 20000; i++) { turns++; debugger; } setImmediate(spin); }
globalThis.kept = []; // V8 forgets a script of which no function is left
function load(file, map) { const one = new m(file); one._compile('exports.f = () => 1;\n//# sourceMappingURL=' + map, file); kept.push(one.exports.f); }
load('/tmp/inline.js', 'data:application/json;base64,' + 'A'.repeat(3e6));
load('/tmp/mapped.js', 'mapped.js.map');
spin(); console.log('ready');`, Ready: "ready"}
	eachNode(t, o, func(t *testing.T, p *nodetest.Process) {
		before := p.State()
		c := openNode(t, p)
		paused, cancel := c.Subscribe("Debugger.paused")
		defer cancel()
		turns := 0
		for range 2 {
			scripts, err := c.Scripts(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			find := func(suffix string) Script {
				i := slices.IndexFunc(scripts, func(s Script) bool { return strings.HasSuffix(s.URL, suffix) })
				if i < 0 {
					t.Fatalf("no %s among %d scripts", suffix, len(scripts))
				}
				return scripts[i]
			}
			if got := find("inline.js"); got.SourceMapURL != InlineSourceMap {
				t.Errorf("inline: %.100q", got.SourceMapURL)
			}
			if got := find("mapped.js"); got.SourceMapURL != "mapped.js.map" {
				t.Errorf("mapped: %.100q", got.SourceMapURL)
			}
			if got := find(".js"); got.ID == "" {
				t.Errorf("got %+v", got)
			}
			now := 0 // it may answer several times between two turns, but goes on
			eventually(t, func() bool {
				if err := c.Evaluate(t.Context(), "turns", &now); err != nil {
					t.Fatal(err)
				}
				return now > turns
			})
			turns = now
		}
		if len(paused) > 0 {
			t.Errorf("the process was paused: %s", <-paused)
		}
		c.Close()
		p.AwaitState(before)
	})
}

func TestNodeWorkers(t *testing.T) {
	script := `const { Worker } = require('worker_threads');
const source = "globalThis.me = { list: [] }; require('worker_threads').parentPort.on('message', () => process.exit())";
globalThis.first = new Worker(source, { eval: true }); globalThis.second = new Worker(source, { eval: true, name: 'second' });
let online = 0; for (const w of [first, second]) w.on('online', () => { if (++online == 2) console.log('ready') });`
	eachNode(t, nodetest.Options{Script: script + idle, Ready: "ready"}, func(t *testing.T, p *nodetest.Process) {
		before := p.State()
		c := openNode(t, p)
		list, err := c.Workers(t.Context())
		if err != nil || len(list) != 2 || list[0].ID != 1 || list[1].ID != 2 {
			t.Fatalf("got %+v, %v", list, err)
		}
		if _, err := c.SentinelID(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := c.HeapSnapshot(t.Context(), io.Discard, nil); err != nil {
			t.Fatal(err)
		}
		sentinel, err := c.SentinelID(t.Context())
		if err != nil || sentinel == "" {
			t.Fatalf("sentinel %q, %v", sentinel, err)
		}
		a := must(c.Worker(t.Context(), 1))(t)
		b := must(c.Worker(t.Context(), 2))(t)
		again := must(c.Worker(t.Context(), 2))(t)
		for _, w := range []*WorkerSession{a, b, again} {
			var id int
			if err := w.Evaluate(t.Context(), "Promise.resolve(require('worker_threads').threadId)", &id); err != nil || id != w.ID {
				t.Errorf("worker %d says %d, %v", w.ID, id, err)
			}
		}
		var exception *ExceptionError
		if err := a.Evaluate(t.Context(), "null.x", nil); !errors.As(err, &exception) {
			t.Errorf("an exception: %v", err)
		}
		var file string
		var ids []string
		for range 2 {
			if err := a.Evaluate(t.Context(), "require('v8').writeHeapSnapshot()", &file); err != nil || file == "" {
				t.Errorf("snapshot in %q, %v", file, err)
			}
			id, err := a.ObjectID(t.Context(), "me")
			if err != nil {
				t.Error(err)
			}
			ids = append(ids, id)
			if err := c.Evaluate(t.Context(), "require('fs').unlinkSync("+quote(file)+")", nil); err != nil {
				t.Error(err)
			}
		}
		if ids[0] == "" || ids[0] != ids[1] {
			t.Errorf("ids in the worker %q", ids)
		}
		again.Close()
		if err := again.Evaluate(t.Context(), "1", nil); !errors.Is(err, ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
		// One that ends while it is asked.
		asked := make(chan error, 1)
		go func() { asked <- b.Evaluate(t.Context(), "new Promise(r => { globalThis.r = r })", nil) }()
		if err := c.Evaluate(t.Context(), "second.postMessage(0)", nil); err != nil {
			t.Error(err)
		}
		var gone *WorkerGoneError
		if err := <-asked; !errors.As(err, &gone) || gone.ID != 2 {
			t.Errorf("got %v", err)
		}
		b.Close()
		a.Close()
		if _, err := c.Worker(t.Context(), 2); !errors.As(err, &gone) {
			t.Errorf("got %v", err)
		}
		if id, err := c.SentinelID(t.Context()); err != nil || id != sentinel {
			t.Errorf("sentinel %q became %q, %v", sentinel, id, err)
		}
		c.mu.Lock()
		if c.workers != nil {
			t.Error("the domain is still enabled")
		}
		c.mu.Unlock()
		c.Close()
		p.AwaitState(before)
	})
}

// must is for a call that the test cannot go on without.
func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func TestNodeSample(t *testing.T) {
	script := `globalThis.kept = []; function keeper() { kept.push('x'.repeat(10) + kept.length, { kept }) }
function waster() { for (let i = 0; i < 1000; i++) globalThis.last = { i, list: [i] } }
setInterval(() => { for (let i = 0; i < 200; i++) keeper(); waster() }, 1);`
	eachNode(t, nodetest.Options{Script: script}, func(t *testing.T, p *nodetest.Process) {
		before := p.State()
		c := openNode(t, p)
		other := openNode(t, p)
		profile, err := c.Sample(t.Context(), time.Second, SampleOptions{Interval: 4096})
		// The function is inlined sooner or later; its script stays.
		if err != nil || !strings.Contains(string(profile), "app.js") {
			t.Errorf("profile %.300s, %v", profile, err)
		}
		collected, err := c.Sample(t.Context(), time.Second, SampleOptions{Interval: 4096, Collected: true})
		if err != nil {
			t.Error(err)
		}
		major, _, _ := strings.Cut(p.Version, ".")
		// Node.js 18 and older do not know the option: what one second has over the other is chance.
		if live, all := sampled(t, profile), sampled(t, collected); live == 0 || all <= 2*live && len(major) == 2 && major >= "20" {
			t.Errorf("%d samples live, %d with what was collected", live, all)
		}
		reason := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(300*time.Millisecond, func() {
			if _, err := other.Sample(t.Context(), time.Second, SampleOptions{}); !errors.Is(err, ErrSampling) {
				t.Errorf("a second one: %v", err)
			}
			cancel(reason)
		})
		profile, err = c.Sample(ctx, time.Hour, SampleOptions{})
		if !errors.Is(err, reason) || !json.Valid(profile) {
			t.Errorf("cut short: %.100s, %v", profile, err)
		}
		if on, err := c.sampling(t.Context()); on || err != nil {
			t.Errorf("sampling is %t, %v", on, err)
		}
		// A connection that breaks ends the sampling, too.
		third := openNode(t, p)
		go third.Sample(t.Context(), time.Hour, SampleOptions{})
		eventually(t, func() bool { on, err := c.sampling(t.Context()); return on && err == nil })
		third.line.Close()
		<-third.Done()
		eventually(t, func() bool { on, err := c.sampling(t.Context()); return !on && err == nil })
		other.Close()
		c.Close()
		p.AwaitState(before)
	})
}

// sampled counts the samples of a profile.
func sampled(t *testing.T, profile []byte) int {
	t.Helper()
	var p struct{ Samples []struct{ Size int } }
	if err := json.Unmarshal(profile, &p); err != nil {
		t.Fatal(err)
	}
	return len(p.Samples)
}

func TestNodeTrackAllocations(t *testing.T) {
	script := `globalThis.kept = []; function keeper() { kept.push({ kept }) } setInterval(() => { for (let i = 0; i < 10; i++) keeper() }, 10);`
	eachNode(t, nodetest.Options{Script: script}, func(t *testing.T, p *nodetest.Process) {
		before := p.State()
		c := openNode(t, p)
		stats, cancel := c.Subscribe("HeapProfiler.heapStatsUpdate")
		if err := c.TrackAllocations(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		<-stats
		cancel()
		if err := c.Evaluate(t.Context(), "new Promise(r => setTimeout(r, 300))", nil); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := c.HeapSnapshot(t.Context(), &out, nil); err != nil {
			t.Fatal(err)
		}
		var parsed struct {
			TraceTree []any `json:"trace_tree"`
			Functions []any `json:"trace_function_infos"`
		}
		if err := json.Unmarshal(out.Bytes(), &parsed); err != nil || len(parsed.Functions) == 0 || len(parsed.TraceTree) == 0 {
			t.Errorf("%d functions, %v", len(parsed.Functions), err)
		}
		received := c.Received()
		if err := c.TrackAllocations(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		if n := c.Received() - received; n > 10_000 {
			t.Errorf("%d bytes came when it was ended: a snapshot?", n)
		}
		stats, cancel = c.Subscribe("HeapProfiler.heapStatsUpdate")
		defer cancel()
		if err := c.Evaluate(t.Context(), "new Promise(r => setTimeout(r, 300))", nil); err != nil {
			t.Fatal(err)
		}
		if len(stats) > 1 {
			t.Errorf("%d more updates", len(stats))
		}
		out.Reset()
		if err := c.HeapSnapshot(t.Context(), &out, nil); err != nil {
			t.Fatal(err)
		}
		parsed.Functions = nil
		if err := json.Unmarshal(out.Bytes(), &parsed); err != nil || len(parsed.Functions) > 1 {
			t.Errorf("afterwards %d functions, %v", len(parsed.Functions), err)
		}
		c.Close()
		p.AwaitState(before)
	})
}

// What Scripts relies on: V8 heeds the flag that was set before its debugger
// was enabled, and would pause without it. (Scripts itself gives it hardly the
// time to.)
func TestNodeSkipsPauses(t *testing.T) {
	o := nodetest.Options{Script: "globalThis.turns = 0; setInterval(() => { turns++; debugger; }, 1);"}
	eachNode(t, o, func(t *testing.T, p *nodetest.Process) {
		c := openNode(t, p)
		paused, cancel := c.Subscribe("Debugger.paused")
		defer cancel()
		steps := func(methods ...string) {
			for _, method := range methods {
				var params any
				if strings.HasSuffix(method, "SkipAllPauses") {
					params = map[string]bool{"skip": true}
				}
				if err := c.Call(t.Context(), method, params, nil); err != nil {
					t.Errorf("%s: %v", method, err)
				}
			}
		}
		steps("Debugger.setSkipAllPauses", "Debugger.enable")
		var before, after int
		if err := errors.Join(c.Evaluate(t.Context(), "turns", &before), c.Evaluate(t.Context(), "new Promise(r => setTimeout(() => r(turns), 100))", &after)); err != nil {
			t.Error(err)
		}
		steps("Debugger.disable")
		if len(paused) > 0 || after <= before {
			t.Errorf("%d pauses, %d turns and later %d", len(paused), before, after)
		}
		steps("Debugger.enable") // disabling has reset the flag
		eventually(t, func() bool { return len(paused) > 0 })
		steps("Debugger.disable")
	})
}
