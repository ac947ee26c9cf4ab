package guest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestInstall(t *testing.T) {
	f := &target{size: pieceSize}
	g, err := Install(t.Context(), f.evaluate, Options{Label: `a "label"`, Silence: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	expression := f.expressions[0]
	for _, want := range []string{"function install(", "function surroundings(", "function codecs(", `"silenceMs":1000`, `"label":"a \"label\""`, `"token":"` + g.Token() + `"`} {
		if !strings.Contains(expression, want) {
			t.Errorf("no %s in the expression", want)
		}
	}
	other, err := Install(t.Context(), f.evaluate, Options{})
	if err != nil || other.Token() == g.Token() || len(g.Token()) < 20 {
		t.Errorf("tokens %q, %q, %v", g.Token(), other.Token(), err)
	}
	if !strings.Contains(f.expressions[1], `"silenceMs":60000`) || !strings.Contains(f.expressions[1], "pid ") {
		t.Error("no default options")
	}
	if !strings.Contains(g.Sentinel(), ".sentinel") {
		t.Errorf("sentinel %s", g.Sentinel())
	}
}

// TestErrors has every error of guest.js arrive as what it is.
func TestErrors(t *testing.T) {
	const someTime = time.Minute + 500*time.Millisecond
	tests := []struct {
		fault string // JSON
		want  error
		text  string
	}{
		{`{"code":"BUSY","label":"host, pid 7","ageMs":60500,"silentMs":3000,"shots":2,"detached":true}`,
			&BusyError{Label: "host, pid 7", Age: someTime, Silent: 3 * time.Second, Shots: 2, Detached: true}, "(host, pid 7) is at work in this process since 1m1s, last heard of 3s ago, with a detached"},
		{`{"code":"BUSY","label":"l","ageMs":60500}`, &BusyError{Label: "l", Age: someTime}, "at work"},
		{`{"code":"GONE"}`, &GoneError{}, "no longer in the process"},
		{`{"code":"OTHER"}`, &GoneError{Other: true}, "that of another ecsheap is"},
		{`{"code":"FOREIGN","message":"taken"}`, &ForeignError{Problem: "taken"}, "taken"},
		{`{"code":"PLACE","need":5000000,"dirs":[{"path":"/tmp","fs":"tmpfs","free":1,"why":"tmpfs counts as memory"},{"path":"/app","fs":"overlay","free":9,"why":"read-only"}]}`,
			&PlaceError{Need: 5e6, Dirs: []Dir{{"/tmp", "tmpfs", 1, "tmpfs counts as memory"}, {"/app", "overlay", 9, "read-only"}}}, "5 MB: /tmp (tmpfs counts as memory), /app (read-only)"},
		{`{"code":"WRITE","dir":"/tmp","cause":"ENOSPC","message":"no space"}`, &WriteError{Dir: "/tmp", Code: "ENOSPC", Message: "no space"}, "in /tmp of the container: no space"},
		{`{"code":"WRITE","dir":"/tmp","cause":"EROFS","message":"ro"}`, &WriteError{Dir: "/tmp", Code: "EROFS", Message: "ro"}, "ro"},
		{`{"code":"WRITE","dir":"/tmp","message":"unfinished"}`, &WriteError{Dir: "/tmp", Message: "unfinished"}, "unfinished"},
		{`{"code":"CAP","cap":9000000}`, &CapError{Cap: 9e6}, "9 MB"},
		{`{"code":"UPLOAD","status":403,"cause":"AccessDenied","message":"no"}`, &UploadError{Status: 403, Code: "AccessDenied", Message: "no"}, "HTTP 403 AccessDenied: no"},
		{`{"code":"UPLOAD","cause":"ETIMEDOUT","message":"late"}`, &UploadError{Code: "ETIMEDOUT", Message: "late"}, "late"},
		{`{"code":"EIO","message":"input/output error"}`, &TargetError{Method: "take", Code: "EIO", Message: "input/output error"}, "take inside the process: input/output error"},
	}
	for _, tt := range tests {
		t.Run(tt.fault, func(t *testing.T) {
			f := &target{size: pieceSize}
			g := f.install(t)
			f.answers = map[string]string{"take": `{"error":` + tt.fault + `}`}
			_, err := g.Take(t.Context(), Disk, TakeOptions{})
			cause := errors.Unwrap(err)
			if fmt.Sprintf("%#v", cause) != fmt.Sprintf("%#v", tt.want) {
				t.Errorf("got %#v, want %#v", cause, tt.want)
			}
			if !strings.Contains(err.Error(), tt.text) {
				t.Errorf("error %q, want %q in it", err, tt.text)
			}
			if hinted, ok := cause.(interface{ Hint() string }); !ok || hinted.Hint() == "" {
				t.Error("no hint")
			}
		})
	}
}

func TestCorruptErrorHints(t *testing.T) {
	if e := (&CorruptError{Offset: 5, What: "x"}); e.Hint() == "" || !strings.Contains(e.Error(), "byte 5") {
		t.Error(e)
	}
}

func TestAttach(t *testing.T) {
	f := &target{size: pieceSize, plain: sampleText(3000), codec: "zstd"}
	g, err := Attach(t.Context(), f.evaluate, "the token")
	if err != nil || g.Token() != "the token" || g.hello.Range != pieceSize {
		t.Errorf("%+v, %v", g, err)
	}
	f.answers = map[string]string{"hello": `{"error":{"code":"GONE"}}`, "remove": `{"error":{"code":"GONE"}}`}
	if _, err := Attach(t.Context(), f.evaluate, "the token"); !errors.As(err, new(*GoneError)) {
		t.Errorf("error %v", err)
	}
	if err := g.Remove(t.Context()); err != nil {
		t.Errorf("removing what is gone: %v", err)
	}
}

// TestNothingIsQuotedWrongly has text of all kinds arrive as an argument.
func TestNothingIsQuotedWrongly(t *testing.T) {
	f := &target{size: pieceSize}
	g := f.install(t)
	dir := "/tmp/\"'`$\\\u2028</script>\x00é"
	if _, err := g.Take(t.Context(), Disk, TakeOptions{Dirs: []string{dir}}); err != nil {
		t.Fatal(err)
	}
	if got := f.args[1]; !strings.Contains(got, `"/tmp/\"'`+"`"+`$\\\u2028\u003c/script\u003e\u0000é"`) {
		t.Errorf("arguments %s", got)
	}
}

func TestTake(t *testing.T) {
	f := &target{size: pieceSize}
	g := f.install(t)
	f.answers = map[string]string{"take": `{"value":{"id":3,"mode":"memory","startedAt":"2026-11-21T03:32:52.887Z","pauseMs":605.6,"bytes":10,"held":2,
		"rssBefore":1,"rssAfter":2,"rssPeak":3,"heapUsedBefore":4,"heapUsedAfter":5,"dir":"/d","hidden":true}}`}
	shot, err := g.Take(t.Context(), Memory, TakeOptions{Need: 77})
	want := Shot{
		ID: 3, Mode: Memory, StartedAt: time.Date(2026, 11, 21, 3, 32, 52, 887e6, time.UTC), Pause: 605600 * time.Microsecond, Bytes: 10, Held: 2,
		RSSBefore: 1, RSSAfter: 2, RSSPeak: 3, HeapUsedBefore: 4, HeapUsedAfter: 5, Dir: "/d", Hidden: true,
	}
	if err != nil || shot != want {
		t.Errorf("%+v, %v", shot, err)
	}
	for _, part := range []string{`"need":77`, `"mode":"memory"`, fmt.Sprintf(`"cap":%d`, DefaultCap), `"dirs":[]`, `"nonce":"`} {
		if !strings.Contains(f.args[1], part) {
			t.Errorf("no %s in %s", part, f.args[1])
		}
	}
}

func TestParts(t *testing.T) {
	const secret = "https://bucket.example/key?X-Amz-Signature=secret"
	f := &target{size: pieceSize}
	g := f.install(t)
	f.answers = map[string]string{"pack": `{"value":{"bytes":5,"plain":2000,"codec":"zstd","last":true}}`, "send": `{"value":{"etag":"\"e\""}}`}
	shot := Shot{ID: 4, Bytes: 5000}
	part, err := g.PackPart(t.Context(), shot, 3000, MinPart)
	if err != nil || part != (Part{Bytes: 5, Plain: 2000, Codec: "zstd", Last: true}) {
		t.Errorf("%+v, %v", part, err)
	}
	etag, err := g.SendPart(t.Context(), shot, 3000, Destination{URL: secret, Header: map[string]string{"x": "y"}})
	if err != nil || etag != `"e"` {
		t.Errorf("%s, %v", etag, err)
	}
	if _, err := g.SendPart(t.Context(), shot, 0, Destination{URL: secret}); err != nil {
		t.Error(err)
	}
	if err := g.ScrapParts(t.Context(), shot); err != nil {
		t.Error(err)
	}
	for i, want := range []string{
		1: `{"atLeast":5242880,"id":4,"offset":3000}`,
		2: `{"headers":{"x":"y"},"id":4,"offset":3000,"url":"https://bucket.example/key?X-Amz-Signature=secret"}`,
		3: `{"headers":{},"id":4,"offset":0,"url":"https://bucket.example/key?X-Amz-Signature=secret"}`,
		4: `{"id":4}`,
	} {
		if want != "" && f.args[i] != want {
			t.Errorf("arguments %s, want %s", f.args[i], want)
		}
	}
	for _, wrong := range [][2]int64{{-1, MinPart}, {5000, MinPart}, {0, MinPart - 1}, {0, maxPart + 1}} {
		if _, err := g.PackPart(t.Context(), shot, wrong[0], wrong[1]); err == nil {
			t.Errorf("%v: no error", wrong)
		}
	}
	f.answers["send"] = `{"error":{"code":"UPLOAD","status":403,"cause":"SignatureDoesNotMatch","message":"no"}}`
	if _, err := g.SendPart(t.Context(), shot, 0, Destination{URL: secret}); !errors.As(err, new(*UploadError)) || strings.Contains(err.Error(), "secret") {
		t.Errorf("error %v", err)
	}
}

func TestLook(t *testing.T) {
	var answer string
	eval := func(_ context.Context, expression string, out any) error {
		if !strings.Contains(expression, "g.about()") {
			t.Errorf("asked %s", expression)
		}
		return json.Unmarshal([]byte(answer), out)
	}
	answer = `{"value":{}}`
	if err := Look(t.Context(), eval); err != nil {
		t.Error(err)
	}
	answer = `{"error":{"code":"BUSY","label":"x","ageMs":2000,"silentMs":1000,"shots":2,"detached":true}}`
	busy, ok := errors.AsType[*BusyError](Look(t.Context(), eval))
	if !ok || *busy != (BusyError{Label: "x", Age: 2 * time.Second, Silent: time.Second, Shots: 2, Detached: true}) {
		t.Errorf("%+v", busy)
	}
}

func TestDetach(t *testing.T) {
	f := &target{size: pieceSize}
	g := f.install(t)
	good := Series{Mode: Disk, Count: 3, First: 5 * time.Second, Interval: time.Minute, SampleEvery: time.Second, Deadline: time.Hour, MaxBytes: 9, Headroom: 1.5}
	if err := g.Detach(t.Context(), good); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"count":3`, `"firstMs":5000`, `"intervalMs":60000`, `"sampleEveryMs":1000`, `"deadlineMs":3600000`, `"maxBytes":9`, `"headroom":1.5`, `"mode":"disk"`, `"cap":`, `"nonce":"`} {
		if !strings.Contains(f.args[1], part) {
			t.Errorf("no %s in %s", part, f.args[1])
		}
	}
	for name, spoil := range map[string]func(*Series){
		"no shots":          func(s *Series) { s.Count = 0 },
		"negative interval": func(s *Series) { s.Interval = -1 },
		"negative first":    func(s *Series) { s.First = -1 },
		"no deadline":       func(s *Series) { s.Deadline = 0 },
		"deadline too soon": func(s *Series) { s.Deadline = s.First + 2*s.Interval },
		"too long":          func(s *Series) { s.Deadline = MaxDeadline + 1 },
	} {
		bad := good
		spoil(&bad)
		if err := g.Detach(t.Context(), bad); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if n := f.count("detach"); n != 1 {
		t.Errorf("%d series begun", n)
	}
}

func TestState(t *testing.T) {
	f := &target{size: pieceSize}
	g := f.install(t)
	f.answers = map[string]string{"state": `{"value":{"at":"2026-01-01T00:00:00.000Z","rss":1,"heapUsed":2,"external":3,"ageMs":1500,"shots":[{"id":1,"bytes":7}],
		"detached":true,"count":3,"taken":2,"done":false,"next":"2026-01-01T00:01:00.000Z","deadline":"2026-01-02T00:00:00.000Z",
		"samples":[{"at":"2026-01-01T00:00:00.000Z","rss":4}],"errors":[{"at":"2026-01-01T00:00:30.000Z","shot":2,"code":"CAP","cap":5}]}}`}
	s, err := g.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	if s.Age != 1500*time.Millisecond || s.Now != (Sample{start, 1, 2, 3}) || len(s.Shots) != 1 || s.Shots[0].Bytes != 7 {
		t.Errorf("%+v", s)
	}
	if !s.Detached || s.Count != 3 || s.Taken != 2 || s.Done || !s.Next.Equal(start.Add(time.Minute)) || !s.Deadline.Equal(start.Add(24*time.Hour)) {
		t.Errorf("%+v", s)
	}
	if len(s.Samples) != 1 || s.Samples[0].RSS != 4 || len(s.Errors) != 1 || s.Errors[0].Shot != 2 || !errors.As(s.Errors[0], new(*CapError)) {
		t.Errorf("%+v", s)
	}
	if text := s.Errors[0].Error(); !strings.Contains(text, "snapshot 2 of the series") {
		t.Error(text)
	}
	f.answers["state"] = `{"value":{"next":"","deadline":""}}`
	if s, err := g.State(t.Context()); err != nil || !s.Next.IsZero() || !s.Deadline.IsZero() {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestVitalsOfDirs(t *testing.T) {
	v := Vitals{
		Spaces: map[string]int64{"old_space": 1, "large_object_space": 10, "new_large_object_space": 100},
		Dirs:   []Dir{{Path: "/tmp", Free: 5, Why: "tmpfs counts as memory"}, {Path: "/app", Free: 7}, {Path: "/", Free: 9}},
	}
	if v.LargeObjects() != 110 || v.DiskFree() != 7 {
		t.Errorf("large objects %d, free %d", v.LargeObjects(), v.DiskFree())
	}
	if free := (Vitals{}).DiskFree(); free != 0 {
		t.Errorf("free %d without a directory", free)
	}
}

func TestCallsAfterTheConnectionIsLost(t *testing.T) {
	lost := errors.New("lost")
	f := &target{size: pieceSize}
	g := f.install(t)
	g.Reconnect(func(context.Context, string, any) error { return lost })
	for name, call := range map[string]func() error{
		"vitals":  func() error { _, err := g.Vitals(t.Context()); return err },
		"take":    func() error { _, err := g.Take(t.Context(), Disk, TakeOptions{}); return err },
		"release": func() error { return g.Release(t.Context(), Shot{ID: 1}) },
		"state":   func() error { _, err := g.State(t.Context()); return err },
		"remove":  func() error { return g.Remove(t.Context()) },
		"pack":    func() error { _, err := g.PackPart(t.Context(), Shot{Bytes: 1}, 0, MinPart); return err },
		"send":    func() error { _, err := g.SendPart(t.Context(), Shot{Bytes: 1}, 0, Destination{}); return err },
		"scrap":   func() error { return g.ScrapParts(t.Context(), Shot{ID: 1}) },
		"look":    func() error { return Look(t.Context(), func(context.Context, string, any) error { return lost }) },
		"install": func() error {
			_, err := Install(t.Context(), func(context.Context, string, any) error { return lost }, Options{})
			return err
		},
	} {
		if err := call(); !errors.Is(err, lost) || err == lost { //nolint:errorlint // it must say more
			t.Errorf("%s: %v", name, err)
		}
	}
}
