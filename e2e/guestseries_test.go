package e2e

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/ecsheap/ecsheap/guest"
	"github.com/ecsheap/ecsheap/heap"
	"github.com/ecsheap/ecsheap/internal/nodetest"
)

// TestGuestDetached has the guest take a series with nobody connected, longer
// than its patience with silence, and checks that ids continue over it.
func TestGuestDetached(t *testing.T) {
	t.Parallel()
	everyNode(t, func(t *testing.T, version string) {
		t.Parallel()
		p := bulk(t, version, bulkMB)
		before := p.State()
		conn := dialNode(t, p)
		g := installGuest(t, conn.Evaluate, guest.Options{Silence: time.Second})
		err := g.Detach(t.Context(), guest.Series{
			Mode: guest.Disk, Count: 3, First: 2 * time.Second, Interval: time.Second, SampleEvery: 200 * time.Millisecond, Deadline: 10 * time.Minute,
		})
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
		eventually(t, "three snapshots are there", func() bool { return unlinked(t, p) == 3 })

		again := dialNode(t, p)
		g, err = guest.Attach(t.Context(), again.Evaluate, g.Token())
		if err != nil {
			t.Fatal(err)
		}
		// The file of the third is there before it is written.
		var state guest.State
		eventually(t, "the series is done", func() bool {
			if state, err = g.State(t.Context()); err != nil {
				t.Fatal(err)
			}
			return state.Done
		})
		checkSeries(t, state)
		var snapshots []*heap.Snapshot
		for _, shot := range state.Shots {
			snapshots = append(snapshots, parseHeap(t, first(pullShot(t, g, shot))))
		}
		wantSameIDs(t, snapshots)
		if err := g.Remove(t.Context()); err != nil {
			t.Error(err)
		}
		again.Close()
		p.AwaitState(before)
	})
}

func checkSeries(t *testing.T, s guest.State) {
	t.Helper()
	if !s.Detached || s.Count != 3 || s.Taken != 3 || len(s.Shots) != 3 || len(s.Errors) != 0 || !s.Next.IsZero() || time.Until(s.Deadline) > 10*time.Minute {
		t.Fatalf("%+v", s)
	}
	for i, shot := range s.Shots[1:] {
		if d := shot.StartedAt.Sub(s.Shots[i].StartedAt); d < 900*time.Millisecond {
			t.Errorf("snapshot %d came %v after the one before", i+2, d)
		}
	}
	if len(s.Samples) < 3 || s.Samples[0].RSS <= 0 || !s.Samples[0].At.Before(s.Samples[1].At) {
		t.Errorf("samples %+v", s.Samples)
	}
}

// wantSameIDs checks with objects of the program, and as a reader of the files
// would with ours, that every object has one id over a series.
func wantSameIDs(t *testing.T, snapshots []*heap.Snapshot) {
	t.Helper()
	var sentinels []heap.ID
	for i, s := range snapshots {
		sentinel := s.ID(only(t, s, "EcsheapGuest"))
		sentinels = append(sentinels, sentinel)
		if sentinel != sentinels[0] {
			t.Errorf("the sentinel has id %d, then %d", sentinels[0], sentinel)
		}
		if i == 0 {
			continue
		}
		highest := heap.ID(0)
		for n := range heap.Node(snapshots[i-1].NumNodes()) {
			if id := snapshots[i-1].ID(n); id%2 == 1 { // even ones are not of V8's heap
				highest = max(highest, id)
			}
		}
		if mark := s.ID(property(t, s, only(t, s, "EcsheapGuest"), fmt.Sprintf("shot%d", i+1))); mark <= highest {
			t.Errorf("the mark of snapshot %d has id %d, the one before has ids up to %d", i+1, mark, highest)
		}
		wantSameOrders(t, snapshots[0], s)
	}
}

// wantSameOrders compares the markers of objects with the same id.
func wantSameOrders(t *testing.T, a, b *heap.Snapshot) {
	t.Helper()
	byID := map[heap.ID]heap.Node{}
	for n := range heap.Node(b.NumNodes()) {
		byID[b.ID(n)] = n
	}
	compared := 0
	for n := range heap.Node(a.NumNodes()) {
		if a.Type(n) != heap.ObjectNode || a.RawName(n) != "Order" {
			continue
		}
		other, ok := byID[a.ID(n)]
		if !ok {
			t.Fatalf("id %d is in one snapshot only", a.ID(n))
		}
		want, got := a.RawName(property(t, a, n, "marker")), b.RawName(property(t, b, other, "marker"))
		if want != got {
			t.Fatalf("id %d is %s, then %s", a.ID(n), want, got)
		}
		compared++
	}
	if compared < 1000 {
		t.Errorf("only %d objects compared", compared)
	}
}

// only returns the one object of a class.
func only(t *testing.T, s *heap.Snapshot, class string) heap.Node {
	t.Helper()
	if n := classCount(s, class); n != 1 {
		t.Fatalf("%d objects of class %s", n, class)
	}
	for n := range heap.Node(s.NumNodes()) {
		if s.Type(n) == heap.ObjectNode && s.RawName(n) == class {
			return n
		}
	}
	panic("unreachable")
}

// property returns what a property of an object refers to.
func property(t *testing.T, s *heap.Snapshot, n heap.Node, name string) heap.Node {
	t.Helper()
	for ref := range s.Out(n) {
		if s.EdgeName(ref.Edge) == name {
			return ref.To
		}
	}
	t.Fatalf("no property %s", name)
	return 0
}

// TestGuestDeadline leaves a series alone for good.
func TestGuestDeadline(t *testing.T) {
	t.Parallel()
	p := bulk(t, "", bulkMB)
	before := p.State()
	conn := dialNode(t, p)
	g := installGuest(t, conn.Evaluate, guest.Options{Silence: 500 * time.Millisecond})
	if err := g.Detach(t.Context(), guest.Series{Mode: guest.Disk, Count: 1, Deadline: 3 * time.Second}); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	eventually(t, "the snapshot is there", func() bool { return unlinked(t, p) == 1 })
	p.AwaitState(before)
	wantNoGuest(t, dialNode(t, p))
}

// TestGuestSeriesStops has a series end when it would do harm.
func TestGuestSeriesStops(t *testing.T) {
	t.Parallel()
	p := bulk(t, "", bulkMB)
	for name, series := range map[string]guest.Series{
		"held and no more than":  {Mode: guest.Disk, MaxBytes: 20e6},
		"bytes are held and":     {Mode: guest.Memory, MaxBytes: 3e6},
		"more than 1 MB of the ": {Mode: guest.Memory, MaxBytes: 1e6}, // the first one is too large already
		"more than 0 MB of the ": {Mode: guest.Memory, Take: guest.TakeOptions{Cap: 1000}},
	} {
		conn := dialNode(t, p)
		g := installGuest(t, conn.Evaluate, guest.Options{})
		series.Count, series.First, series.Interval, series.Deadline = 3, 2*time.Second, time.Millisecond, time.Minute
		if err := g.Detach(t.Context(), series); err != nil {
			t.Fatal(err)
		}
		if err := g.Detach(t.Context(), series); err == nil {
			t.Error("a second series")
		}
		var state guest.State
		eventually(t, "the series is done", func() bool {
			var err error
			if state, err = g.State(t.Context()); err != nil {
				t.Fatal(err)
			}
			return state.Done
		})
		if len(state.Shots) > 1 || len(state.Errors) == 0 || !strings.Contains(state.Errors[0].Error(), name) {
			t.Errorf("%d snapshots, errors %v, want %q", len(state.Shots), state.Errors, name)
		}
		if err := g.Remove(t.Context()); err != nil {
			t.Error(err)
		}
		conn.Close()
	}
}

// objectStore takes parts as S3 does.
type objectStore struct {
	mu    sync.Mutex
	parts map[int][]byte
	sent  int
	fail  func(w http.ResponseWriter, r *http.Request) bool
}

func (o *objectStore) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil || r.Method != http.MethodPut || int64(len(body)) != r.ContentLength {
		http.Error(w, "not a whole PUT", http.StatusBadRequest)
		return
	}
	if o.fail != nil && o.fail(w, r) {
		return
	}
	n, err := strconv.Atoi(r.URL.Query().Get("partNumber"))
	if err != nil {
		http.Error(w, "no part", http.StatusBadRequest)
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.parts[n] = body
	o.sent++
	w.Header().Set("ETag", fmt.Sprintf(`"part%d"`, n))
}

// must fails the test on an error.
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
		return v
	}
}

// TestGuestUploads puts the parts together again.
func TestGuestUploads(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"20", "24"} {
		for _, mode := range []guest.Mode{guest.Disk, guest.Memory} {
			t.Run(version+"/"+string(mode), func(t *testing.T) {
				p := bulk(t, version, 80)
				conn := dialNode(t, p)
				g := installGuest(t, conn.Evaluate, guest.Options{})
				shot := takeShot(t, g, mode)
				want, _ := pullShot(t, g, shot)
				before := p.State()
				store := &objectStore{parts: map[int][]byte{}}
				server := httptest.NewServer(store)
				defer server.Close()
				object := upload(t, g, shot, server.URL, store)
				if !bytes.Equal(object, want) {
					t.Errorf("%d bytes that differ from the %d pulled", len(object), len(want))
				}
				server.Close()
				p.AwaitState(before)
			})
		}
	}
}

// upload uploads a snapshot in parts and returns what it is in the store. Every
// call is made twice, as after a lost answer.
func upload(t *testing.T, g *guest.Guest, shot guest.Shot, url string, store *objectStore) []byte {
	t.Helper()
	var object bytes.Buffer
	codec := ""
	for offset, n := int64(0), 1; offset < shot.Bytes; n++ {
		var part, again guest.Part
		var both sync.WaitGroup
		both.Go(func() { part = must(g.PackPart(t.Context(), shot, offset, guest.MinPart))(t) })
		both.Go(func() { again = must(g.PackPart(t.Context(), shot, offset, guest.MinPart))(t) })
		both.Wait()
		to := guest.Destination{URL: fmt.Sprintf("%s/key?partNumber=%d&X-Amz-Signature=secret", url, n)}
		etag := must(g.SendPart(t.Context(), shot, offset, to))(t)
		if same := must(g.SendPart(t.Context(), shot, offset, to))(t); same != etag || part != again {
			t.Fatalf("part %d: %+v and %s, then %+v and %s", n, part, etag, again, same)
		}
		if etag != fmt.Sprintf(`"part%d"`, n) || part.Bytes != int64(len(store.parts[n])) || part.Last != (offset+part.Plain == shot.Bytes) || !part.Last && part.Bytes < guest.MinPart {
			t.Fatalf("part %d: %+v, %s", n, part, etag)
		}
		object.Write(store.parts[n])
		codec = part.Codec
		offset += part.Plain
	}
	if len(store.parts) < 2 || store.sent != len(store.parts) {
		t.Errorf("%d parts, sent %d times", len(store.parts), store.sent)
	}
	r, err := io.Reader(nil), error(nil)
	if codec == "zstd" {
		r, err = zstd.NewReader(&object)
	} else {
		r, err = gzip.NewReader(&object)
	}
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

func TestGuestUploadRefused(t *testing.T) {
	p := bulk(t, "", bulkMB)
	conn := dialNode(t, p)
	g := installGuest(t, conn.Evaluate, guest.Options{})
	shot := takeShot(t, g, guest.Disk)
	if _, err := g.SendPart(t.Context(), shot, 0, guest.Destination{URL: "http://127.0.0.1:1/"}); err == nil || !strings.Contains(err.Error(), "no part at 0") {
		t.Errorf("sent what is not there: %v", err)
	}
	must(g.PackPart(t.Context(), shot, 0, guest.MinPart))(t)
	store := &objectStore{parts: map[int][]byte{}, fail: func(w http.ResponseWriter, r *http.Request) bool {
		switch r.URL.Path {
		case "/denied":
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>`)
		case "/silent":
			w.WriteHeader(http.StatusInternalServerError)
		case "/broken":
			panic(http.ErrAbortHandler)
		}
		return true
	}}
	server := httptest.NewServer(store)
	server.Config.ErrorLog = nil
	defer server.Close()
	closed := httptest.NewServer(store)
	closed.Close()
	for url, want := range map[string]guest.UploadError{
		server.URL + "/denied": {Status: 403, Code: "AccessDenied", Message: "Request has expired"},
		server.URL + "/silent": {Status: 500, Message: "the server gave no reason"},
		server.URL + "/broken": {Code: "ECONNRESET", Message: "request ECONNRESET"},
		closed.URL + "/":       {Code: "ECONNREFUSED", Message: "connect ECONNREFUSED"},
		"http://no.invalid/":   {Code: "ENOTFOUND", Message: "getaddrinfo ENOTFOUND"},
		"gopher://x/":          {Code: "ERR_INVALID_PROTOCOL", Message: "request ERR_INVALID_PROTOCOL"},
	} {
		_, err := g.SendPart(t.Context(), shot, 0, guest.Destination{URL: url + "?X-Amz-Signature=secret"})
		got, ok := errors.AsType[*guest.UploadError](err)
		switch {
		case !ok || got.Hint() == "":
			t.Errorf("%s: error %v", url, err)
		case got.Code == "EAI_AGAIN" && want.Code == "ENOTFOUND":
		case got.Status != want.Status || got.Code != want.Code || want.Message != "" && got.Message != want.Message:
			t.Errorf("%s: %+v", url, got)
		case strings.Contains(got.Error()+got.Hint(), "secret"):
			t.Errorf("the URL is in %v", got)
		}
	}
}

// TestGuestSeesLimits puts the process into a memory cgroup of its own.
func TestGuestSeesLimits(t *testing.T) {
	const limit = 300 << 20
	p := bulk(t, "", bulkMB)
	dir := cgroupWith(t, p, limit)
	conn := dialNode(t, p)
	g := installGuest(t, conn.Evaluate, guest.Options{})
	v, err := g.Vitals(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if v.MemoryLimit != limit || v.OOMKills != 0 {
		t.Errorf("in %s: limit %d (%v), %d kills, want %d", dir, v.MemoryLimit, v.Limits, v.OOMKills, limit)
	}
	// What the process had before it came stays with the cgroup it came from.
	if v.MemoryUsed <= 0 || v.MemoryUsed > limit {
		t.Errorf("%d used", v.MemoryUsed)
	}
	// A series does not take what does not fit.
	if err := g.Detach(t.Context(), guest.Series{Mode: guest.Disk, Count: 1, Headroom: 1000, Deadline: time.Minute}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the series is done", func() bool {
		state, err := g.State(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if state.Done && (len(state.Shots) != 0 || len(state.Errors) != 1 || !strings.Contains(state.Errors[0].Error(), "bytes of memory")) {
			t.Errorf("%+v", state)
		}
		return state.Done
	})
}

// TestGuestSeriesUsesAgain: what a snapshot has taken stays with the process and is
// used for the next one, so a series goes on where the first one just fitted.
func TestGuestSeriesUsesAgain(t *testing.T) {
	p := bulk(t, "", 60)
	const limit = 370 << 20
	cgroupWith(t, p, limit)
	conn := dialNode(t, p)
	g := installGuest(t, conn.Evaluate, guest.Options{})
	v, err := g.Vitals(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const need = 200e6 // of the forecast: more than half of the limit
	series := guest.Series{Mode: guest.Disk, Count: 3, Interval: time.Millisecond, Headroom: need / float64(v.HeapUsed), Deadline: time.Minute}
	if err := g.Detach(t.Context(), series); err != nil {
		t.Fatal(err)
	}
	var state guest.State
	eventually(t, "the series is done", func() bool {
		if state, err = g.State(t.Context()); err != nil {
			t.Fatal(err)
		}
		return state.Done
	})
	if len(state.Shots) != 3 || len(state.Errors) != 0 {
		t.Fatalf("%d snapshots, errors %v", len(state.Shots), state.Errors)
	}
	if v, err = g.Vitals(t.Context()); err != nil || v.MemoryUsed+need < limit || v.OOMKills != 0 {
		t.Errorf("the test shows nothing: %d of %d used, %d kills, %v", v.MemoryUsed, limit, v.OOMKills, err)
	}
}

// cgroupWith makes a memory cgroup with a limit and moves the process there.
// The test is skipped where that is not allowed.
func cgroupWith(t *testing.T, p *nodetest.Process, limit int64) string {
	t.Helper()
	for root, file := range map[string]string{"/sys/fs/cgroup/memory": "memory.limit_in_bytes", "/sys/fs/cgroup": "memory.max"} {
		dir := filepath.Join(root, fmt.Sprintf("ecsheap-test-%d", p.PID))
		if _, err := os.Stat(filepath.Join(root, "cgroup.procs")); err != nil || os.Mkdir(dir, 0o755) != nil {
			continue
		}
		t.Cleanup(func() {
			_ = p.Kill() // a cgroup with a process in it cannot be removed
			if err := os.Remove(dir); err != nil {
				t.Error(err)
			}
		})
		err := os.WriteFile(filepath.Join(dir, file), []byte(strconv.FormatInt(limit, 10)), 0o600)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(p.PID)), 0o600)
		}
		if err == nil {
			return dir
		}
	}
	t.Skip("making a memory cgroup is not allowed here")
	return ""
}
