package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ecsheap/ecsheap/heap"
	"github.com/ecsheap/ecsheap/leak"
)

// object is a report as scripts read it.
func object(t *testing.T, r *Report) map[string]any {
	t.Helper()
	var b bytes.Buffer
	if err := r.JSON(&b); err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(b.Bytes(), []byte("\n")); n != 1 {
		t.Errorf("%d lines", n)
	}
	var got map[string]any
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	return got
}

// nulls returns where in a value there is null.
func nulls(at string, v any) []string {
	var found []string
	switch v := v.(type) {
	case nil:
		found = append(found, at)
	case []any:
		for i, e := range v {
			found = append(found, nulls(fmt.Sprintf("%s[%d]", at, i), e)...)
		}
	case map[string]any:
		for k, e := range v {
			found = append(found, nulls(at+"."+k, e)...)
		}
	}
	return found
}

func TestJSON(t *testing.T) {
	got := object(t, throttled(t))
	if at := nulls("", got); len(at) > 0 {
		t.Errorf("null at %v", at)
	}
	suspect := got["suspects"].([]any)[0].(map[string]any)
	delete(got, "suspects")
	delete(got, "classes")
	snapshots := got["snapshots"].([]any)
	delete(got, "snapshots")
	want := map[string]any{
		"schema": 1.0, "verdict": "leak", "confidence": 0.934, "method": "survivors", "tool": "ecsheap 1.2.3", "source": "out",
		"summary": throttledDiagnosis(0).Summary, "reason": throttledDiagnosis(0).Reason,
		"process": map[string]any{
			"cluster": "prod", "service": "api", "taskArn": throttledInfo().TaskARN, "container": "web", "nodeVersion": "v22.1.0", "pid": 1.0,
			"startedAt": "2026-11-19T10:00:00Z", "memoryLimit": 512e6,
		},
		"allocatedBetween": []any{map[string]any{
			"class": "Timeout", "location": "script 9:4:5", "count": 16070.0, "shallowSize": 1414160.0, "retainedSize": 20e6, "distance": 5.0,
		}},
		"notes":    []any{"Memory outside of the heap grew by 2 MB, which no snapshot shows."},
		"warnings": []any{"snapshot 2: it was late"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	wantShot := map[string]any{
		"file": "s3.heapsnapshot", "at": "2026-11-20T12:20:00Z", "nodes": 900_000.0, "edges": 3e6, "totalSize": 115e6, "nativeSize": 2e6,
		"sameObjectIds": true, "pauseMs": 400.0, "bytes": 100e6, "rss": 200e6, "heapUsed": 114e6,
	}
	if diff := cmp.Diff(wantShot, snapshots[2]); diff != "" {
		t.Errorf("snapshot (-want +got)\n%s", diff)
	}
	wantSuspect(t, suspect)
}

func wantSuspect(t *testing.T, got map[string]any) {
	t.Helper()
	for _, text := range []string{"explanation", "advice"} {
		if got[text] == "" {
			t.Errorf("no %s", text)
		}
		delete(got, text)
	}
	want := map[string]any{
		"rank": 1.0, "score": 2e7, "confidence": 0.95, "title": "ThrottlerStorageService.timeoutIds (Array)", "pattern": "timer never cleared", "kind": "timer never cleared",
		"class": "Array", "id": 9.0, "retainedSize": 61e6, "share": 0.342, "counts": []any{16070.0, 32140.0, 48210.0}, "sizes": []any{20e6, 40e6, 61e6},
		"countDelta": 32140.0, "sizeDelta": 41e6, "growthPerSecond": 34166.0, "countPerSecond": 26.78, "exhaustsMs": 7.8e6,
		"path": []any{
			map[string]any{"edge": "global.throttler", "id": 7.0, "class": "ThrottlerStorageService", "location": "src/throttler.service.ts:12:1"},
			map[string]any{"edge": ".timeoutIds", "id": 9.0, "class": "Array"},
			map[string]any{"edge": ".[key]", "id": 11.0, "class": "Object"},
		},
		"keeps": []any{
			map[string]any{"class": "Timeout", "count": 48210.0, "size": 4242480.0}, map[string]any{"class": "ThrottlerHit", "count": 48210.0, "size": 2.1e6},
			map[string]any{"class": "{id, [key]}", "count": 3.0, "size": 96.0},
		},
		"createdAt": "src/throttler.service.ts:41:7",
		"samples":   []any{map[string]any{"id": 103.0, "class": "(string)"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("suspect (-want +got)\n%s", diff)
	}
}

// TestJSONHasAllClasses, since scripts look for theirs.
func TestJSONHasAllClasses(t *testing.T) {
	r := throttled(t)
	for i := range 500 {
		r.Diagnosis.Classes = append(r.Diagnosis.Classes, leak.Growth{Class: fmt.Sprint("Class", i), Counts: []int{1, 1, 1}, Shallow: []int64{8, 8, 8}, Retained: []int64{8, 8, 8}})
	}
	classes := object(t, r)["classes"].([]any)
	if len(classes) != 503 {
		t.Fatalf("%d classes", len(classes))
	}
	want := map[string]any{
		"class": "ThrottlerHit", "location": "/srv/app/src/throttler.service.ts:41:7", "counts": []any{16070.0, 32140.0, 48210.0},
		"shallowSizes": []any{7e5, 14e5, 21e5}, "retainedSizes": []any{1e6, 2e6, 3e6}, "countDelta": 32140.0, "sizeDelta": 14e5,
	}
	if diff := cmp.Diff(want, classes[1]); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestJSONOfLittle has a diagnosis without any list, and with numbers that JSON
// does not know.
func TestJSONOfLittle(t *testing.T) {
	d := &leak.Diagnosis{
		Verdict: leak.Insufficient, Confidence: math.NaN(),
		Suspects:  []leak.Suspect{{Score: math.Inf(1), Share: math.NaN(), GrowthPerSecond: math.Inf(-1), CountPerSecond: math.NaN(), Samples: []heap.Node{1}}},
		Classes:   []leak.Growth{{}},
		Snapshots: make([]leak.Snapshot, 1),
	}
	got := object(t, New(Info{}, d, nil))
	if at := nulls("", got); len(at) > 0 {
		t.Errorf("null at %v", at)
	}
	for _, name := range []string{"snapshots", "suspects", "classes", "allocatedBetween", "notes", "warnings"} {
		if _, ok := got[name].([]any); !ok {
			t.Errorf("%s is %v", name, got[name])
		}
	}
	if _, ok := got["process"]; ok {
		t.Error("a process of which nothing is known")
	}
	if got["confidence"] != 0.0 {
		t.Errorf("confidence %v", got["confidence"])
	}
}

func TestJSONHidesStrings(t *testing.T) {
	r := throttled(t)
	text := func() string {
		var b strings.Builder
		if err := r.JSON(&b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	if strings.Contains(text(), "alice") {
		t.Error("the secret is in it")
	}
	r.WithStrings = true
	if got := text(); !strings.Contains(got, `"name":"`+secret) || !strings.Contains(got, `"edge":".`+secret) {
		t.Error("the secret is not in it")
	}
}

func TestEdgeName(t *testing.T) {
	code := []string{"global.requestCache", ".timeoutIds", "[entry]", "[12]", "(global)", "context.cache", "a.b.c", "#private", "$x._y", "[0].next", `global.["get process"]`, `["user-agent"]`, "<symbol kHandle>", "[<symbol kHandle>]"}
	data := map[string]string{
		".alice@example.com":                     ".[key]",
		"cache.alice@example.com.x":              maskedKey,
		"3f2b8c1e-1d2c-4a5b-9c8d-0e1f2a3b4c5d":   maskedKey,
		".user81723981":                          ".[key]",
		".deadbeefcafe0123":                      ".[key]",
		"sessions." + strings.Repeat("long", 11): maskedKey,
		".with space":                            ".[key]",
		".ünïcode":                               ".[key]",
	}
	r := New(Info{}, &leak.Diagnosis{}, nil)
	for _, edge := range code {
		if got := r.edgeName(leak.Step{Edge: edge, Type: heap.PropertyEdge}); got != edge {
			t.Errorf("%q became %q", edge, got)
		}
	}
	for edge, want := range data {
		if got := r.edgeName(leak.Step{Edge: edge, Type: heap.PropertyEdge}); got != want {
			t.Errorf("%q became %q, want %q", edge, got, want)
		}
		if got := r.edgeName(leak.Step{Edge: edge, Type: heap.ContextEdge}); got != edge {
			t.Errorf("a variable %q became %q", edge, got)
		}
	}
}
