package e2e

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/ecsheap/ecsheap/internal/fakeaws"
	"github.com/ecsheap/ecsheap/internal/nodetest"
	"github.com/ecsheap/ecsheap/internal/s3test"
)

// auditFile is the audit in the directory of a capture.
const auditFile = "audit.jsonl"

// auditLine is a line of it.
type auditLine struct {
	What, Where, Undo string
	Done              bool
}

// auditOf reads the audit of a capture.
func (w *world) auditOf(t *testing.T, dir string) []auditLine {
	t.Helper()
	path := filepath.Join(w.dir, dir, auditFile)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var lines []auditLine
	for text := range bytes.Lines(data) {
		var line auditLine
		if err := json.Unmarshal(text, &line); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		lines = append(lines, line)
	}
	return lines
}

// open lists what was done and not undone, by what it was.
func open(lines []auditLine) []string {
	var left []string
	for _, line := range lines {
		undone := line
		undone.Done = true
		if !line.Done && !slices.Contains(lines, undone) {
			left = append(left, line.What)
		}
	}
	return left
}

// s3Task has the program use an S3 server beside the world's AWS.
func s3Task(t *testing.T, w *world, s *s3test.Server, endpoint string, args ...string) *run {
	t.Helper()
	env := append(s.Env(), "AWS_ENDPOINT_URL_S3="+endpoint)
	return w.startCommand(t, "env", slices.Concat(env, []string{program, "snapshot", "--cluster", "prod", "--task", taskID}, args)...)
}

// TestS3 takes snapshots by way of S3: the same graph as by disk, and nothing
// stays there unless that is asked for.
func TestS3(t *testing.T) {
	t.Parallel()
	for _, version := range nodeVersions() {
		t.Run("node"+version, func(t *testing.T) {
			server := s3test.Start(t)
			node := bulk(t, version, 30)
			w := newWorld(t, fakeaws.Config{}, node)
			before := node.State()
			r := s3Task(t, w, server, server.URL, "--s3", "s3://"+s3test.Bucket+"/evidence", "--count", "2", "--interval", "0s", "--dir", "out")
			r.wantCode(t, 0)
			if n := w.wantWhole(t, "out"); n != 2 {
				t.Errorf("%d snapshots", n)
			}
			if files := server.Files(t); len(files) != 0 {
				t.Errorf("left in the bucket: %v", files)
			}
			series := w.load(t, "out")
			for _, s := range series.Snapshots {
				if s.Transfer != "s3" || s.S3 != "" || !s.SameObjectIDs || s.PauseFrom != "process" {
					t.Errorf("snapshot %+v", s)
				}
			}
			if left := open(w.auditOf(t, "out")); len(left) != 0 {
				t.Errorf("not undone: %v", left)
			}
			node.AwaitState(before)
			direct := w.start(t, "snapshot", "--cluster", "prod", "--task", taskID, "--transfer", "disk", "--dir", "disk")
			direct.wantCode(t, 0)
			wantSameTable(t, "s3", classTable(t, w.parse(t, "out", "s2.heapsnapshot")), classTable(t, w.parse(t, "disk", "s1.heapsnapshot")))
		})
	}
}

// TestS3Keep leaves the object where it is, and says where that is.
func TestS3Keep(t *testing.T) {
	server := s3test.Start(t)
	w := newWorld(t, fakeaws.Config{}, bulk(t, "", 4))
	r := s3Task(t, w, server, server.URL, "--s3", "s3://"+s3test.Bucket+"/evidence", "--s3-keep", "--transfer", "s3", "--dir", "out")
	r.wantCode(t, 0)
	series := w.load(t, "out")
	files := server.Files(t)
	if len(files) != 1 || series.Snapshots[0].S3 != "s3://"+s3test.Bucket+"/"+files[0] || !strings.HasPrefix(files[0], "evidence/ecsheap-api-"+taskID[:8]+"-") {
		t.Errorf("in the bucket is %v, and the manifest says %q", files, series.Snapshots[0].S3)
	}
	if left := open(w.auditOf(t, "out")); !slices.Equal(left, []string{"upload to S3 begun"}) {
		t.Errorf("not undone: %v", left)
	}
}

// TestS3Direct goes past ECS, but not past S3.
func TestS3Direct(t *testing.T) {
	server := s3test.Start(t)
	node := bulk(t, "", 4)
	w := newWorld(t, fakeaws.Config{}, node)
	args := []string{program, "snapshot", "--inspector", node.Inspector, "--s3", "s3://" + s3test.Bucket, "--s3-keep", "--dir", "out"}
	r := w.startCommand(t, "env", append(server.Env(), args...)...)
	r.wantCode(t, 0)
	if got := w.load(t, "out").Snapshots[0]; got.Transfer != "s3" || !strings.HasPrefix(got.S3, "s3://"+s3test.Bucket+"/ecsheap-local-inspector-") {
		t.Errorf("snapshot %+v", got)
	}
	if calls := w.Calls(); len(calls) != 0 {
		t.Errorf("ECS was called: %+v", calls)
	}
}

// TestS3Denied refuses before the process is touched.
func TestS3Denied(t *testing.T) {
	server := s3test.Start(t)
	w := newWorld(t, fakeaws.Config{}, bulk(t, "", 2))
	denied := s3Front(t, server, func(r *http.Request) int {
		if r.Method == http.MethodPost {
			return http.StatusForbidden
		}
		return 0
	})
	r := s3Task(t, w, server, denied.URL, "--s3", "s3://"+s3test.Bucket+"/evidence", "--dir", "out")
	r.wantCode(t, 5)
	r.wantError(t, "AWS denies s3:PutObject", "ecsheap policy operator-s3")
	w.wantEnded(t, 0)
	if _, err := os.Stat(filepath.Join(w.dir, "out")); !os.IsNotExist(err) {
		t.Errorf("there is a directory: %v", err)
	}
	r = s3Task(t, w, server, server.URL, "--s3", "s3://no-such-bucket-anywhere", "--dir", "out")
	r.wantCode(t, 4)
	r.wantError(t, `no bucket "no-such-bucket-anywhere"`)
	w.wantEnded(t, 0)
}

// TestS3Unreachable goes on through the tunnel when the process may not upload,
// unless S3 was asked for by name.
func TestS3Unreachable(t *testing.T) {
	t.Parallel()
	server := s3test.Start(t)
	w := newWorld(t, fakeaws.Config{}, bulk(t, "", 4))
	front := s3Front(t, server, func(r *http.Request) int {
		if r.Method == http.MethodPut {
			return http.StatusForbidden
		}
		return 0
	})
	r := s3Task(t, w, server, front.URL, "--s3", "s3://"+s3test.Bucket+"/evidence", "--count", "2", "--interval", "0s", "--dir", "out")
	r.wantCode(t, 0)
	series := w.load(t, "out")
	for _, s := range series.Snapshots {
		if s.Transfer != "disk" {
			t.Errorf("snapshot %d by %s", s.N, s.Transfer)
		}
	}
	if n := strings.Count(r.stderr.String(), "through the tunnel instead"); n != 1 {
		t.Errorf("told %d times:\n%s", n, r.stderr)
	}
	r = s3Task(t, w, server, front.URL, "--s3", "s3://"+s3test.Bucket+"/evidence", "--transfer", "s3", "--dir", "strict")
	r.wantCode(t, 5)
	if files := server.Files(t); len(files) != 0 {
		t.Errorf("left in the bucket: %v", files)
	}
}

// TestS3Interrupted leaves no upload behind, and does not say that it is sure of
// that when S3 does not answer.
func TestS3Interrupted(t *testing.T) {
	t.Parallel()
	server := s3test.Start(t)
	node := bulk(t, "", 4)
	before := node.State()
	w := newWorld(t, fakeaws.Config{}, node)
	uploading, held := make(chan struct{}, 1), make(chan struct{})
	release := sync.OnceFunc(func() { close(held) })
	front := s3Front(t, server, func(r *http.Request) int {
		if r.Method == http.MethodPut {
			uploading <- struct{}{}
			<-held
		}
		return 0
	})
	t.Cleanup(release) // before the front closes
	r := s3Task(t, w, server, front.URL, "--s3", "s3://"+s3test.Bucket+"/evidence", "--dir", "out")
	<-uploading
	if err := r.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	r.wantCode(t, 130)
	if files := server.Files(t); len(files) != 0 {
		t.Errorf("left in the bucket: %v", files)
	}
	w.wantEnded(t, 1)
	// The server has got all of a part, and may make something of it yet.
	r.wantError(t, "may be left in the bucket", "parts on their way got no answer", "AbortIncompleteMultipartUpload")
	if left := open(w.auditOf(t, "out")); !slices.Contains(left, "upload to S3 begun") || slices.Contains(left, "session started") {
		t.Errorf("not undone: %v", left)
	}
	node.AwaitState(before) // though the server still holds its request
}

// TestS3FallsBack goes on through the tunnel, with the snapshot that the process
// holds, whatever S3 does not do; and says so with --transfer s3.
func TestS3FallsBack(t *testing.T) {
	t.Parallel()
	isPart := func(r *http.Request) bool { return r.URL.Query().Has("uploadId") }
	for name, c := range map[string]struct {
		refused func(r *http.Request, nth int64) bool // nth of those that it says true for
		want    string
	}{
		"begin": {func(r *http.Request, nth int64) bool { // the first one is the check
			return r.Method == http.MethodPost && r.URL.Query().Has("uploads") && nth > 1
		}, "AWS denies s3:PutObject"},
		"complete": {func(r *http.Request, _ int64) bool { return r.Method == http.MethodPost && isPart(r) }, "AWS denies s3:PutObject"},
		"download": {func(r *http.Request, _ int64) bool { return r.Method == http.MethodGet && !isPart(r) }, "AWS denies s3:GetObject"},
		"download, after a while": {func(r *http.Request, _ int64) bool {
			return r.Method == http.MethodGet && r.Header.Get("Range") != "" && !strings.HasPrefix(r.Header.Get("Range"), "bytes=0-")
		}, "AWS denies s3:GetObject"},
	} {
		t.Run(name, func(t *testing.T) {
			server := s3test.Start(t)
			node := nodetest.Start(t, nodetest.Options{Script: watchedApp, Ready: "up", Inspect: true})
			w := newWorld(t, fakeaws.Config{}, node)
			var begun, gets atomic.Int64
			front := s3Front(t, server, func(r *http.Request) int {
				nth := int64(0)
				if r.URL.Query().Has("uploads") {
					nth = begun.Add(1)
				}
				if !c.refused(r, nth) {
					return 0
				}
				gets.Add(1)
				return http.StatusForbidden
			})
			r := s3Task(t, w, server, front.URL, "--s3", "s3://"+s3test.Bucket+"/evidence", "--dir", "out")
			r.wantCode(t, 0)
			if n := w.wantWhole(t, "out"); n != 1 || gets.Load() == 0 {
				t.Errorf("%d snapshots, refused %d times", n, gets.Load())
			}
			text := r.stderr.String()
			if got := w.load(t, "out").Snapshots[0].Transfer; got != "disk" || !strings.Contains(text, "through the tunnel instead") || !strings.Contains(text, c.want) {
				t.Errorf("by %s:\n%s", got, text)
			}
			if again := strings.Contains(text, "fetching it once more"); again != strings.HasPrefix(name, "download") {
				t.Errorf("fetched again: %t\n%s", again, text)
			}
			if files, left := server.Files(t), open(w.auditOf(t, "out")); len(files) != 0 || len(left) != 0 {
				t.Errorf("left in the bucket: %v; not undone: %v", files, left)
			}
			begun.Store(0)
			strict := s3Task(t, w, server, front.URL, "--s3", "s3://"+s3test.Bucket+"/evidence", "--transfer", "s3", "--dir", "strict")
			strict.wantCode(t, 5)
			strict.wantError(t, c.want)
			if files := server.Files(t); len(files) != 0 {
				t.Errorf("left in the bucket: %v", files)
			}
		})
	}
}

// watchedApp has a heap that hardly compresses, and notes how much memory beside
// the heap it had at most, and how late its timers were.
const watchedApp = `
globalThis.keep = Array.from({ length: 50000 }, () => require('crypto').randomBytes(600).toString('base64'));
const seen = globalThis.seen = { external: process.memoryUsage().external, most: 0, lags: [] };
let last = Date.now();
setInterval(() => {
  const now = Date.now();
  seen.lags.push(now - last - 10);
  last = now;
  seen.most = Math.max(seen.most, process.memoryUsage().external);
}, 10);
console.log('up', keep.length);`

// TestS3HoldsLittle uploads to a slow S3: the process holds no more than was
// promised, and its event loop goes on.
func TestS3HoldsLittle(t *testing.T) {
	const (
		held    = 48 << 20               // three parts, what is ahead of them, and what is not collected yet
		latency = 200 * time.Millisecond // of each part: far more than to pack one
		lag     = 300                    // ms; machines of CI are slow
		stops   = 5                      // longer ones: of the snapshot itself and collections of garbage before and after
	)
	for _, version := range nodeVersions() {
		t.Run("node"+version, func(t *testing.T) {
			server := s3test.Start(t)
			node := nodetest.Start(t, nodetest.Options{Version: version, Script: watchedApp, Ready: "up", Inspect: true})
			w := newWorld(t, fakeaws.Config{}, node)
			var now, most, parts atomic.Int64
			front := s3Front(t, server, func(r *http.Request) int {
				if r.Method == http.MethodPut {
					parts.Add(1)
					most.Store(max(most.Load(), now.Add(1)))
					defer now.Add(-1)
					<-time.After(latency)
				}
				return 0
			})
			s3Task(t, w, server, front.URL, "--s3", "s3://"+s3test.Bucket, "--dir", "out").wantCode(t, 0)
			var seen struct {
				External int64 `json:"external"`
				Most     int64 `json:"most"`
				Lags     []int `json:"lags"`
			}
			conn := dialNode(t, node)
			defer conn.Close()
			if err := conn.Evaluate(t.Context(), "seen", &seen); err != nil {
				t.Fatal(err)
			}
			slices.Sort(seen.Lags)
			slices.Reverse(seen.Lags)
			t.Logf("%d parts, %d at once; %.1f MB held at most; longest stops %v ms", parts.Load(), most.Load(), float64(seen.Most-seen.External)/1e6, seen.Lags[:stops+1])
			if grown := seen.Most - seen.External; grown > held || parts.Load() < 4 || most.Load() < 2 {
				t.Errorf("%d bytes held, of %d parts with up to %d on their way", grown, parts.Load(), most.Load())
			}
			if seen.Lags[stops] > lag {
				t.Errorf("the longest stops of the event loop are %v ms", seen.Lags[:2*stops])
			}
		})
	}
}

// s3Front stands before the S3 server and answers with the status that judge
// names, if it is not 0.
func s3Front(t *testing.T, s *s3test.Server, judge func(*http.Request) int) *httptest.Server {
	t.Helper()
	target, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = target.Scheme, target.Host, r.In.Host
	}}
	front := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		status := judge(r)
		if status == 0 {
			proxy.ServeHTTP(rw, r)
			return
		}
		rw.Header().Set("Content-Type", "application/xml")
		rw.WriteHeader(status)
		_, _ = rw.Write([]byte(`<Error><Code>AccessDenied</Code><Message>no</Message></Error>`))
	}))
	t.Cleanup(front.Close)
	return front
}
