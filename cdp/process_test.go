package cdp

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

// sentinel makes the inspector answer evaluations with an object, whose id in
// V8's table is id.
func sentinel(in *inspector, id string) {
	in.answers["Runtime.evaluate"] = func(p *peer, f frame) {
		p.result(f, `{"result":{"type":"object","className":"EcsheapSentinel","objectId":"1.2.3"}}`)
	}
	in.answers["HeapProfiler.getHeapObjectId"] = func(p *peer, f frame) {
		p.result(f, `{"heapSnapshotObjectId":"`+id+`"}`)
	}
}

func TestSentinelID(t *testing.T) {
	for id, want := range map[string]string{"0": "", "8123": "8123"} {
		in := newInspector()
		sentinel(in, id)
		c := in.open(t)
		for range 3 {
			if got, err := c.SentinelID(t.Context()); err != nil || got != want {
				t.Errorf("V8 says %q: got %q, %v", id, got, err)
			}
		}
		made := strings.Count(strings.Join(in.sent(), " "), "Runtime.evaluate")
		if made != 1 {
			t.Errorf("%d sentinels made", made)
		}
	}
}

func TestSentinelIDErrors(t *testing.T) {
	in := newInspector()
	in.answers["Runtime.evaluate"] = func(p *peer, f frame) { p.result(f, `{"result":{"type":"undefined"}}`) }
	if _, err := in.open(t).SentinelID(t.Context()); err == nil {
		t.Error("no error without an object")
	}
}

func TestProcess(t *testing.T) {
	in := newInspector()
	in.answers["Runtime.evaluate"] = func(p *peer, f frame) {
		var params struct {
			Expression            string
			ReturnByValue, Silent bool
			IncludeCommandLineAPI bool
		}
		if err := json.Unmarshal(f.Params, &params); err != nil || !params.ReturnByValue || !params.IncludeCommandLineAPI || !params.Silent {
			t.Errorf("params: %s", f.Params)
		}
		if !strings.Contains(params.Expression, "Object.keys(process.env)") {
			t.Errorf("expression: %s", params.Expression)
		}
		p.value(f, `{"pid":7,"nodeVersion":"v22.1.0","v8Version":"12.4","arch":"x64","platform":"linux","title":"node",
			"argv":["/usr/bin/node","/app.js"],"execArgv":["--inspect"],"startedAt":"2026-11-20T10:00:00.250Z",
			"memoryLimit":536870912,"heapSizeLimit":268435456,"envNames":["HOME","PATH"],"new":1}`)
	}
	got, err := in.open(t).Process(t.Context())
	want := Process{PID: 7, NodeVersion: "v22.1.0", V8Version: "12.4", Arch: "x64", Platform: "linux", Title: "node",
		Argv: []string{"/usr/bin/node", "/app.js"}, ExecArgv: []string{"--inspect"},
		StartedAt:   time.Date(2026, 11, 20, 10, 0, 0, 250e6, time.UTC),
		MemoryLimit: 512 << 20, HeapSizeLimit: 256 << 20, EnvNames: []string{"HOME", "PATH"}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestMemory(t *testing.T) {
	in := newInspector()
	in.answers["Runtime.evaluate"] = func(p *peer, f frame) {
		p.value(f, `{"rss":5,"heapTotal":4,"heapUsed":3,"external":2,"arrayBuffers":1}`)
	}
	got, err := in.open(t).Memory(t.Context())
	if want := (Memory{RSS: 5, HeapTotal: 4, HeapUsed: 3, External: 2, ArrayBuffers: 1}); err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestEvaluateThrows(t *testing.T) {
	in := newInspector()
	in.answers["Runtime.evaluate"] = func(p *peer, f frame) {
		p.result(f, `{"result":{"type":"object"},"exceptionDetails":{"exceptionId":1,"text":"Uncaught","lineNumber":0,"columnNumber":0,
			"exception":{"type":"object","description":"TypeError: process.memoryUsage is not a function\n    at <anonymous>:1:9"}}}`)
	}
	_, err := in.open(t).Memory(t.Context())
	var threw *ExceptionError
	if !errors.As(err, &threw) || !strings.Contains(err.Error(), "memoryUsage is not a function") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
}

func TestDiscardConsole(t *testing.T) {
	in := newInspector()
	if err := in.open(t).DiscardConsole(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := in.sent(); len(got) != 1 || got[0] != "Runtime.discardConsoleEntries" {
		t.Errorf("sent %q", got)
	}
}
